#include "CContainrLinux.h"
