#include "CContainrInit.h"
