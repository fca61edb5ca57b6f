// What the build was made from. Package.swift gives the values to this one small target, so that a new commit recompiles
// one C file and links again, and nothing else.
#pragma once

const char *containr_version(void);
const char *containr_commit(void);         // empty unless make passed it on
int containr_has_local_changes(void);      // 1 where files differed from the commit
const char *containr_build_date(void);     // ISO 8601: the commit's under make, else the compilation's
const char *containr_swift_version(void);  // empty unless make passed it on
