// The kernel-call floor of a container start: the system calls a default container needs and nothing else, so that a
// runtime's own cost can be read as a ratio to it. One file, no configuration language, no error recovery.
//
//   floor --workspace DIR --once                 one container, for comparison with whole processes
//   floor --workspace DIR --rounds N [--json]    create -> exit in one process, medians
//   floor --workspace DIR --parts [--rounds N]   the same, with the time of every step
//   floor --workspace DIR --samples --rounds N   the same, every round's nanoseconds on a line
//   floor --enter PID                            /bin/true in the container whose process PID is, as `exec` does it
//   floor --write-seccomp FILE                   compile the filter, so that --seccomp FILE need not
//   floor --seccomp-json                         the same filter as the `seccomp` object of an OCI config.json
//
// DIR/rootfs is the lower layer; it holds /bin/true and the empty directories proc, sys and dev.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/mount.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef SYS_open_tree_attr
#define SYS_open_tree_attr 467
#endif
#define BIND_CLONE (1 /* OPEN_TREE_CLONE */ | O_CLOEXEC | AT_EMPTY_PATH)
#define DETACH 2 /* MNT_DETACH; <sys/mount.h> clashes with <linux/mount.h> */

// MARK: - options

enum upper { UPPER_DISK, UPPER_TMPFS };
enum cgroup_view { VIEW_BIND, VIEW_MOUNT, VIEW_NONE };

static struct {
  const char *workspace, *cgroup_root, *filter_file, *program;
  int rounds, warmup, pause_us, once, json, parts, samples;
  int no_net, no_ipc, no_uts, no_pid, no_cgroups, no_seccomp, no_masks, no_caps, no_loopback, no_sys, no_mqueue, no_exec;
  int no_overlay;      // a bind of the rootfs instead
  int scratch;         // attach the root at a directory instead of over "/"
  int late_attach;     // assemble the whole tree detached, attach it once (kernel 6.15)
  int attr_calls;      // open_tree_attr(2) for read-only paths (kernel 6.15)
  int one_tmpfs;       // /dev, the masks and the cgroup directory are directories of one tmpfs
  int net_helper;      // a thread makes the network namespace while this one makes the cgroups
  int few_cgroups;     // memory, pids and devices only: version 2 freezes, kills and accounts CPU time without a controller
  int reuse;           // keep upper and work for the next start, as a pool would
  int cpuset;          // also cpuset and the named systemd hierarchy, as runc does
  int not_volatile;
  enum upper upper;
  enum cgroup_view view;
} o = {.workspace = NULL, .cgroup_root = "/sys/fs/cgroup", .program = "/bin/true", .rounds = 200, .warmup = 20};

// MARK: - steps

#define STEPS(S)                                                                                                      \
  S(MKDIR_UPPER, "mkdir upper, work") S(MKDIR_CGROUPS, "mkdir cgroups, open tasks") S(DEVICE_RULES, "device rules") \
  S(CLONE, "clone3, all namespaces") S(JOIN, "join v1 cgroups, unshare cgroup ns") S(PRIVATE, "mount_setattr / private") S(OVERLAY, "overlay")            \
  S(ATTACH, "attach root") S(PROC, "proc") S(DEV, "dev tmpfs") S(NODES, "device nodes, links") S(DEVPTS, "devpts")      \
  S(SHM, "shm tmpfs") S(MQUEUE, "mqueue") S(SYS, "sysfs") S(CGROUP_VIEW, "cgroup mounts") S(MASKS, "masked paths")      \
  S(READONLY, "read-only paths") S(LATE, "attach tree") S(PIVOT, "pivot_root") S(UNMOUNT, "umount old root")           \
  S(HOSTNAME, "sethostname") S(LOOPBACK, "loopback up") S(CAPS, "capabilities, ids") S(SECCOMP, "seccomp load")         \
  S(CLOSE, "close_range") S(EXEC, "execve") S(EXIT, "run, exit, wait") S(RMDIR_CGROUPS, "rmdir cgroups")               \
  S(RMDIR_UPPER, "remove upper, work")
#define NAME(id, text) STEP_##id,
enum step { STEPS(NAME) STEP_COUNT };
#undef NAME
#define NAME(id, text) text,
static const char *const step_name[] = {STEPS(NAME)};

static uint64_t spent[STEP_COUNT], last;
static volatile int failed_step = -1, failed_errno;

static uint64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}
static void mark(enum step step) {
  if (!o.parts) return;
  uint64_t t = now();
  spent[step] += t - last;
  last = t;
}
// The child shares the parent's memory, so the parent reads what failed from these variables.
static void fail(enum step step) {
  failed_errno = errno;
  failed_step = step;
  _exit(125);
}
#define TRY(step, call) __extension__({ long r_ = (call); if (r_ < 0) fail(step); r_; })
static void die(const char *what) {
  fprintf(stderr, "floor: %s: %s\n", what, strerror(errno));
  exit(1);
}

// MARK: - system calls without a wrapper in glibc 2.36's headers when <linux/mount.h> is used

static long sys_fsopen(const char *type) { return syscall(SYS_fsopen, type, 1 /* FSOPEN_CLOEXEC */); }
static long sys_fsconfig(int fd, unsigned command, const char *key, const char *value, int aux) {
  return syscall(SYS_fsconfig, fd, command, key, value, aux);
}
static long sys_fsmount(int fd, unsigned attributes) { return syscall(SYS_fsmount, fd, 1 /* CLOEXEC */, attributes); }
static long sys_open_tree(int fd, const char *path, unsigned flags) { return syscall(SYS_open_tree, fd, path, flags); }
static long sys_move_mount(int mount, int directory, const char *path) {
  return syscall(SYS_move_mount, mount, "", directory, path,
                 MOVE_MOUNT_F_EMPTY_PATH | (*path ? 0 : MOVE_MOUNT_T_EMPTY_PATH));
}
static long sys_mount_setattr(int fd, const char *path, unsigned flags, uint64_t set, uint64_t propagation) {
  struct mount_attr attributes = {.attr_set = set, .propagation = propagation};
  return syscall(SYS_mount_setattr, fd, path, flags, &attributes, sizeof attributes);
}

// clone3 on a stack of its own; glibc exports no wrapper. The child calls `entry` and exits with its result.
static long clone3_call(struct clone_args *arguments, int (*entry)(void *)) {
#if defined(__x86_64__)
  register long result __asm__("rax") = SYS_clone3;
  register void *function __asm__("r8") = (void *)entry;
  __asm__ volatile(
      "syscall\n\ttest %%rax, %%rax\n\tjnz 1f\n\txor %%ebp, %%ebp\n\txor %%edi, %%edi\n\tcall *%%r8\n\t"
      "mov %%eax, %%edi\n\tmov $231, %%eax\n\tsyscall\n1:"
      : "+r"(result) : "D"(arguments), "S"(sizeof *arguments), "r"(function) : "rcx", "r11", "memory");
#elif defined(__aarch64__)
  register long number __asm__("x8") = SYS_clone3;
  register long result __asm__("x0") = (long)arguments;
  register long size __asm__("x1") = sizeof *arguments;
  register void *function __asm__("x9") = (void *)entry;
  __asm__ volatile("svc #0\n\tcbnz x0, 1f\n\tblr x9\n\tmov x8, #94\n\tsvc #0\n1:"
                   : "+r"(result) : "r"(number), "r"(size), "r"(function) : "memory");
#endif
  if (result < 0) { errno = (int)-result; return -1; }
  return result;
}

// MARK: - seccomp

// Everything the kernel offers but these: what loads code into the kernel, changes the machine or reaches other processes.
static const char *const denied[] = {
    "acct", "add_key", "bpf", "clock_adjtime", "clock_settime", "create_module", "delete_module", "finit_module",
    "fsconfig", "fsmount", "fsopen", "fspick", "get_kernel_syms", "get_mempolicy", "init_module", "ioperm", "iopl",
    "io_uring_enter", "io_uring_register", "io_uring_setup", "kcmp", "kexec_file_load", "kexec_load", "keyctl",
    "lookup_dcookie", "mbind", "mount", "mount_setattr", "move_mount", "move_pages", "nfsservctl", "open_by_handle_at",
    "open_tree", "perf_event_open", "pivot_root", "process_vm_readv", "process_vm_writev", "ptrace", "query_module",
    "quotactl", "quotactl_fd", "reboot", "request_key", "set_mempolicy", "setns", "settimeofday", "stime", "swapoff",
    "swapon", "sysfs", "syslog", "umount", "umount2", "unshare", "uselib", "userfaultfd", "ustat", "vhangup", "vm86",
    "vm86old", "_sysctl", "clone3"};
static const uint64_t personalities[] = {0, 8, 0x20000, 0x20008, 0xffffffff};
#define NEW_NAMESPACES 0x7e020000u

static int is_denied(const char *name) {
  for (size_t i = 0; i < sizeof denied / sizeof *denied; i++)
    if (!strcmp(name, denied[i])) return 1;
  return 0;
}
static int is_conditional(const char *name) { return !strcmp(name, "clone") || !strcmp(name, "personality"); }

static void each_allowed(void (*body)(const char *name, void *context), void *context) {
  for (int number = 0; number < 470; number++) {
    char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, number);
    if (name && !is_denied(name) && !is_conditional(name)) body(name, context);
    free(name);
  }
}
static void add_rule(const char *name, void *context) {
  seccomp_rule_add(context, SCMP_ACT_ALLOW, seccomp_syscall_resolve_name(name), 0);
}
static void print_name(const char *name, void *context) {
  int *count = context;
  printf("%s\"%s\"", (*count)++ ? "," : "", name);
}

// The same decisions as a binary search over ranges of system call numbers: a few hundred instructions where libseccomp
// writes one comparison a call. The kernel translates the program, and runs it once for every system call number to know
// which are always allowed, so both the length and the depth are paid at every start.
enum action { ALLOW, DENY, NOSYS, CLONE_RULE, PERSONALITY_RULE };
enum { NUMBERS = 512, PROGRAM_MAX = 4096 };
static struct sock_filter program[PROGRAM_MAX];
static int program_length;
static struct { uint32_t first; enum action action; } ranges[NUMBERS];

static int emit(uint16_t code, uint8_t yes, uint8_t no, uint32_t value) {
  if (program_length == PROGRAM_MAX) die("filter too long");
  program[program_length] = (struct sock_filter){code, yes, no, value};
  return program_length++;
}
static void emit_return(uint32_t action) { emit(BPF_RET | BPF_K, 0, 0, action); }
static void emit_action(enum action action) {
  const uint32_t refuse = SECCOMP_RET_ERRNO | EPERM;
  if (action == CLONE_RULE || action == PERSONALITY_RULE)
    emit(BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(struct seccomp_data, args));  // the low half; both calls ignore the other
  switch (action) {
    case ALLOW: emit_return(SECCOMP_RET_ALLOW); break;
    case DENY: emit_return(refuse); break;
    case NOSYS: emit_return(SECCOMP_RET_ERRNO | ENOSYS); break;
    case CLONE_RULE:
      emit(BPF_JMP | BPF_JSET | BPF_K, 0, 1, NEW_NAMESPACES);
      emit_return(refuse);
      emit_return(SECCOMP_RET_ALLOW);
      break;
    case PERSONALITY_RULE:
      for (size_t i = 0; i < sizeof personalities / sizeof *personalities; i++) {
        emit(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, (uint32_t)personalities[i]);
        emit_return(SECCOMP_RET_ALLOW);
      }
      emit_return(refuse);
  }
}
static void emit_search(int low, int high) {
  if (high - low == 1) {
    emit_action(ranges[low].action);
    return;
  }
  int middle = (low + high) / 2;
  emit(BPF_JMP | BPF_JGE | BPF_K, 0, 1, ranges[middle].first);
  int jump = emit(BPF_JMP | BPF_JA, 0, 0, 0);
  emit_search(low, middle);
  program[jump].k = (uint32_t)(program_length - jump - 1);
  emit_search(middle, high);
}
static void emit_architecture(uint32_t token) {
  emit(BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(struct seccomp_data, arch));
  emit(BPF_JMP | BPF_JEQ | BPF_K, 1, 0, token);
  int jump = emit(BPF_JMP | BPF_JA, 0, 0, 0), count = 0;
  emit(BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(struct seccomp_data, nr));
  for (uint32_t number = 0; number < NUMBERS; number++) {
    char *name = seccomp_syscall_resolve_num_arch(token, (int)number);
    enum action action = !name ? DENY : !strcmp(name, "clone") ? CLONE_RULE : !strcmp(name, "personality") ? PERSONALITY_RULE
        : !strcmp(name, "clone3") ? NOSYS : is_denied(name) ? DENY : ALLOW;
    free(name);
    if (!count || ranges[count - 1].action != action) {
      ranges[count].first = number;
      ranges[count++].action = action;
    }
  }
  emit_search(0, count);  // the last range is refused, and with it every higher number and x32
  program[jump].k = (uint32_t)(program_length - jump - 1);
}
static struct sock_fprog compact_filter(void) {
  program_length = 0;
#if defined(__x86_64__)
  emit_architecture(SCMP_ARCH_X86_64);
  emit_architecture(SCMP_ARCH_X86);
#else
  emit_architecture(SCMP_ARCH_AARCH64);
#endif
  emit_return(SECCOMP_RET_ERRNO | EPERM);
  return (struct sock_fprog){.len = (unsigned short)program_length, .filter = program};
}

static struct sock_fprog compile_filter(const char *form) {
  if (!strcmp(form, "compact")) return compact_filter();
  int tree = !strcmp(form, "tree");
  scmp_filter_ctx context = seccomp_init(SCMP_ACT_ERRNO(EPERM));
  if (!context) die("seccomp_init");
#if defined(__x86_64__)
  seccomp_arch_add(context, SCMP_ARCH_X86);
  seccomp_arch_add(context, SCMP_ARCH_X32);
#endif
  if (tree) seccomp_attr_set(context, SCMP_FLTATR_CTL_OPTIMIZE, 2);
  each_allowed(add_rule, context);
  for (size_t i = 0; i < sizeof personalities / sizeof *personalities; i++)
    seccomp_rule_add(context, SCMP_ACT_ALLOW, SCMP_SYS(personality), 1, SCMP_A0(SCMP_CMP_EQ, personalities[i], 0));
  seccomp_rule_add(context, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1, SCMP_A0(SCMP_CMP_MASKED_EQ, NEW_NAMESPACES, 0));
  seccomp_rule_add(context, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
  int fd = memfd_create("filter", MFD_CLOEXEC);
  if (fd < 0 || seccomp_export_bpf(context, fd) < 0) die("seccomp_export_bpf");
  seccomp_release(context);
  off_t size = lseek(fd, 0, SEEK_END);
  struct sock_filter *bytes = malloc((size_t)size);
  if (pread(fd, bytes, (size_t)size, 0) != size) die("read filter");
  close(fd);
  return (struct sock_fprog){.len = (unsigned short)((size_t)size / sizeof *bytes), .filter = bytes};
}
static struct sock_fprog read_filter(const char *path) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  struct stat status;
  if (fd < 0 || fstat(fd, &status) < 0) die(path);
  void *bytes = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
  if (bytes == MAP_FAILED) die(path);
  close(fd);
  return (struct sock_fprog){.len = (unsigned short)((size_t)status.st_size / sizeof(struct sock_filter)), .filter = bytes};
}
static void print_seccomp_json(void) {
  int count = 0;
  printf("{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":1,\"architectures\":[");
#if defined(__x86_64__)
  printf("\"SCMP_ARCH_X86_64\",\"SCMP_ARCH_X86\",\"SCMP_ARCH_X32\"");
#else
  printf("\"SCMP_ARCH_AARCH64\"");
#endif
  printf("],\"syscalls\":[{\"names\":[");
  each_allowed(print_name, &count);
  printf("],\"action\":\"SCMP_ACT_ALLOW\"}");
  for (size_t i = 0; i < sizeof personalities / sizeof *personalities; i++)
    printf(",{\"names\":[\"personality\"],\"action\":\"SCMP_ACT_ALLOW\",\"args\":[{\"index\":0,\"value\":%llu,"
           "\"op\":\"SCMP_CMP_EQ\"}]}", (unsigned long long)personalities[i]);
  printf(",{\"names\":[\"clone\"],\"action\":\"SCMP_ACT_ALLOW\",\"args\":[{\"index\":0,\"value\":%u,\"valueTwo\":0,"
         "\"op\":\"SCMP_CMP_MASKED_EQ\"}]}", NEW_NAMESPACES);
  printf(",{\"names\":[\"clone3\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":38}]}\n");
}

// MARK: - what one container has

static const char *const v1_names[] = {"memory", "pids", "devices", "cpu", "cpuacct", "freezer", "blkio", "cpuset", "systemd"};
enum { V1_MAX = sizeof v1_names / sizeof *v1_names };
static int v1_count;                                   // how many of them this start uses
static char v1_directory[V1_MAX][128], unified_directory[128];
static int tasks_fd[V1_MAX], unified_fd = -1, net_fd = -1;
static char base_directory[128], upper_directory[160], work_directory[160], lower_directory[160];
static struct sock_fprog filter;
static uint64_t capability_set;
static int bounding_drop[64], bounding_count;
static char *const environment[] = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", NULL};

// Docker's fourteen.
static const int capabilities[] = {CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FSETID, CAP_FOWNER, CAP_MKNOD, CAP_NET_RAW, CAP_SETGID,
                                   CAP_SETUID, CAP_SETFCAP, CAP_SETPCAP, CAP_NET_BIND_SERVICE, CAP_SYS_CHROOT, CAP_KILL,
                                   CAP_AUDIT_WRITE};

static const char *const masked[] = {
    "proc/asound", "proc/acpi", "proc/interrupts", "proc/kcore", "proc/keys", "proc/latency_stats", "proc/timer_list",
    "proc/timer_stats", "proc/sched_debug", "proc/scsi", "sys/firmware", "sys/devices/virtual/powercap"};
static const char *const read_only[] = {"proc/bus", "proc/fs", "proc/irq", "proc/sys", "proc/sysrq-trigger"};
static const struct { const char *name; unsigned major, minor; } nodes[] = {
    {"null", 1, 3}, {"zero", 1, 5}, {"full", 1, 7}, {"random", 1, 8}, {"urandom", 1, 9}, {"tty", 5, 0}};
// CAP_MKNOD is among the capabilities, so what a device node may reach is a matter of these rules alone.
static const char *const device_rules[] = {"c *:* m", "b *:* m", "c 1:3 rwm", "c 1:5 rwm", "c 1:7 rwm", "c 1:8 rwm",
                                           "c 1:9 rwm", "c 5:0 rwm", "c 5:2 rwm", "c 136:* rwm"};
static const struct { const char *target, *name; } links[] = {
    {"/proc/self/fd", "fd"}, {"/proc/self/fd/0", "stdin"}, {"/proc/self/fd/1", "stdout"}, {"/proc/self/fd/2", "stderr"},
    {"pts/ptmx", "ptmx"}, {"/proc/kcore", "core"}};

// MARK: - the child

// A new file system as a detached mount. `pairs` are key, value, ..., NULL; a NULL value is a flag.
static int new_mount(enum step step, const char *type, const char *const *pairs, unsigned attributes) {
  int fs = (int)TRY(step, sys_fsopen(type));
  for (; *pairs; pairs += 2)
    TRY(step, sys_fsconfig(fs, pairs[1] ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG, pairs[0], pairs[1], 0));
  TRY(step, sys_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0));
  int mount = (int)TRY(step, sys_fsmount(fs, attributes));
  return mount;  // close_range takes the context's descriptor along with every other
}
#define PAIRS(...) (const char *const[]){__VA_ARGS__, NULL}
#define NONE (const char *const[]){NULL}
#define NSND (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV)
#define NSNDNX (NSND | MOUNT_ATTR_NOEXEC)

static int open_root(void) {
  if (o.no_overlay) return (int)TRY(STEP_OVERLAY, sys_open_tree(AT_FDCWD, lower_directory, BIND_CLONE));
  int fs = (int)TRY(STEP_OVERLAY, sys_fsopen("overlay"));
  TRY(STEP_OVERLAY, sys_fsconfig(fs, FSCONFIG_SET_STRING, "lowerdir+", lower_directory, 0));
  if (o.upper == UPPER_TMPFS) {
    int memory = new_mount(STEP_OVERLAY, "tmpfs", PAIRS("mode", "0755"), NSND);
    TRY(STEP_OVERLAY, mkdirat(memory, "upper", 0755));
    TRY(STEP_OVERLAY, mkdirat(memory, "work", 0755));
    int upper = (int)TRY(STEP_OVERLAY, openat(memory, "upper", O_PATH | O_DIRECTORY | O_CLOEXEC));
    int work = (int)TRY(STEP_OVERLAY, openat(memory, "work", O_PATH | O_DIRECTORY | O_CLOEXEC));
    TRY(STEP_OVERLAY, sys_fsconfig(fs, FSCONFIG_SET_FD, "upperdir", NULL, upper));
    TRY(STEP_OVERLAY, sys_fsconfig(fs, FSCONFIG_SET_FD, "workdir", NULL, work));
  } else {
    TRY(STEP_OVERLAY, sys_fsconfig(fs, FSCONFIG_SET_STRING, "upperdir", upper_directory, 0));
    TRY(STEP_OVERLAY, sys_fsconfig(fs, FSCONFIG_SET_STRING, "workdir", work_directory, 0));
  }
  if (!o.not_volatile) TRY(STEP_OVERLAY, sys_fsconfig(fs, FSCONFIG_SET_FLAG, "volatile", NULL, 0));
  TRY(STEP_OVERLAY, sys_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0));
  return (int)TRY(STEP_OVERLAY, sys_fsmount(fs, 0));
}

static void attach_root(enum step step, int root) {
  if (o.scratch) TRY(step, sys_move_mount(root, AT_FDCWD, base_directory));
  else TRY(step, sys_move_mount(root, AT_FDCWD, "/"));
}

static void cgroup_view(int root, int shared) {
  int top;
  if (o.one_tmpfs) {
    TRY(STEP_CGROUP_VIEW, mkdirat(shared, "cgroup", 0755));
    top = (int)TRY(STEP_CGROUP_VIEW, sys_open_tree(shared, "cgroup", BIND_CLONE));
  } else {
    top = new_mount(STEP_CGROUP_VIEW, "tmpfs", PAIRS("mode", "0755"), NSNDNX);
  }
  for (int i = -1; i < v1_count; i++) TRY(STEP_CGROUP_VIEW, mkdirat(top, i < 0 ? "unified" : v1_names[i], 0755));
  // Read-only before it is attached: afterwards a detached tree's inner mounts cannot be changed.
  TRY(STEP_CGROUP_VIEW, sys_mount_setattr(top, "", AT_EMPTY_PATH, MOUNT_ATTR_RDONLY, 0));
  TRY(STEP_CGROUP_VIEW, sys_move_mount(top, root, "sys/fs/cgroup"));
  for (int i = -1; i < v1_count; i++) {
    const char *name = i < 0 ? "unified" : v1_names[i];
    int mount;
    if (o.view == VIEW_BIND) {
      mount = (int)TRY(STEP_CGROUP_VIEW,
                       sys_open_tree(AT_FDCWD, i < 0 ? unified_directory : v1_directory[i], BIND_CLONE));
      TRY(STEP_CGROUP_VIEW, sys_mount_setattr(mount, "", AT_EMPTY_PATH, NSNDNX | MOUNT_ATTR_RDONLY, 0));
    } else if (i < 0) {
      mount = new_mount(STEP_CGROUP_VIEW, "cgroup2", NONE, NSNDNX | MOUNT_ATTR_RDONLY);
    } else {
      int named = !strcmp(name, "systemd");
      mount = new_mount(STEP_CGROUP_VIEW, "cgroup", PAIRS(named ? "name" : name, named ? name : NULL),
                        NSNDNX | MOUNT_ATTR_RDONLY);
    }
    TRY(STEP_CGROUP_VIEW, sys_move_mount(mount, top, name));
  }
}

static void mask_paths(int root, int dev, int shared) {
  int empty = -1;
  for (size_t i = 0; i < sizeof masked / sizeof *masked; i++) {
    // What a path is decides its mask; most of Docker's list does not exist on a given kernel.
    struct stat status;
    if (fstatat(root, masked[i], &status, AT_SYMLINK_NOFOLLOW) < 0) {
      if (errno == ENOENT) continue;
      fail(STEP_MASKS);
    }
    int mount;
    if (!S_ISDIR(status.st_mode)) {
      mount = (int)TRY(STEP_MASKS, sys_open_tree(dev, "null", BIND_CLONE));
    } else if (empty >= 0) {
      mount = (int)TRY(STEP_MASKS, sys_open_tree(empty, "", BIND_CLONE));
    } else if (o.one_tmpfs) {
      TRY(STEP_MASKS, mkdirat(shared, "empty", 0555));
      mount = empty = (int)TRY(STEP_MASKS, sys_open_tree(shared, "empty", BIND_CLONE));
      TRY(STEP_MASKS, sys_mount_setattr(mount, "", AT_EMPTY_PATH, MOUNT_ATTR_RDONLY, 0));
    } else {
      mount = empty = new_mount(STEP_MASKS, "tmpfs", PAIRS("mode", "0555"), MOUNT_ATTR_RDONLY);
    }
    TRY(STEP_MASKS, sys_move_mount(mount, root, masked[i]));
  }
}

static void read_only_paths(int root) {
  for (size_t i = 0; i < sizeof read_only / sizeof *read_only; i++) {
    int mount;
    if (o.attr_calls) {
      struct mount_attr attributes = {.attr_set = MOUNT_ATTR_RDONLY};
      mount = (int)syscall(SYS_open_tree_attr, root, read_only[i], BIND_CLONE | AT_RECURSIVE, &attributes, sizeof attributes);
    } else {
      mount = (int)sys_open_tree(root, read_only[i], BIND_CLONE | AT_RECURSIVE);
    }
    if (mount < 0 && errno == ENOENT) continue;
    TRY(STEP_READONLY, mount);
    if (!o.attr_calls)
      TRY(STEP_READONLY, sys_mount_setattr(mount, "", AT_EMPTY_PATH | AT_RECURSIVE, MOUNT_ATTR_RDONLY, 0));
    TRY(STEP_READONLY, sys_move_mount(mount, root, read_only[i]));
  }
}

static void drop_privileges(void) {
  for (int i = 0; i < bounding_count; i++) TRY(STEP_CAPS, prctl(PR_CAPBSET_DROP, bounding_drop[i], 0, 0, 0));
  TRY(STEP_CAPS, syscall(SYS_setgroups, 0, NULL));
  TRY(STEP_CAPS, syscall(SYS_setresgid, 0, 0, 0));
  TRY(STEP_CAPS, syscall(SYS_setresuid, 0, 0, 0));
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct data[2] = {0};
  for (int half = 0; half < 2; half++)
    data[half].effective = data[half].permitted = (uint32_t)(capability_set >> (32 * half));
  TRY(STEP_CAPS, syscall(SYS_capset, &header, data));
}

// The end of every child: nothing but a smaller self and the program.
static void restrict_and_exec(void) {
  if (!o.no_caps) drop_privileges();
  TRY(STEP_CAPS, prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
  mark(STEP_CAPS);
  TRY(STEP_CLOSE, syscall(SYS_close_range, 3, ~0U, 4 /* CLOSE_RANGE_CLOEXEC */));
  mark(STEP_CLOSE);
  if (!o.no_seccomp) TRY(STEP_SECCOMP, syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter));
  mark(STEP_SECCOMP);
  if (o.no_exec) _exit(0);
  char *const arguments[] = {(char *)o.program, NULL};
  TRY(STEP_EXEC, execve(o.program, arguments, environment));
}

static int loopback_up(void) {
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
  return fd < 0 ? -1 : ioctl(fd, SIOCSIFFLAGS, &request);
}

static int child(void *unused) {
  (void)unused;
  mark(STEP_CLONE);
  if (o.net_helper) TRY(STEP_JOIN, setns(net_fd, CLONE_NEWNET));
  TRY(STEP_JOIN, syscall(SYS_setsid));
  if (!o.no_cgroups) {
    for (int i = 0; i < v1_count; i++) TRY(STEP_JOIN, write(tasks_fd[i], "0", 1));
    // A cgroup namespace is rooted where its creator is, so it is made after the version 1 hierarchies are joined.
    TRY(STEP_JOIN, unshare(CLONE_NEWCGROUP));
  }
  mark(STEP_JOIN);
  TRY(STEP_PRIVATE, sys_mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, 0, 1 << 18 /* MS_PRIVATE */));
  mark(STEP_PRIVATE);
  int root = open_root();
  mark(STEP_OVERLAY);
  if (!o.late_attach) attach_root(STEP_ATTACH, root);
  mark(STEP_ATTACH);

  int proc = new_mount(STEP_PROC, "proc", NONE, NSNDNX);
  TRY(STEP_PROC, sys_move_mount(proc, root, "proc"));
  mark(STEP_PROC);

  int shared = new_mount(STEP_DEV, "tmpfs", PAIRS("mode", "0755", "size", "65536k"), MOUNT_ATTR_NOSUID | MOUNT_ATTR_STRICTATIME);
  int dev = shared;
  if (o.one_tmpfs) {
    TRY(STEP_DEV, mkdirat(shared, "dev", 0755));
    dev = (int)TRY(STEP_DEV, sys_open_tree(shared, "dev", BIND_CLONE));
  }
  TRY(STEP_DEV, sys_move_mount(dev, root, "dev"));
  mark(STEP_DEV);
  umask(0);
  for (size_t i = 0; i < sizeof nodes / sizeof *nodes; i++)
    TRY(STEP_NODES, mknodat(dev, nodes[i].name, S_IFCHR | 0666, makedev(nodes[i].major, nodes[i].minor)));
  for (size_t i = 0; i < sizeof links / sizeof *links; i++)
    TRY(STEP_NODES, symlinkat(links[i].target, dev, links[i].name));
  umask(022);
  TRY(STEP_NODES, mkdirat(dev, "pts", 0755));
  TRY(STEP_NODES, mkdirat(dev, "shm", 0755));
  TRY(STEP_NODES, mkdirat(dev, "mqueue", 0755));
  mark(STEP_NODES);
  int pts = new_mount(STEP_DEVPTS, "devpts", PAIRS("newinstance", NULL, "ptmxmode", "0666", "mode", "0620", "gid", "5"),
                      MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
  TRY(STEP_DEVPTS, sys_move_mount(pts, dev, "pts"));
  mark(STEP_DEVPTS);
  int shm = new_mount(STEP_SHM, "tmpfs", PAIRS("mode", "1777", "size", "65536k"), NSNDNX);
  TRY(STEP_SHM, sys_move_mount(shm, dev, "shm"));
  mark(STEP_SHM);
  if (!o.no_mqueue) {
    int mqueue = new_mount(STEP_MQUEUE, "mqueue", NONE, NSNDNX);
    TRY(STEP_MQUEUE, sys_move_mount(mqueue, dev, "mqueue"));
  }
  mark(STEP_MQUEUE);
  if (!o.no_sys) {
    int sys = new_mount(STEP_SYS, "sysfs", NONE, NSNDNX | MOUNT_ATTR_RDONLY);
    TRY(STEP_SYS, sys_move_mount(sys, root, "sys"));
    mark(STEP_SYS);
    if (!o.no_cgroups && o.view != VIEW_NONE) cgroup_view(root, shared);
    mark(STEP_CGROUP_VIEW);
  }
  if (!o.no_masks) {
    mask_paths(root, dev, shared);
    mark(STEP_MASKS);
    read_only_paths(root);
    mark(STEP_READONLY);
  }
  if (o.late_attach) {
    attach_root(STEP_LATE, root);
    mark(STEP_LATE);
  }
  TRY(STEP_PIVOT, fchdir(root));
  TRY(STEP_PIVOT, syscall(SYS_pivot_root, ".", "."));
  mark(STEP_PIVOT);
  TRY(STEP_UNMOUNT, syscall(SYS_umount2, ".", DETACH));
  TRY(STEP_UNMOUNT, chdir("/"));
  mark(STEP_UNMOUNT);
  if (!o.no_uts) TRY(STEP_HOSTNAME, sethostname("floor", 5));
  mark(STEP_HOSTNAME);
  if (!o.no_net && !o.no_loopback && !o.net_helper) TRY(STEP_LOOPBACK, loopback_up());
  mark(STEP_LOOPBACK);
  restrict_and_exec();
  return 125;
}

// MARK: - the parent

static void remove_cgroup(const char *path) {
  // The last task leaves its cgroup shortly after its parent is told of the exit.
  while (rmdir(path) < 0)
    if (errno != EBUSY) die(path);
}

static void write_device_rules(const char *cgroup) {
  char path[160];
  snprintf(path, sizeof path, "%s/devices.deny", cgroup);
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0 || write(fd, "a", 1) < 0) die(path);
  close(fd);
  snprintf(path, sizeof path, "%s/devices.allow", cgroup);
  if ((fd = open(path, O_WRONLY | O_CLOEXEC)) < 0) die(path);
  for (size_t i = 0; i < sizeof device_rules / sizeof *device_rules; i++)
    if (write(fd, device_rules[i], strlen(device_rules[i])) < 0) die(path);
  close(fd);
}

static void *make_network(void *unused) {
  if (unshare(CLONE_NEWNET) < 0 || loopback_up() < 0) die("network namespace");
  if ((net_fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)) < 0) die("network namespace");
  return unused;
}

// What the kernel leaves in a volatile overlay's work directory, then the directories; `keep` leaves a pair that the
// next start can mount.
static void remove_layer(int keep) {
  static const char *const inside[] = {"/work/incompat/volatile/dirty", "/work/incompat/volatile", "/work/incompat", "/work", ""};
  for (size_t i = 0; i < (keep ? 2 : sizeof inside / sizeof *inside); i++) {
    char path[256];
    snprintf(path, sizeof path, "%s%s", work_directory, inside[i]);
    if (unlinkat(AT_FDCWD, path, i ? AT_REMOVEDIR : 0) < 0 && errno != ENOENT) die(path);
  }
  if (!keep && rmdir(upper_directory) < 0) die(upper_directory);
}

static void run_container(void) {
  last = now();
  pthread_t helper;
  if (o.net_helper && (errno = pthread_create(&helper, NULL, make_network, NULL))) die("thread");
  if (!o.no_overlay && o.upper == UPPER_DISK && (mkdir(upper_directory, 0755) < 0 || mkdir(work_directory, 0755) < 0)
      && !(o.reuse && errno == EEXIST))
    die(upper_directory);
  mark(STEP_MKDIR_UPPER);
  if (!o.no_cgroups) {
    for (int i = 0; i < v1_count; i++) {
      char path[160];
      if (mkdir(v1_directory[i], 0755) < 0) die(v1_directory[i]);
      if (!strcmp(v1_names[i], "cpuset")) {
        snprintf(path, sizeof path, "%s/cpuset.cpus", v1_directory[i]);
        int fd = open(path, O_WRONLY | O_CLOEXEC);
        if (write(fd, "0", 1) < 0) die(path);
        close(fd);
        snprintf(path, sizeof path, "%s/cpuset.mems", v1_directory[i]);
        fd = open(path, O_WRONLY | O_CLOEXEC);
        if (write(fd, "0", 1) < 0) die(path);
        close(fd);
      }
      snprintf(path, sizeof path, "%s/tasks", v1_directory[i]);
      if ((tasks_fd[i] = open(path, O_WRONLY | O_CLOEXEC)) < 0) die(path);
    }
    if (mkdir(unified_directory, 0755) < 0) die(unified_directory);
    if ((unified_fd = open(unified_directory, O_PATH | O_DIRECTORY | O_CLOEXEC)) < 0) die(unified_directory);
  }
  mark(STEP_MKDIR_CGROUPS);
  for (int i = 0; i < v1_count && !o.no_cgroups; i++)
    if (!strcmp(v1_names[i], "devices")) write_device_rules(v1_directory[i]);
  mark(STEP_DEVICE_RULES);
  if (o.net_helper) pthread_join(helper, NULL);
  static char stack[64 * 1024] __attribute__((aligned(64)));
  int pidfd = -1;
  struct clone_args arguments = {
      .flags = CLONE_VM | CLONE_VFORK | CLONE_PIDFD | CLONE_NEWNS | (o.no_net || o.net_helper ? 0 : CLONE_NEWNET) | (o.no_ipc ? 0 : CLONE_NEWIPC)
          | (o.no_uts ? 0 : CLONE_NEWUTS) | (o.no_pid ? 0 : CLONE_NEWPID) | (o.no_cgroups ? 0 : CLONE_INTO_CGROUP),
      .pidfd = (uintptr_t)&pidfd,
      .exit_signal = SIGCHLD,
      .stack = (uintptr_t)stack,
      .stack_size = sizeof stack,
      .cgroup = o.no_cgroups ? 0 : (uint64_t)unified_fd,
  };
  if (clone3_call(&arguments, child) < 0) die("clone3");
  mark(STEP_EXEC);
  siginfo_t information;
  if (waitid(P_PIDFD, (id_t)pidfd, &information, WEXITED) < 0) die("waitid");
  mark(STEP_EXIT);
  close(pidfd);
  if (o.net_helper) close(net_fd);
  if (!o.no_cgroups) {
    for (int i = 0; i < v1_count; i++) { close(tasks_fd[i]); remove_cgroup(v1_directory[i]); }
    close(unified_fd);
    remove_cgroup(unified_directory);
  }
  mark(STEP_RMDIR_CGROUPS);
  if (!o.no_overlay && o.upper == UPPER_DISK) remove_layer(o.reuse);
  mark(STEP_RMDIR_UPPER);
  if (failed_step >= 0) {
    errno = failed_errno;
    die(step_name[failed_step]);
  }
  if (information.si_code != CLD_EXITED || information.si_status != 0) {
    fprintf(stderr, "floor: container ended with %d\n", information.si_status);
    exit(1);
  }
}

// MARK: - a process in a running container

static int entering_child(void *unused) {
  (void)unused;
  TRY(STEP_JOIN, syscall(SYS_setsid));
  for (int i = 0; i < v1_count; i++) TRY(STEP_JOIN, write(tasks_fd[i], "0", 1));
  restrict_and_exec();
  return 125;
}

static void open_cgroups_of(int pid) {
  char path[64], line[512], target[768];
  snprintf(path, sizeof path, "/proc/%d/cgroup", pid);
  FILE *file = fopen(path, "re");
  if (!file) die(path);
  v1_count = 0;
  while (fgets(line, sizeof line, file)) {
    line[strcspn(line, "\n")] = 0;
    char *controller = strchr(line, ':') + 1, *directory = strchr(controller, ':');
    *directory++ = 0;
    if (!*controller) {
      snprintf(target, sizeof target, "%s/unified%s", o.cgroup_root, directory);
      if ((unified_fd = open(target, O_PATH | O_DIRECTORY | O_CLOEXEC)) < 0) die(target);
    } else if (v1_count < V1_MAX) {
      if (!strncmp(controller, "name=", 5)) controller += 5;
      snprintf(target, sizeof target, "%s/%s%s/tasks", o.cgroup_root, controller, directory);
      if ((tasks_fd[v1_count++] = open(target, O_WRONLY | O_CLOEXEC)) < 0) die(target);
    }
  }
  fclose(file);
}

static int enter_container(int pid) {
  open_cgroups_of(pid);
  int target = (int)syscall(SYS_pidfd_open, pid, 0), pidfd = -1;
  if (target < 0) die("pidfd_open");
  if (setns(target, CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWCGROUP) < 0) die("setns");
  static char stack[64 * 1024] __attribute__((aligned(64)));
  struct clone_args arguments = {.flags = CLONE_VM | CLONE_VFORK | CLONE_PIDFD | CLONE_INTO_CGROUP, .pidfd = (uintptr_t)&pidfd,
                                 .exit_signal = SIGCHLD, .stack = (uintptr_t)stack, .stack_size = sizeof stack,
                                 .cgroup = (uint64_t)unified_fd};
  if (clone3_call(&arguments, entering_child) < 0) die("clone3");
  siginfo_t information;
  if (waitid(P_PIDFD, (id_t)pidfd, &information, WEXITED) < 0) die("waitid");
  errno = failed_errno;
  if (failed_step >= 0) die(step_name[failed_step]);
  return information.si_code == CLD_EXITED ? information.si_status : 128 + information.si_status;
}

// MARK: - measuring

static int ascending(const void *a, const void *b) {
  uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return x < y ? -1 : x > y;
}
static uint64_t quantile(uint64_t *values, int count, double q) {
  qsort(values, (size_t)count, sizeof *values, ascending);
  int index = (int)(q * (count - 1) + 0.5);
  return values[index];
}

static void prepare_capabilities(void) {
  for (size_t i = 0; i < sizeof capabilities / sizeof *capabilities; i++) capability_set |= 1ull << capabilities[i];
  uint64_t bounding = 0;
  for (int i = 0; i <= CAP_LAST_CAP; i++) {
    if (prctl(PR_CAPBSET_READ, i, 0, 0, 0) != 1) continue;
    bounding |= 1ull << i;
    if (!(capability_set >> i & 1)) bounding_drop[bounding_count++] = i;
  }
  capability_set &= bounding;
}

static void prepare_directories(void) {
  char name[32];
  snprintf(name, sizeof name, "containr-floor-%d", (int)getpid());
  v1_count = o.few_cgroups ? 3 : o.cpuset ? V1_MAX : 7;
  for (int i = 0; i < v1_count; i++)
    snprintf(v1_directory[i], sizeof v1_directory[i], "%s/%s/%s", o.cgroup_root, v1_names[i], name);
  snprintf(unified_directory, sizeof unified_directory, "%s/unified/%s", o.cgroup_root, name);
  snprintf(base_directory, sizeof base_directory, "%s/%s", o.workspace, name);
  snprintf(lower_directory, sizeof lower_directory, "%s/rootfs", o.workspace);
  snprintf(upper_directory, sizeof upper_directory, "%s/upper", base_directory);
  snprintf(work_directory, sizeof work_directory, "%s/work", base_directory);
  if (mkdir(base_directory, 0755) < 0) die(base_directory);
}

static void run_rounds(void) {
  uint64_t *whole = calloc((size_t)o.rounds, sizeof *whole);
  uint64_t *step[STEP_COUNT];
  for (int i = 0; i < STEP_COUNT; i++) step[i] = calloc((size_t)o.rounds, sizeof **step);
  for (int round = -o.warmup; round < o.rounds; round++) {
    if (o.pause_us) usleep((useconds_t)o.pause_us);
    memset(spent, 0, sizeof spent);
    uint64_t begin = now();
    run_container();
    uint64_t end = now();
    if (round < 0) continue;
    whole[round] = end - begin;
    for (int i = 0; i < STEP_COUNT; i++) step[i][round] = spent[i];
  }
  if (o.samples) {
    for (int i = 0; i < o.rounds; i++) printf("%llu\n", (unsigned long long)whole[i]);
    return;
  }
  uint64_t median = quantile(whole, o.rounds, 0.5), p99 = quantile(whole, o.rounds, 0.99);
  if (o.json) {
    printf("{\"case\":\"embed\",\"subject\":\"floor\",\"median_ns\":%llu,\"p99_ns\":%llu,\"rounds\":%d",
           (unsigned long long)median, (unsigned long long)p99, o.rounds);
    if (o.parts) {
      printf(",\"parts\":[");
      for (int i = 0; i < STEP_COUNT; i++)
        printf("%s{\"step\":\"%s\",\"median_ns\":%llu}", i ? "," : "", step_name[i],
               (unsigned long long)quantile(step[i], o.rounds, 0.5));
      printf("]");
    }
    printf("}\n");
    return;
  }
  if (o.parts)
    for (int i = 0; i < STEP_COUNT; i++)
      printf("%-36s %8.1f us\n", step_name[i], (double)quantile(step[i], o.rounds, 0.5) / 1e3);
  printf("%-36s %8.1f us   p99 %.1f us   (%d rounds)\n", "create -> exit -> removed", (double)median / 1e3, (double)p99 / 1e3,
         o.rounds);
}

int main(int argc, char **argv) {
  const char *write_seccomp = NULL, *form = "compact";
  int seccomp_json = 0, enter = 0;
#define FLAG(name, field) {name, no_argument, &o.field, 1}
  const struct option list[] = {
      {"workspace", required_argument, NULL, 'w'}, {"rounds", required_argument, NULL, 'r'},
      {"warmup", required_argument, NULL, 'u'}, {"pause", required_argument, NULL, 'p'},
      {"seccomp", required_argument, NULL, 's'}, {"write-seccomp", required_argument, NULL, 'S'},
      {"upper", required_argument, NULL, 'U'}, {"cgroup-view", required_argument, NULL, 'V'},
      {"program", required_argument, NULL, 'x'}, {"enter", required_argument, NULL, 'e'},
      {"seccomp-json", no_argument, &seccomp_json, 1},
      {"filter", required_argument, NULL, 'f'},
      FLAG("once", once), FLAG("json", json), FLAG("parts", parts), FLAG("samples", samples), FLAG("no-net", no_net), FLAG("no-ipc", no_ipc),
      FLAG("no-uts", no_uts), FLAG("no-pid", no_pid), FLAG("no-cgroups", no_cgroups), FLAG("no-seccomp", no_seccomp),
      FLAG("no-masks", no_masks), FLAG("no-caps", no_caps), FLAG("no-loopback", no_loopback), FLAG("no-sys", no_sys),
      FLAG("no-mqueue", no_mqueue), FLAG("no-exec", no_exec), FLAG("no-overlay", no_overlay), FLAG("scratch", scratch),
      FLAG("late-attach", late_attach), FLAG("open-tree-attr", attr_calls), FLAG("one-tmpfs", one_tmpfs),
      FLAG("net-helper", net_helper), FLAG("few-cgroups", few_cgroups), FLAG("reuse", reuse), FLAG("cpuset", cpuset), FLAG("not-volatile", not_volatile), {0}};
  for (int c; (c = getopt_long(argc, argv, "", list, NULL)) != -1;) {
    switch (c) {
      case 0: break;
      case 'w': o.workspace = optarg; break;
      case 'r': o.rounds = atoi(optarg); break;
      case 'u': o.warmup = atoi(optarg); break;
      case 'p': o.pause_us = atoi(optarg); break;
      case 's': o.filter_file = optarg; break;
      case 'S': write_seccomp = optarg; break;
      case 'f': form = optarg; break;  // compact, or libseccomp's: tree, linear
      case 'e': enter = atoi(optarg); break;
      case 'x': o.program = optarg; break;
      case 'U': o.upper = !strcmp(optarg, "tmpfs") ? UPPER_TMPFS : UPPER_DISK; break;
      case 'V': o.view = !strcmp(optarg, "mount") ? VIEW_MOUNT : !strcmp(optarg, "none") ? VIEW_NONE : VIEW_BIND; break;
      default: return 2;
    }
  }
  if (seccomp_json) {
    print_seccomp_json();
    return 0;
  }
  if (write_seccomp) {
    struct sock_fprog compiled = compile_filter(form);
    int fd = open(write_seccomp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0 || write(fd, compiled.filter, compiled.len * sizeof *compiled.filter) < 0 || close(fd) < 0) die(write_seccomp);
    return 0;
  }
  prepare_capabilities();
  if (enter) {
    if (!o.no_seccomp) filter = o.filter_file ? read_filter(o.filter_file) : compile_filter(form);
    return enter_container(enter);
  }
  if (!o.workspace || o.rounds < 1) {
    fprintf(stderr, "usage: floor --workspace DIR (--once | --rounds N [--json] [--parts])\n");
    return 2;
  }
  prepare_directories();
  if (!o.no_seccomp) filter = o.filter_file ? read_filter(o.filter_file) : compile_filter(form);
  if (o.once) run_container();
  else run_rounds();
  if (o.reuse) remove_layer(0);
  return rmdir(base_directory) < 0 ? (perror(base_directory), 1) : 0;
}
