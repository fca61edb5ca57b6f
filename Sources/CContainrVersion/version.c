#include "CContainrVersion.h"

// "Jul  4 2026" as "2026-07-04", worked out by the compiler.
#define MONTH                                                                            \
  (__DATE__[0] == 'J' ? (__DATE__[1] == 'a' ? 1 : __DATE__[2] == 'n' ? 6 : 7)            \
   : __DATE__[0] == 'F' ? 2                                                              \
   : __DATE__[0] == 'M' ? (__DATE__[2] == 'r' ? 3 : 5)                                   \
   : __DATE__[0] == 'A' ? (__DATE__[1] == 'p' ? 4 : 8)                                   \
   : __DATE__[0] == 'S' ? 9                                                              \
   : __DATE__[0] == 'O' ? 10                                                             \
   : __DATE__[0] == 'N' ? 11                                                             \
                        : 12)

static const char compiled[] = {
    __DATE__[7], __DATE__[8], __DATE__[9], __DATE__[10], '-', '0' + MONTH / 10, '0' + MONTH % 10, '-',
    __DATE__[4] == ' ' ? '0' : __DATE__[4], __DATE__[5], 0};

const char *containr_version(void) { return CONTAINR_VERSION; }
const char *containr_commit(void) { return CONTAINR_COMMIT; }
int containr_has_local_changes(void) { return CONTAINR_HAS_LOCAL_CHANGES; }
const char *containr_build_date(void) { return CONTAINR_BUILD_DATE[0] ? CONTAINR_BUILD_DATE : compiled; }
const char *containr_swift_version(void) { return CONTAINR_SWIFT_VERSION; }
