// The parent's side: checks the plan, clones, and waits until the child has executed its program or failed.
#include <errno.h>
#include <linux/sched.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "plan.h"
#include "system.h"

#ifndef CLONE_CLEAR_SIGHAND
#define CLONE_CLEAR_SIGHAND 0x100000000ULL
#endif
#ifndef CLONE_INTO_CGROUP
#define CLONE_INTO_CGROUP 0x200000000ULL
#endif

enum { STACK_SIZE = 32 << 10 };

// One mapping holds all that the child writes to, so that a child outliving this call could not touch freed memory.
struct arena {
  struct ci_context context;
  _Alignas(16) char first_stack[STACK_SIZE];
  _Alignas(16) char second_stack[STACK_SIZE];
  char *pointers[];
};

// A process that stands at a barrier, perhaps for hours, must not hold what this program has open by chance: the write end
// of another container's pipe above all, whose reader would wait for its end.
static void keep_slots_only(struct ci_context *context, const struct ci_spawn *spawn) {
  const struct ci_operation *operations = ci_operations(context->plan);
  for (uint32_t index = 0; index < context->plan->operation_count; index++)
    if (operations[index].code == CI_BARRIER) context->closes_others = 1;
  if (!context->closes_others) return;
  for (size_t index = 0; index < spawn->slot_count; index++) {
    int32_t value = spawn->slots[index], place = context->kept_count;
    if (value < 3) continue;
    for (; place > 0 && context->kept[place - 1] > value; place--) context->kept[place] = context->kept[place - 1];
    context->kept[place] = value;
    context->kept_count++;
  }
}

// Whether this program may be inspected belongs to its memory, which every child shares that is on its way: the first one
// notes it, and only the last one puts it back.
static pthread_mutex_t dumpable_lock = PTHREAD_MUTEX_INITIALIZER;
static int children_on_their_way, dumpable_before;

static void note_dumpable(void) {
  pthread_mutex_lock(&dumpable_lock);
  if (children_on_their_way++ == 0) dumpable_before = (int)ci_call(SYS_prctl, PR_GET_DUMPABLE, 0, 0, 0, 0);
  pthread_mutex_unlock(&dumpable_lock);
}

static void restore_dumpable(void) {
  pthread_mutex_lock(&dumpable_lock);
  // 2, which only root may dump, cannot be set.
  if (--children_on_their_way == 0 && dumpable_before >= 0 && dumpable_before <= 1 &&
      ci_call(SYS_prctl, PR_GET_DUMPABLE, 0, 0, 0, 0) != dumpable_before)
    ci_call(SYS_prctl, PR_SET_DUMPABLE, dumpable_before, 0, 0, 0);
  pthread_mutex_unlock(&dumpable_lock);
}

int ci_spawn(struct ci_spawn *spawn) {
  int bad;
  memset(spawn->report, 0, sizeof *spawn->report);
  spawn->report->operation = CI_IN_THE_PARENT;
  spawn->pidfd = -1;
  spawn->pid = -1;
  int result = ci_check(spawn->plan, spawn->plan_size, &bad);
  if (result < 0 || spawn->slot_count > CI_SLOTS || (spawn->detached && !spawn->copy_memory)) {
    spawn->report->operation = bad;
    return -EINVAL;
  }
  const struct ci_plan *plan = spawn->plan;
  size_t size = sizeof(struct arena) + plan->pointer_count * sizeof(char *);
  int sharing = spawn->copy_memory ? MAP_SHARED : MAP_PRIVATE;
  struct arena *arena =
      mmap(NULL, size, PROT_READ | PROT_WRITE, sharing | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (arena == MAP_FAILED) return -errno;

  struct ci_context *context = &arena->context;
  context->plan = plan;
  context->nanoseconds = spawn->nanoseconds;
  context->report = spawn->report;
  context->pointers = arena->pointers;
  context->second_stack = arena->second_stack + STACK_SIZE;
  context->second_size = STACK_SIZE;
  context->parent_end = spawn->parent_end;
  context->detached = (int32_t)spawn->detached;
  memset(context->slots, 0xff, sizeof context->slots);
  memcpy(context->slots, spawn->slots, spawn->slot_count * sizeof(int32_t));
  keep_slots_only(context, spawn);

  // No handler of this program may run in the child, on its borrowed memory: all signals wait until the child has reset
  // its dispositions and this thread is back.
  uint64_t all = ~0ULL, mask;
  ci_call(SYS_rt_sigprocmask, SIG_SETMASK, &all, &mask, sizeof all);
  // A change of ids in the child makes this program undumpable, because they share its memory.
  note_dumpable();

  struct clone_args arguments = {
      .flags = (spawn->copy_memory ? 0 : CLONE_VM) | (spawn->detached ? 0 : CLONE_VFORK) | CLONE_PIDFD |
               CLONE_PARENT_SETTID | CLONE_CLEAR_SIGHAND | spawn->clone_flags,
      .pidfd = (uint64_t)&spawn->pidfd,
      .parent_tid = (uint64_t)&spawn->pid,
      .exit_signal = SIGCHLD,
      .stack = (uint64_t)arena->first_stack,
      .stack_size = STACK_SIZE,
  };
  if (spawn->cgroup >= 0) {
    arguments.flags |= CLONE_INTO_CGROUP;
    arguments.cgroup = (uint64_t)spawn->cgroup;
  }
  long pid = ci_clone3(&arguments, sizeof arguments, ci_run, context);

  if (!spawn->detached && spawn->report->pid > 0 && !context->second_has_left) {
    // Somebody killed the first process while the second was on its way: that one still uses the arena, the plan and the
    // report. It is this program's child, and nobody reaps it before this call returns.
    siginfo_t information;
    ci_call(SYS_kill, spawn->report->pid, SIGKILL);
    while (ci_call(SYS_waitid, P_PID, spawn->report->pid, &information, WEXITED | WNOWAIT, 0) == -EINTR) {}
    if (spawn->report->error == 0) spawn->report->error = ECANCELED;
    if (spawn->report->operation < 0) spawn->report->operation = (int32_t)context->next;
    spawn->report->call = SYS_clone3;
  }
  restore_dumpable();
  ci_call(SYS_rt_sigprocmask, SIG_SETMASK, &mask, 0, sizeof mask);

  if (pid < 0) {
    spawn->report->operation = CI_IN_THE_PARENT;
    spawn->report->error = (int32_t)-pid;
    spawn->report->call = SYS_clone3;
  }
  munmap(arena, size);
  return pid < 0 ? (int)pid : 0;
}

static const struct {
  int number;
  const char *name;
} names[] = {
    {SYS_accept4, "accept"}, {SYS_capset, "capset"}, {SYS_chdir, "chdir"}, {SYS_chroot, "chroot"}, {SYS_clone3, "clone3"},
    {SYS_close, "close"}, {SYS_close_range, "close_range"}, {SYS_dup3, "dup3"}, {SYS_execve, "execve"},
    {SYS_execveat, "execveat"}, {SYS_fchdir, "fchdir"}, {SYS_fchmod, "fchmod"}, {SYS_fchown, "fchown"},
    {SYS_fchownat, "fchownat"}, {SYS_fcntl, "fcntl"}, {SYS_fgetxattr, "fgetxattr"}, {SYS_fsetxattr, "fsetxattr"},
    {SYS_fspick, "fspick"}, {SYS_getdents64, "getdents64"}, {SYS_lseek, "lseek"}, {SYS_sendfile, "sendfile"},
    {SYS_utimensat, "utimensat"},
    {SYS_fsconfig, "fsconfig"}, {SYS_fsmount, "fsmount"}, {SYS_fsopen, "fsopen"}, {SYS_fstatfs, "fstatfs"},
    {SYS_getcwd, "getcwd"}, {SYS_ioctl, "ioctl"}, {SYS_faccessat2, "faccessat2"}, {SYS_ioprio_set, "ioprio_set"}, {SYS_keyctl, "keyctl"}, {SYS_lseek, "lseek"}, {SYS_memfd_create, "memfd_create"}, {SYS_mkdirat, "mkdirat"},
    {SYS_mknodat, "mknodat"}, {SYS_mount, "mount"}, {SYS_mount_setattr, "mount_setattr"},
    {SYS_move_mount, "move_mount"}, {SYS_newfstatat, "newfstatat"}, {SYS_open_tree, "open_tree"},
    {SYS_openat, "openat"}, {SYS_openat2, "openat2"}, {SYS_personality, "personality"}, {SYS_pivot_root, "pivot_root"}, {SYS_ppoll, "poll"}, {SYS_prctl, "prctl"},
    {SYS_pread64, "pread"}, {SYS_prlimit64, "prlimit"}, {SYS_read, "read"}, {SYS_readlinkat, "readlinkat"}, {SYS_rt_sigprocmask, "sigprocmask"},
    {SYS_sched_setaffinity, "sched_setaffinity"}, {SYS_sched_setattr, "sched_setattr"}, {SYS_seccomp, "seccomp"}, {SYS_sendmsg, "sendmsg"}, {SYS_sendto, "send"}, {SYS_set_mempolicy, "set_mempolicy"}, {SYS_setdomainname, "setdomainname"},
    {SYS_setgroups, "setgroups"}, {SYS_sethostname, "sethostname"}, {SYS_setns, "setns"},
    {SYS_setresgid, "setresgid"}, {SYS_setresuid, "setresuid"}, {SYS_setsid, "setsid"}, {SYS_socket, "socket"},
    {SYS_symlinkat, "symlinkat"}, {SYS_umask, "umask"}, {SYS_umount2, "umount"}, {SYS_unshare, "unshare"},
    {SYS_waitid, "waitid"}, {SYS_write, "write"},
};

const char *ci_call_name(int call) {
  for (size_t index = 0; index < sizeof names / sizeof names[0]; index++)
    if (names[index].number == call) return names[index].name;
  return NULL;
}
