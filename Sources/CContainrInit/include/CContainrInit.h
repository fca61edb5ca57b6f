// The launch plan: what a new process does between clone3(2) and execve(2), as data.
//
// A plan is one block of bytes: a header, fixed-size operations, then a data area that operations refer to by offset. It
// holds no pointer, so it can be checked, copied, printed and fuzzed. ci_check() refuses every malformed plan; ci_spawn()
// checks, clones and runs one. The child shares the parent's memory (CLONE_VM | CLONE_VFORK) and makes system calls only:
// no allocation, no lock, no libc call, no thread-local variable.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
  CI_MAGIC = 0x544e4f43,  // "CONT"
  CI_VERSION = 1,
  CI_SLOTS = 128,             // descriptors a plan can name
  CI_SLOT_NONE = 0xff,        // no descriptor
  CI_SLOT_WORKING_DIRECTORY = 0xfe,  // AT_FDCWD
  CI_MAXIMUM_SIZE = 1 << 24,
  CI_MESSAGE_SIZE = 240,
  CI_IN_THE_PARENT = -1,  // ci_report.operation when clone3(2) itself failed
};

struct ci_plan {
  uint32_t magic;
  uint32_t version;
  uint32_t size;             // of the whole plan in bytes
  uint32_t operation_count;  // operations follow the header
  uint32_t pointer_count;    // room for argument and environment pointers that execve needs
  uint32_t reserved;
};

struct ci_operation {
  uint32_t code;
  uint32_t flags;
  uint64_t argument[6];
};

// Operation codes. The comment lists the arguments: n number, s string, s? string or 0, b bytes (two arguments: offset and
// length), v list of strings (two arguments: offset of uint32 offsets, and count), d descriptor slot, d? slot or none,
// o slot that is filled.
enum ci_code {
  CI_PROPAGATION = 1,      // n propagation                         mount_setattr(2) of / and all below
  CI_MOUNT = 2,            // o, s type, s? source, v options, n attributes   fsopen, fsconfig, fsmount
  CI_BIND = 3,             // o, d directory, s? path               open_tree(2); flag 1: recursive
  CI_MOUNT_ATTRIBUTES = 4, // d mount, n set, n clear, n propagation, d? user namespace; flag 1: recursive
  CI_ATTACH = 5,           // d mount, d root, s path               move_mount(2); flags below
  CI_MAKE_DIRECTORY = 6,   // d root, s path, n mode
  CI_SYMBOLIC_LINK = 7,    // d root, s path, s target
  CI_DEVICE = 8,           // d root, s path, n mode, n device, n uid, n gid
  CI_MASK = 9,             // d root, s path, d null device, d empty directory
  CI_READ_ONLY = 10,       // d root, s path
  CI_PIVOT = 11,           // d root
  CI_CHANGE_ROOT = 12,     // d root
  CI_HOSTNAME = 13,        // s
  CI_DOMAIN_NAME = 14,     // s
  CI_WRITE_PROC = 15,      // d procfs, s path, b text
  CI_WRITE = 16,           // d file, b text
  CI_RESOURCE_LIMIT = 17,  // n resource, n soft, n hard
  CI_GROUPS = 18,          // b gids as uint32
  CI_IDS = 19,             // n uid, n gid
  CI_BOUNDING = 20,        // n capabilities that stay
  CI_CAPABILITIES = 21,    // n effective, n permitted, n inheritable
  CI_AMBIENT = 22,         // n capabilities
  CI_CONTROL = 23,         // n option, n value                     prctl(2)
  CI_SECCOMP = 24,         // b struct sock_filter[], o? listener; flags of seccomp(2)
  CI_NEW_SESSION = 25,     //                                       setsid(2)
  CI_TERMINAL = 26,        // d devpts, o controller, o terminal, n rows, n columns, n owner
  CI_SEND = 27,            // d socket, d descriptor, n mark         sendmsg(2) with SCM_RIGHTS, the mark in the last register
  CI_STANDARD_STREAMS = 28,// d?, d?, d?
  CI_CONTROLLING_TERMINAL = 29, // d terminal                       ioctl(2) TIOCSCTTY
  CI_WORKING_DIRECTORY = 30,    // s path; flag 1: may be outside of the root (a spawn without a root of its own)
  CI_BARRIER = 31,         // d socket, n name (1...255)
  CI_JOIN = 32,            // d namespace or pidfd, n types         setns(2)
  CI_UNSHARE = 33,         // n types                               unshare(2)
  CI_FORK = 34,            //                                       clone3(2) with CLONE_PARENT
  CI_INTERFACE_UP = 35,    // s name
  CI_FILE_MODE_MASK = 36,  // n                                     umask(2)
  CI_SESSION_KEYRING = 37, // s? name                               keyctl(2)
  CI_CLOSE_FROM = 38,      // n first                               close_range(2); flag 1: on exec
  CI_SIGNALS = 39,         // n signals that stay blocked
  CI_EXECUTE = 40,         // v paths, v arguments, v environment; flags: CI_EXECUTE_*
  CI_OPEN = 41,            // o, d directory, s path, n flags; flag 1: resolve inside the directory
  CI_CLASSIC_MOUNT = 42,   // s source, s target, s type, n flags, s data   mount(2), for kernels that need it
  CI_CLOSE = 43,           // d
  CI_RECONFIGURE = 44,     // d mount, v options                    fspick(2), fsconfig(2)
  CI_COPY_TREE = 45,       // d target directory, d root, s path; flag 1: mode and owner of the directory itself, too
  CI_LANDLOCK_RULESET = 46,  // o, n handled file rights, n handled network rights, n scopes   landlock_create_ruleset(2)
  CI_LANDLOCK_PATH = 47,     // d ruleset, d root, s path, n rights   landlock_add_rule(2); flag 1: the path may be missing
  CI_LANDLOCK_PORT = 48,     // d ruleset, n port, n rights           landlock_add_rule(2)
  CI_LANDLOCK_RESTRICT = 49, // d ruleset; flags of landlock_restrict_self(2)
  CI_AWAIT_START = 50,     // d listening socket, n first           accept4(2); all descriptors from the first on are closed
  CI_HOOK = 51,            // v path and arguments, v environment, b input; flags: seconds until it is killed, or 0
  CI_FIND_PROGRAM = 52,    // v paths                                 the first that is there is executable, or the failure of CI_EXECUTE
  CI_ATTRIBUTE = 53,       // n kind (1 scheduler, 2 I/O priority, 3 memory policy, 4 personality, 5 CPUs), n value, n value, b data
  CI_CODE_END = 54,
};

enum {
  // CI_ATTACH
  CI_ATTACH_CREATE = 1,            // make a missing mount point: a directory, or a file for a mount of a file
  CI_ATTACH_NO_SYMBOLIC_LINKS = 2, // refuse a mount point behind a symbolic link
  CI_ATTACH_HOST = 4,              // the path is one of the host's, not inside a root

  // CI_EXECUTE
  CI_EXECUTE_BY_DESCRIPTOR = 1,    // what was checked is what is executed
  CI_EXECUTE_ANY_LINK = 2,         // the path is the host's: magic links of procfs lead where they lead
};

enum {
  // CI_LANDLOCK_PATH: the rights of a file that is no directory, EXECUTE WRITE_FILE READ_FILE TRUNCATE IOCTL_DEV.
  CI_LANDLOCK_FILE_RIGHTS = 1 << 0 | 1 << 1 | 1 << 2 | 1 << 14 | 1 << 15,
};

// What happened. Written by the child into memory that it shares with the parent.
struct ci_report {
  int32_t operation;  // index of the operation that failed, CI_IN_THE_PARENT
  int32_t error;      // errno, 0 on success
  int32_t call;       // number of the system call that failed
  int32_t pid;        // of the process made by CI_FORK, else 0
  char message[CI_MESSAGE_SIZE];  // the kernel's own words about a mount, NUL-terminated
};

struct ci_spawn {
  const void *plan;
  size_t plan_size;
  uint64_t clone_flags;     // CLONE_NEW* and no others
  int32_t cgroup;           // directory of a v2 cgroup for CLONE_INTO_CGROUP, or -1
  const int32_t *slots;     // the parent's descriptors for the first slots
  size_t slot_count;
  int32_t parent_end;       // the parent's end of the socket, which the child must not keep open, or -1
  uint64_t *nanoseconds;    // one duration an operation, or NULL
  struct ci_report *report; // written while the child runs: report->pid can be read at a barrier after CI_FORK
  // 1: the child gets a copy of this program's memory. Then nanoseconds and report must be in a mapping that is MAP_SHARED.
  uint32_t copy_memory;
  // 1: ci_spawn() does not wait for the child, which may outlive this program; needs copy_memory.
  uint32_t detached;
  // Both are filled before the child runs, so another thread can serve barriers while ci_spawn() waits.
  int32_t pidfd;
  int32_t pid;
};

// 0 when the plan is well formed; else -EINVAL, with the index of the bad operation (or -1) in *operation.
int ci_check(const void *plan, size_t size, int *operation);

// Clones a process that runs the plan, and returns when it has executed its program or failed: 0, or -errno of clone3(2)
// or of a malformed plan. Whether the plan succeeded is in the report. The caller owns pidfd; it reaps the process.
int ci_spawn(struct ci_spawn *spawn);

// The name of a system call that the child makes, "move_mount", or NULL.
const char *ci_call_name(int call);
