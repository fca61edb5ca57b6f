// Fuzzes the reader of launch plans: ci_check() and the child's interpreter, which runs here in the fuzzer's own process with
// every system call replaced by one that touches what the kernel would touch.
//
// What must hold: ci_check() reads nothing outside of the plan, and the interpreter, running a plan that ci_check() accepted,
// reads and writes nothing but the plan, its arena and its own stack, whatever the system calls answer. The plan and the arena
// are allocations of exactly their size, so AddressSanitizer sees the first byte beyond.
//
// Input: 8 bytes that seed the answers of the system calls, then the plan. A custom mutator keeps the structure: it builds
// valid plans from every operation and breaks fields of them.
#define _GNU_SOURCE
#include <errno.h>
#include <linux/filter.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <termios.h>
#include <time.h>

#include "../../../Sources/CContainrInit/plan.h"

// MARK: answers

static uint64_t state;

static uint64_t next_random(void) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state;
}

static unsigned long long calls, accepted, refused, finished, failed;
static volatile uint64_t sink;

static void reads(long address, size_t size) {
  const unsigned char *bytes = (const unsigned char *)address;
  uint64_t sum = 0;
  for (size_t index = 0; index < size; index++) sum += bytes[index];
  sink += sum;
}

static void reads_string(long address) { sink += strlen((const char *)address); }

static void writes(long address, size_t size) {
  unsigned char *bytes = (unsigned char *)address;
  for (size_t index = 0; index < size; index++) bytes[index] = (unsigned char)next_random();
}

static void reads_list(long address) {
  for (char *const *list = (char *const *)address; *list; list++) reads_string((long)*list);
}

// A descriptor, an error that the interpreter treats in a way of its own, or any other.
static long descriptor(void) {
  static const int errors[] = {ENOENT, EEXIST, ENOTDIR, EAGAIN, EACCES, ELOOP, ETXTBSY, EPERM, EINTR, ENOSYS, EINVAL};
  uint64_t value = next_random();
  if (value % 8 == 0) return -errors[(value >> 8) % (sizeof errors / sizeof *errors)];
  return (long)(value >> 8) % 20 + (value % 3 == 0 ? 0 : 3);
}

static long success(void) { return descriptor() < 0 ? -(long)(next_random() % 130 + 1) : 0; }

// Where a child goes that exits.
static jmp_buf *child_end;

// What the kernel would read and write of a call's arguments. Aborts for a call that the child should not make.
long ci_fuzz_call(long number, long a, long b, long c, long d, long e, long f) {
  (void)f;
  // A plan that answers EAGAIN or EINTR for ever is not interesting.
  if (++calls % 100000 == 0) next_random();
  switch (number) {
    case SYS_close: return 0;
    case SYS_close_range: case SYS_umask: case SYS_setsid: case SYS_setns: case SYS_unshare: case SYS_fchdir:
    case SYS_setresuid: case SYS_setresgid: case SYS_dup3: return success();
    case SYS_fcntl: case SYS_socket: return descriptor();
    case SYS_fsopen: reads_string(a); return descriptor();
    case SYS_fsconfig:
      if (c) reads_string(c);
      if (b == FSCONFIG_SET_STRING) reads_string(d);
      return success();
    case SYS_fsmount: return descriptor();
    case SYS_open_tree: reads_string(b); return descriptor();
    case SYS_move_mount: reads_string(b); reads_string(d); return success();
    case SYS_mount_setattr: reads_string(b); reads(d, (size_t)e); return success();
    case SYS_mount: reads_string(a); reads_string(b); reads_string(c); reads_string(e); return success();
    case SYS_umount2: case SYS_chdir: case SYS_chroot: reads_string(a); return success();
    case SYS_pivot_root: reads_string(a); reads_string(b); return success();
    case SYS_openat: reads_string(b); return descriptor();
    case SYS_openat2: reads_string(b); reads(c, (size_t)d); return descriptor();
    case SYS_mkdirat: case SYS_mknodat: reads_string(b); return success();
    case SYS_fchown: return success();
    case SYS_fchownat: reads_string(b); return success();
    case SYS_symlinkat: reads_string(a); reads_string(c); return success();
    case SYS_newfstatat: {
      reads_string(b);
      writes(c, sizeof(struct stat));
      struct stat *status = (struct stat *)c;
      uint64_t kind = next_random() % 4;
      if (kind == 0) status->st_mode = S_IFDIR | 0755;
      if (kind == 1) status->st_mode = S_IFREG | 0755;
      if (kind == 2) status->st_mode = S_IFCHR | 0666, status->st_rdev = 0x103;
      return success();
    }
    case SYS_fstatfs:
      writes(b, sizeof(struct statfs));
      if (next_random() % 4) ((struct statfs *)b)->f_type = 0x9fa0;
      return success();
    case SYS_readlinkat: {
      reads_string(b);
      size_t length = next_random() % ((size_t)d + 1);
      writes(c, length);
      return next_random() % 4 ? (long)length : -EINVAL;
    }
    case SYS_getcwd: {
      // The kernel fills in a path of up to the whole buffer.
      size_t length = next_random() % (size_t)b;
      memset((void *)a, '/', length);
      ((char *)a)[length] = 0;
      return (long)length + 1;
    }
    case SYS_read: case SYS_pread64: {
      size_t length = next_random() % 3 ? (size_t)c : next_random() % ((size_t)c + 1);
      writes(b, length);
      // A script, now and then one whose first line has no end.
      if (number == SYS_pread64 && length > 2 && next_random() % 2) {
        memset((void *)b, next_random() % 2 ? 'x' : ' ', length);
        memcpy((void *)b, "#!", 2);
      }
      if (number == SYS_read && c == 1 && next_random() % 2) *(char *)b = 0;
      long error = success();
      return error < 0 && next_random() % 2 ? error : (long)length;
    }
    case SYS_fspick: reads_string(b); return descriptor();
    case SYS_accept4: return descriptor();
    case SYS_memfd_create: reads_string(a); return descriptor();
    case SYS_pidfd_send_signal: return success();
    case SYS_ppoll:
      reads(a, 8 * (size_t)b);
      if (c) reads(c, sizeof(struct timespec));
      return next_random() % 4 ? (long)(next_random() % 2) : success();
    case SYS_waitid: if (c) writes(c, sizeof(siginfo_t)); return success();
    case SYS_exit_group:
      if (!child_end) abort();
      longjmp(*child_end, 1);
    case SYS_lseek: case SYS_fchmod: return success();
    case SYS_utimensat: reads(c, 2 * sizeof(struct timespec)); return success();
    case SYS_fgetxattr: reads_string(b); writes(c, (size_t)d); return next_random() % 2 ? -ENODATA : (long)(next_random() % (size_t)d);
    case SYS_fsetxattr: reads_string(b); reads(c, (size_t)d); return success();
    case SYS_sendfile: return next_random() % 2 ? d : success();
    case SYS_getdents64: {
      // Whole records, now and then none: a directory that never ends is not interesting.
      char *record = (char *)b, *end = (char *)b + c;
      if (next_random() % 3) return success();
      while (next_random() % 4) {
        size_t name = next_random() % 40 + 1, length = (19 + name + 1 + 7) / 8 * 8;
        if (next_random() % 16 == 0) name = 255, length = 280;
        if (length > (size_t)(end - record)) break;
        writes((long)record, length);
        *(uint16_t *)(record + 16) = (uint16_t)length;
        memset(record + 19, next_random() % 4 ? 'n' : '.', name);
        record[19 + name] = 0;
        record += length;
      }
      return record - (char *)b;
    }
    case SYS_write: {
      reads(b, (size_t)c);
      return next_random() % 8 ? c : success();
    }
    case SYS_sethostname: case SYS_setdomainname: reads(a, (size_t)b); return success();
    case SYS_prlimit64: reads(c, 16); return success();
    case SYS_setgroups: reads(b, (size_t)a * 4); return success();
    case SYS_prctl: {
      long result = success();
      return result < 0 && next_random() % 2 ? -EINVAL : result;
    }
    case SYS_capset: reads(a, 8); reads(b, 24); return success();
    case SYS_seccomp: {
      const struct sock_fprog *program = (const struct sock_fprog *)c;
      reads(c, sizeof *program);
      reads((long)program->filter, program->len * sizeof(struct sock_filter));
      return success();
    }
    case SYS_landlock_create_ruleset: reads(a, (size_t)b); return descriptor();
    case SYS_landlock_add_rule: reads(c, b == 1 ? 12 : 16); return success();
    case SYS_landlock_restrict_self: return success();
    case SYS_keyctl: if (b) reads_string(b); return success();
    case SYS_ioctl:
      if (b == TIOCSPTLCK) reads(c, sizeof(int));
      if (b == TIOCSWINSZ) reads(c, sizeof(struct winsize));
      if (b == 0x8914 /* SIOCSIFFLAGS */) reads(c, 40);
      return b == 0x5441 /* TIOCGPTPEER */ ? descriptor() : success();
    case SYS_sendmsg: {
      const struct msghdr *message = (const struct msghdr *)b;
      reads(b, sizeof *message);
      reads((long)message->msg_control, message->msg_controllen);
      for (size_t index = 0; index < message->msg_iovlen; index++)
        reads((long)message->msg_iov[index].iov_base, message->msg_iov[index].iov_len);
      return success();
    }
    case SYS_sendto: reads(b, (size_t)c); return success();
    case SYS_rt_sigaction: if (b) reads(b, 32); return success();
    case SYS_rt_sigprocmask: if (b) reads(b, 8); if (c) writes(c, 8); return success();
    case SYS_clock_gettime: writes(b, sizeof(struct timespec)); return 0;
    case SYS_execve: reads_string(a); reads_list(b); reads_list(c); return next_random() % 2 ? -ENOENT : -EACCES;
    case SYS_execveat: reads_string(b); reads_list(c); reads_list(d); return next_random() % 2 ? -ENOENT : -ENOEXEC;
    default:
      fprintf(stderr, "system call %ld is not one that the child makes\n", number);
      abort();
  }
}

// The second process runs here, too; then the first goes on.
long ci_fuzz_clone(void *arguments, size_t size, void (*entry)(void *), void *context) {
  reads((long)arguments, size);
  if (success() < 0) return -EAGAIN;
  jmp_buf here, *before = child_end;
  child_end = &here;
  if (setjmp(here) == 0) entry(context);
  child_end = before;
  return 2;
}

// MARK: one run

static void run(const unsigned char *bytes, size_t size) {
  // Exactly its size, so that the first byte beyond is noticed.
  void *plan;
  if (posix_memalign(&plan, 8, size ? size : 1)) abort();
  memcpy(plan, bytes, size);
  int bad;
  if (ci_check(plan, size, &bad) < 0) {
    refused++;
    free(plan);
    return;
  }
  accepted++;
  const struct ci_plan *header = plan;
  struct ci_context *context = calloc(1, sizeof *context);
  struct ci_report *report = calloc(1, sizeof *report);
  context->pointers = malloc(header->pointer_count * sizeof(char *));
  context->nanoseconds = next_random() % 2 ? calloc(header->operation_count, sizeof(uint64_t)) : NULL;
  context->plan = plan;
  context->report = report;
  context->parent_end = next_random() % 2 ? 7 : -1;
  context->closes_others = next_random() % 2;
  memset(context->slots, 0xff, sizeof context->slots);
  ci_run(context);
  if (report->error) failed++; else finished++;
  if (report->operation < 0 || (uint32_t)report->operation >= header->operation_count) abort();
  if (memchr(report->message, 0, sizeof report->message) == NULL) abort();
  if (memcmp(plan, bytes, size) != 0) abort();
  free(context->nanoseconds);
  free(context->pointers);
  free(context);
  free(report);
  free(plan);
}

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t size) {
  if (size < 8) return 0;
  memcpy(&state, bytes, 8);
  state |= 1;
  run(bytes + 8, size - 8);
  return 0;
}

// MARK: plans to begin with

static const char *const signatures[CI_CODE_END] = {
    "", "n", "osSvn", "odS", "dnnnD", "dds", "dsn", "dss", "dsnnnn", "dsdd", "ds", "d", "d", "s", "s", "dsb", "db", "nnn",
    "g", "nn", "n", "nnn", "n", "nn", "f", "", "doonnn", "dd", "DDD", "d", "s", "dn", "dn", "n", "", "s", "n", "S", "n", "n",
    "vvv", "odsn", "sssns", "d", "dv", "dds",
    [CI_AWAIT_START] = "dn", [CI_HOOK] = "vvb",
    [CI_LANDLOCK_RULESET] = "onnn", [CI_LANDLOCK_PATH] = "ddsn", [CI_LANDLOCK_PORT] = "dnn", [CI_LANDLOCK_RESTRICT] = "d",
};

static size_t add_string(unsigned char *data, size_t used, size_t room) {
  static const char *const texts[] = {"/", "a", "/a/b/c", "", "../..", "/proc/self/exe", "a//b/", "tmpfs", "lo"};
  uint64_t value = next_random();
  if (value % 16 == 0) {
    size_t length = (value >> 8) % 5000;
    if (length + 1 > room - used) length = 0;
    for (size_t index = 0; index < length; index++) data[used + index] = index % 9 == 0 ? '/' : 'y';
    data[used + length] = 0;
    return used + length + 1;
  }
  const char *text = texts[(value >> 8) % (sizeof texts / sizeof *texts)];
  memcpy(data + used, text, strlen(text) + 1);
  return used + strlen(text) + 1;
}

// Writes a valid plan of random operations; its size, or 0 where there is no room.
static size_t build(unsigned char *target, size_t capacity) {
  enum { DATA = 1 << 16 };
  static unsigned char data[DATA + 8192];
  uint32_t count = (uint32_t)(next_random() % 6 + 1), pointers = 0;
  size_t start = sizeof(struct ci_plan) + count * sizeof(struct ci_operation), used = 0;
  struct ci_operation operations[8];
  memset(operations, 0, sizeof operations);
  for (uint32_t index = 0; index < count; index++) {
    struct ci_operation *operation = &operations[index];
    do operation->code = (uint32_t)(next_random() % (CI_CODE_END - 1) + 1);
    while (operation->code == CI_EXECUTE);
    if (index + 1 == count) operation->code = CI_EXECUTE;
    operation->flags = operation->code == CI_ATTACH ? next_random() % 8 : 0;
    switch (operation->code) {
      case CI_BIND: case CI_MOUNT_ATTRIBUTES: case CI_WORKING_DIRECTORY: case CI_CLOSE_FROM: case CI_EXECUTE: case CI_OPEN:
      case CI_COPY_TREE: case CI_LANDLOCK_PATH:
        operation->flags = next_random() % 2;
    }
    int position = 0;
    for (const char *kind = signatures[operation->code]; *kind; kind++) {
      if (used > DATA - 6000) return 0;
      uint64_t *argument = &operation->argument[position++];
      switch (*kind) {
        case 'n':
          *argument = next_random() >> next_random() % 64;
          if (operation->code == CI_BARRIER) *argument = *argument % 255 + 1;
          break;
        case 'o': *argument = next_random() % CI_SLOTS; break;
        case 'd': *argument = next_random() % 8 ? next_random() % CI_SLOTS : CI_SLOT_WORKING_DIRECTORY; break;
        case 'D': *argument = next_random() % 8 ? next_random() % CI_SLOTS : CI_SLOT_NONE; break;
        case 'S':
          if (next_random() % 2) break;
          // fall through
        case 's':
          *argument = start + used;
          used = add_string(data, used, DATA);
          break;
        case 'b': case 'g': case 'f': {
          size_t unit = *kind == 'b' ? 1 : *kind == 'g' ? 4 : 8, length = next_random() % 40 * unit;
          if (*kind == 'f') length += unit;
          while ((start + used) % unit) data[used++] = 0;
          *argument = start + used;
          operation->argument[position++] = length;
          for (size_t byte = 0; byte < length; byte++) data[used++] = (unsigned char)next_random();
          break;
        }
        case 'v': {
          int is_command = operation->code == CI_EXECUTE || operation->code == CI_HOOK;
          uint32_t offsets[8], items = (uint32_t)(next_random() % 3 + (is_command ? 2 : 0));
          if (!is_command) items = items * 2;
          for (uint32_t item = 0; item < items; item++) {
            if (used > DATA - 6000) return 0;
            offsets[item] = (uint32_t)(start + used);
            used = add_string(data, used, DATA);
            if (!is_command && item % 2 && next_random() % 2) offsets[item] = 0;
          }
          while ((start + used) % 4) data[used++] = 0;
          *argument = start + used;
          operation->argument[position++] = items;
          memcpy(data + used, offsets, items * sizeof(uint32_t));
          used += items * sizeof(uint32_t);
          if (is_command) pointers += items + 1;
          break;
        }
      }
    }
  }
  data[used++] = 0;
  size_t size = start + used;
  if (size > capacity) return 0;
  struct ci_plan header = {CI_MAGIC, CI_VERSION, (uint32_t)size, count, pointers, 0};
  memcpy(target, &header, sizeof header);
  memcpy(target + sizeof header, operations, count * sizeof(struct ci_operation));
  memcpy(target + start, data, used);
  return size;
}

// Breaks one number of a plan: by a little, by a lot, or by one that lies at a limit.
static void damage(unsigned char *plan, size_t size) {
  static const uint64_t limits[] = {0, 1, 0xff, 0x7f, 0x80, 0xfe, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xffffffff,
                                    0x100000000, 0x7fffffffffffffff, 0x8000000000000000, 0xffffffffffffffff};
  uint64_t choice = next_random(), value;
  size_t width = choice & 1 ? 4 : 8;
  if (size < sizeof(struct ci_plan) + 16) return;
  if ((choice >> 3) % 16 == 0) {
    // The end of the last text.
    plan[size - 1] = (unsigned char)(choice >> 8);
    return;
  }
  size_t place = (choice >> 8) % (size - width);
  if (choice & 2) place = place / 4 * 4;
  // Header and operations more often than text.
  if (choice & 4) place %= sizeof(struct ci_plan) + 3 * sizeof(struct ci_operation);
  if (place + width > size) return;
  value = 0;
  memcpy(&value, plan + place, width);
  switch (next_random() % 5) {
    case 0: value += next_random() % 17 - 8; break;
    case 1: value = limits[next_random() % (sizeof limits / sizeof *limits)]; break;
    case 2: value = size - next_random() % 9; break;
    case 3: value ^= 1ULL << next_random() % 64; break;
    default: value = next_random() >> next_random() % 64;
  }
  memcpy(plan + place, &value, width);
}

size_t LLVMFuzzerMutate(unsigned char *data, size_t size, size_t maximum);

size_t LLVMFuzzerCustomMutator(unsigned char *data, size_t size, size_t maximum, unsigned seed) {
  state = seed * 0x9e3779b97f4a7c15ULL | 1;
  next_random();
  if (maximum < 4096) return LLVMFuzzerMutate(data, size, maximum);
  uint64_t choice = next_random() % 8;
  if (size < 8 + sizeof(struct ci_plan) || choice == 0) {
    size_t built = build(data + 8, maximum - 8);
    if (!built) return LLVMFuzzerMutate(data, size, maximum);
    uint64_t answers = next_random();
    memcpy(data, &answers, 8);
    return built + 8;
  }
  if (choice == 1) return LLVMFuzzerMutate(data, size, maximum);
  if (choice == 2) {
    uint64_t answers = next_random();
    memcpy(data, &answers, 8);
    return size;
  }
  if (choice == 3) {
    // Shorter, and honest about it: what ends the last text now is whatever lies there.
    uint32_t rest = (uint32_t)(size - 8 - next_random() % 24);
    if (rest < sizeof(struct ci_plan)) return size;
    memcpy(data + 8 + offsetof(struct ci_plan, size), &rest, sizeof rest);
    return rest + 8;
  }
  for (uint64_t times = next_random() % 4 + 1; times > 0; times--) damage(data + 8, size - 8);
  return size;
}

__attribute__((destructor)) static void summary(void) {
  fprintf(stderr, "plans: %llu refused, %llu accepted (%llu ended in an error); %llu system calls\n", refused, accepted,
          failed, calls);
}

#ifdef FUZZ_STANDALONE
// Without libFuzzer: builds plans, breaks them and runs them until the given number of runs is reached.
size_t LLVMFuzzerMutate(unsigned char *data, size_t size, size_t maximum) {
  (void)maximum;
  if (size > 8) data[8 + next_random() % (size - 8)] ^= 1 << next_random() % 8;
  return size;
}

int main(int count, char **arguments) {
  unsigned long runs = count > 1 ? strtoul(arguments[1], NULL, 10) : 1000000;
  static unsigned char input[1 << 17];
  size_t size = 0;
  for (unsigned long index = 0; index < runs; index++) {
    size = LLVMFuzzerCustomMutator(input, size, sizeof input, (unsigned)index);
    LLVMFuzzerTestOneInput(input, size);
    if (index % 16 == 15) size = 0;
  }
  return 0;
}
#endif
