// Kernel calls and macros that Swift cannot import from Glibc: system calls without a wrapper, variadic functions,
// function-like macros and constants behind _GNU_SOURCE. Every wrapper returns >= 0, or the negated errno.
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/btrfs.h>
#include <linux/capability.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <linux/seccomp.h>
#include <linux/types.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/fsuid.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/timerfd.h>
#include <sys/types.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

static inline long cl_result(long value) { return value < 0 ? -(long)errno : value; }

// MARK: open flags behind _GNU_SOURCE

enum {
  CL_O_PATH = 010000000,
  CL_O_TMPFILE = 020200000,
  CL_AT_EMPTY_PATH = 0x1000,
  CL_AT_SYMLINK_NOFOLLOW = 0x100,
  CL_AT_RECURSIVE = 0x8000,
};

// MARK: namespaces (clone(2))

enum {
  CL_CLONE_NEWTIME = 0x00000080,
  CL_CLONE_NEWNS = 0x00020000,
  CL_CLONE_NEWCGROUP = 0x02000000,
  CL_CLONE_NEWUTS = 0x04000000,
  CL_CLONE_NEWIPC = 0x08000000,
  CL_CLONE_NEWUSER = 0x10000000,
  CL_CLONE_NEWPID = 0x20000000,
  CL_CLONE_NEWNET = 0x40000000,
};

static inline int cl_setns(int fd, int flags) { return (int)cl_result(syscall(SYS_setns, fd, flags)); }
static inline int cl_unshare(int flags) { return (int)cl_result(syscall(SYS_unshare, flags)); }

// The CLONE_NEW* bit of a namespace by its descriptor; -ENOTTY for a descriptor of anything else.
static inline int cl_namespace_type(int fd) {
  struct statfs status;
  long result = cl_result(fstatfs(fd, &status));
  if (result < 0) return (int)result;
  if (status.f_type != 0x6e736673 /* NSFS_MAGIC */) return -ENOTTY;
  return (int)cl_result(ioctl(fd, _IO(0xb7, 3) /* NS_GET_NSTYPE */));
}
// A descriptor of the user namespace that owns a namespace; -EPERM for one outside of the caller's.
static inline int cl_namespace_owner(int fd) { return (int)cl_result(ioctl(fd, _IO(0xb7, 1) /* NS_GET_USERNS */)); }

// MARK: files

static inline int cl_openat2(int directory, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve) {
  struct open_how how = {.flags = flags, .mode = mode, .resolve = resolve};
  return (int)cl_result(syscall(SYS_openat2, directory, path, &how, sizeof how));
}
static inline int cl_openat(int directory, const char *path, int flags, unsigned mode) {
  return (int)cl_result(openat(directory, path, flags, mode));
}
static inline int cl_close_range(unsigned first, unsigned last, unsigned flags) {
  return (int)cl_result(syscall(SYS_close_range, first, last, flags));
}
static inline int cl_pipe2(int *ends, int flags) { return (int)cl_result(syscall(SYS_pipe2, ends, flags)); }
static inline int cl_dup3(int from, int to, int flags) { return (int)cl_result(syscall(SYS_dup3, from, to, flags)); }
static inline int cl_fcntl(int fd, int command, long argument) { return (int)cl_result(fcntl(fd, command, argument)); }
static inline int cl_memfd_create(const char *name, unsigned flags) {
  return (int)cl_result(syscall(SYS_memfd_create, name, flags));
}
static inline int cl_renameat2(int from, const char *old, int to, const char *new_name, unsigned flags) {
  return (int)cl_result(syscall(SYS_renameat2, from, old, to, new_name, flags));
}
// write(2) that answers -EPIPE where nobody reads, without the signal: SIGPIPE is blocked around the call and taken back.
static inline long cl_write_quietly(int fd, const void *bytes, size_t count) {
  sigset_t pipe_signal, before, pending;
  sigemptyset(&pipe_signal);
  sigaddset(&pipe_signal, SIGPIPE);
  sigpending(&pending);
  pthread_sigmask(SIG_BLOCK, &pipe_signal, &before);
  long result = cl_result(write(fd, bytes, count));
  if (result == -EPIPE && !sigismember(&pending, SIGPIPE)) {
    struct timespec at_once = {0};
    while (sigtimedwait(&pipe_signal, NULL, &at_once) < 0 && errno == EINTR) continue;
  }
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return result;
}
// Copies from one offset to the other, which both move.
static inline long cl_copy_file_range(int from, int to, size_t count) {
  return cl_result(syscall(SYS_copy_file_range, from, NULL, to, NULL, count, 0u));
}
static inline int cl_syncfs(int fd) { return (int)cl_result(syscall(SYS_syncfs, fd)); }
static inline int cl_flock(int fd, int operation) { return (int)cl_result(flock(fd, operation)); }
static inline uint64_t cl_makedev(unsigned major_number, unsigned minor_number) {
  return gnu_dev_makedev(major_number, minor_number);
}
static inline unsigned cl_major(uint64_t device) { return gnu_dev_major(device); }
static inline unsigned cl_minor(uint64_t device) { return gnu_dev_minor(device); }
// Directory entries in the kernel's own form (getdents64(2)): readdir(3) needs a second descriptor and hides errors.
static inline long cl_getdents(int directory, void *buffer, size_t size) {
  return cl_result(syscall(SYS_getdents64, directory, buffer, size));
}
// The type of the file system that a descriptor is on (statfs(2) f_type), 32 bits of it.
static inline long cl_file_system_type(int fd) {
  struct statfs status;
  long result = cl_result(fstatfs(fd, &status));
  return result < 0 ? result : (long)((unsigned long)status.f_type & 0xffffffff);
}

// Whether overlayfs hides what lower layers have in a directory.
static inline int cl_is_overlay_opaque(const char *path) {
  char value = 0;
  return (lgetxattr(path, "trusted.overlay.opaque", &value, 1) == 1 && value == 'y') ||
         (lgetxattr(path, "user.overlay.opaque", &value, 1) == 1 && value == 'y');
}

// Whether an extended attribute is the one character 1, systemd's mark of what it has delegated.
static inline int cl_has_mark(const char *path, const char *name) {
  char value = 0;
  return getxattr(path, name, &value, 1) == 1 && value == '1';
}

// MARK: file systems that share data (ioctl_ficlone(2), linux/fiemap.h, linux/btrfs.h)

static inline int cl_clone_file(int to, int from) { return (int)cl_result(ioctl(to, FICLONE, from)); }
static inline long cl_copy_range(int from, int64_t from_offset, int to, int64_t to_offset, size_t count) {
  return cl_result(syscall(SYS_copy_file_range, from, &from_offset, to, &to_offset, count, 0u));
}
// lseek(2) to the next data or hole; -ENXIO past the end.
static inline int64_t cl_seek_data(int fd, int64_t offset) { return cl_result(lseek(fd, offset, 3 /* SEEK_DATA */)); }
static inline int64_t cl_seek_hole(int fd, int64_t offset) { return cl_result(lseek(fd, offset, 4 /* SEEK_HOLE */)); }
// The bytes on disk that a file shares with no other.
static inline int64_t cl_exclusive_bytes(int fd) {
  _Alignas(8) unsigned char space[sizeof(struct fiemap) + 64 * sizeof(struct fiemap_extent)];
  struct fiemap *map = (struct fiemap *)space;
  uint64_t start = 0, total = 0;
  for (;;) {
    __builtin_memset(space, 0, sizeof space);
    map->fm_start = start;
    map->fm_length = UINT64_MAX - start;
    map->fm_flags = FIEMAP_FLAG_SYNC;
    map->fm_extent_count = 64;
    long result = cl_result(ioctl(fd, FS_IOC_FIEMAP, map));
    if (result < 0) return result;
    for (uint32_t index = 0; index < map->fm_mapped_extents; index++) {
      const struct fiemap_extent *extent = &map->fm_extents[index];
      if (!(extent->fe_flags & FIEMAP_EXTENT_SHARED)) total += extent->fe_length;
      start = extent->fe_logical + extent->fe_length;
      if (extent->fe_flags & FIEMAP_EXTENT_LAST) return (int64_t)total;
    }
    if (map->fm_mapped_extents == 0) return (int64_t)total;
  }
}
// Whether a descriptor is on btrfs.
static inline int cl_is_btrfs(int fd) {
  struct statfs status;
  long result = cl_result(fstatfs(fd, &status));
  return result < 0 ? (int)result : (uint32_t)status.f_type == 0x9123683e /* BTRFS_SUPER_MAGIC */;
}
static inline int cl_btrfs_name(char *field, size_t size, const char *name) {
  size_t length = __builtin_strlen(name);
  if (length >= size) return -ENAMETOOLONG;
  __builtin_memcpy(field, name, length + 1);
  return 0;
}
static inline int cl_btrfs_create(int directory, const char *name) {
  struct btrfs_ioctl_vol_args_v2 arguments = {0};
  int result = cl_btrfs_name(arguments.name, sizeof arguments.name, name);
  return result < 0 ? result : (int)cl_result(ioctl(directory, BTRFS_IOC_SUBVOL_CREATE_V2, &arguments));
}
static inline int cl_btrfs_snapshot(int directory, const char *name, int source, int read_only) {
  struct btrfs_ioctl_vol_args_v2 arguments = {.fd = source, .flags = read_only ? BTRFS_SUBVOL_RDONLY : 0};
  int result = cl_btrfs_name(arguments.name, sizeof arguments.name, name);
  return result < 0 ? result : (int)cl_result(ioctl(directory, BTRFS_IOC_SNAP_CREATE_V2, &arguments));
}
static inline int cl_btrfs_destroy(int directory, const char *name) {
  struct btrfs_ioctl_vol_args arguments = {0};
  int result = cl_btrfs_name(arguments.name, sizeof arguments.name, name);
  return result < 0 ? result : (int)cl_result(ioctl(directory, BTRFS_IOC_SNAP_DESTROY, &arguments));
}
static inline int cl_btrfs_set_read_only(int subvolume, int read_only) {
  uint64_t flags = 0;
  long result = cl_result(ioctl(subvolume, BTRFS_IOC_SUBVOL_GETFLAGS, &flags));
  if (result < 0) return (int)result;
  uint64_t wanted = read_only ? flags | BTRFS_SUBVOL_RDONLY : flags & ~(uint64_t)BTRFS_SUBVOL_RDONLY;
  return wanted == flags ? 0 : (int)cl_result(ioctl(subvolume, BTRFS_IOC_SUBVOL_SETFLAGS, &wanted));
}

// MARK: processes

static inline int cl_pidfd_open(pid_t pid, unsigned flags) { return (int)cl_result(syscall(SYS_pidfd_open, pid, flags)); }
static inline int cl_pidfd_send_signal(int fd, int number) {
  return (int)cl_result(syscall(SYS_pidfd_send_signal, fd, number, NULL, 0));
}
// waitid(P_PIDFD): 0 with *status in the form of wait(2) when the process has ended, -EAGAIN while it has not.
static inline int cl_pidfd_wait(int fd, int options, int *status) {
  siginfo_t information = {0};
  long result = cl_result(waitid((idtype_t)3 /* P_PIDFD */, (id_t)fd, &information, WEXITED | options));
  if (result < 0) return (int)result;
  if (information.si_pid == 0) return -EAGAIN;
  *status = information.si_code == CLD_EXITED ? (information.si_status & 0xff) << 8 : information.si_status & 0x7f;
  return 0;
}
// ioctl PIDFD_GET_INFO with PIDFD_INFO_EXIT (Linux 6.15): the wait(2) status of a process that somebody has reaped.
static inline int cl_pidfd_exit_status(int fd, int *status) {
  struct {
    uint64_t mask, cgroup;
    uint32_t ids[11];
    int32_t exit_code;
    uint32_t more[4];
  } information = {.mask = 1u << 3 /* PIDFD_INFO_EXIT */};
  _Static_assert(offsetof(__typeof__(information), exit_code) == 60, "struct pidfd_info");
  long result = cl_result(ioctl(fd, _IOC(_IOC_READ | _IOC_WRITE, 0xff, 11, sizeof information), &information));
  if (result < 0) return (int)result;
  if (!(information.mask & 1u << 3)) return -ENODATA;
  *status = information.exit_code;
  return 0;
}
static inline int cl_prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d) {
  return (int)cl_result(prctl(option, a, b, c, d));
}
static inline int cl_w_ifexited(int status) { return WIFEXITED(status); }
static inline int cl_w_exitstatus(int status) { return WEXITSTATUS(status); }
static inline int cl_w_termsig(int status) { return WTERMSIG(status); }

static inline int cl_epoll_create(void) { return (int)cl_result(epoll_create1(EPOLL_CLOEXEC)); }
static inline int cl_epoll_add(int epoll, int fd, uint32_t events, uint64_t token) {
  struct epoll_event event = {.events = events, .data = {.u64 = token}};
  return (int)cl_result(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event));
}
static inline int cl_epoll_remove(int epoll, int fd) {
  return (int)cl_result(epoll_ctl(epoll, EPOLL_CTL_DEL, fd, NULL));
}
// Waits for events and fills in their tokens; the number of them.
static inline int cl_epoll_wait(int epoll, uint64_t *tokens, int capacity, int milliseconds) {
  struct epoll_event events[64];
  if (capacity > 64) capacity = 64;
  long count = cl_result(epoll_wait(epoll, events, capacity, milliseconds));
  for (long index = 0; index < count; index++) tokens[index] = events[index].data.u64;
  return (int)count;
}
static inline int cl_signalfd(const sigset_t *set) {
  return (int)cl_result(signalfd(-1, set, SFD_CLOEXEC | SFD_NONBLOCK));
}
// The number of a waiting signal; -EAGAIN when there is none.
static inline int cl_signalfd_read(int fd) {
  struct signalfd_siginfo information;
  long count = cl_result(read(fd, &information, sizeof information));
  return count < 0 ? (int)count : (int)information.ssi_signo;
}
static inline int cl_eventfd(void) { return (int)cl_result(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)); }
static inline int cl_timerfd(void) {
  return (int)cl_result(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
}
// Makes the timer readable once, after this time; 0 stops it. Either way it is not readable now.
static inline int cl_timerfd_set(int fd, uint64_t nanoseconds) {
  struct itimerspec time = {.it_value = {(time_t)(nanoseconds / 1000000000), (long)(nanoseconds % 1000000000)}};
  return (int)cl_result(timerfd_settime(fd, 0, &time, NULL));
}

// MARK: terminals

static inline int cl_terminal_size(int fd, unsigned short *rows, unsigned short *columns) {
  struct winsize size;
  long result = cl_result(ioctl(fd, TIOCGWINSZ, &size));
  if (result >= 0) *rows = size.ws_row, *columns = size.ws_col;
  return (int)result;
}
static inline int cl_set_terminal_size(int fd, unsigned short rows, unsigned short columns) {
  struct winsize size = {.ws_row = rows, .ws_col = columns};
  return (int)cl_result(ioctl(fd, TIOCSWINSZ, &size));
}

// MARK: descriptors over a socket (unix(7), SCM_RIGHTS)

// Receives one byte with at most one descriptor (-1 in *descriptor when none came). 0 at end of stream.
static inline int cl_receive_descriptor(int socket_fd, char *byte, int *descriptor) {
  union {
    struct cmsghdr header;
    char space[CMSG_SPACE(sizeof(int))];
  } control;
  struct iovec vector = {.iov_base = byte, .iov_len = 1};
  struct msghdr message = {
      .msg_iov = &vector, .msg_iovlen = 1, .msg_control = control.space, .msg_controllen = sizeof control.space};
  *descriptor = -1;
  long result = cl_result(recvmsg(socket_fd, &message, MSG_CMSG_CLOEXEC));
  if (result <= 0) return (int)result;
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS)
    __builtin_memcpy(descriptor, CMSG_DATA(header), sizeof(int));
  return (int)result;
}

// A stream connection to a socket of the unix domain; -ENAMETOOLONG for a path that no address holds.
static inline int cl_unix_connect(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  size_t length = __builtin_strlen(path);
  if (length >= sizeof address.sun_path) return -ENAMETOOLONG;
  __builtin_memcpy(address.sun_path, path, length);
  int fd = (int)cl_result(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (fd < 0) return fd;
  long result = cl_result(connect(fd, (struct sockaddr *)&address, sizeof address));
  if (result >= 0) return fd;
  close(fd);
  return (int)result;
}
// Sends bytes, with a descriptor beside the first of them; the number of bytes.
static inline long cl_send_descriptor(int socket_fd, const void *bytes, size_t count, int descriptor) {
  union {
    struct cmsghdr header;
    char space[CMSG_SPACE(sizeof(int))];
  } control = {.header = {.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int))}};
  __builtin_memcpy(CMSG_DATA(&control.header), &descriptor, sizeof(int));
  struct iovec vector = {.iov_base = (void *)bytes, .iov_len = count};
  struct msghdr message = {
      .msg_iov = &vector, .msg_iovlen = 1, .msg_control = control.space, .msg_controllen = sizeof control.space};
  return cl_result(sendmsg(socket_fd, &message, MSG_NOSIGNAL));
}

// MARK: system calls of others (seccomp_unotify(2))

struct cl_seccomp_request {
  uint64_t id;
  uint32_t pid, architecture;
  int32_t number;
  uint64_t instruction_pointer, arguments[6];
};

// Takes the next call off a listener. Blocks where there is none; -ENOENT where the caller was killed meanwhile.
static inline int cl_seccomp_receive(int listener, struct cl_seccomp_request *request) {
  struct seccomp_notif notification;
  __builtin_memset(&notification, 0, sizeof notification);
  long result = cl_result(ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &notification));
  if (result < 0) return (int)result;
  request->id = notification.id;
  request->pid = notification.pid;
  request->architecture = notification.data.arch;
  request->number = notification.data.nr;
  request->instruction_pointer = notification.data.instruction_pointer;
  for (int index = 0; index < 6; index++) request->arguments[index] = notification.data.args[index];
  return 0;
}
static inline int cl_seccomp_answer(int listener, uint64_t id, int64_t value, int error, int continues) {
  struct seccomp_notif_resp response = {
      .id = id, .val = value, .error = error, .flags = continues ? SECCOMP_USER_NOTIF_FLAG_CONTINUE : 0};
  return (int)cl_result(ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response));
}
// 0 while the call waits for its answer; -ENOENT afterwards.
static inline int cl_seccomp_is_valid(int listener, uint64_t id) {
  return (int)cl_result(ioctl(listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &id));
}
// Gives the caller a copy of a descriptor, at `number` unless that is -1; its number there. `answers`: it is the call's result.
static inline int cl_seccomp_add_descriptor(
    int listener, uint64_t id, int descriptor, int number, int flags, int answers) {
  struct seccomp_notif_addfd request = {
      .id = id,
      .flags = (number >= 0 ? SECCOMP_ADDFD_FLAG_SETFD : 0) | (answers ? 2 /* SECCOMP_ADDFD_FLAG_SEND */ : 0),
      .srcfd = (uint32_t)descriptor,
      .newfd = number >= 0 ? (uint32_t)number : 0,
      .newfd_flags = (uint32_t)flags};
  return (int)cl_result(ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &request));
}

// MARK: capabilities (capabilities(7))

struct cl_capability_sets {
  uint64_t effective, permitted, inheritable, bounding, ambient;
};

// Reads the five sets of the calling thread.
static inline int cl_capability_read(struct cl_capability_sets *sets) {
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {{0}};
  long result = cl_result(syscall(SYS_capget, &header, data));
  if (result < 0) return (int)result;
  sets->effective = data[0].effective | (uint64_t)data[1].effective << 32;
  sets->permitted = data[0].permitted | (uint64_t)data[1].permitted << 32;
  sets->inheritable = data[0].inheritable | (uint64_t)data[1].inheritable << 32;
  sets->bounding = sets->ambient = 0;
  for (unsigned number = 0; number < 64; number++) {
    int held = prctl(PR_CAPBSET_READ, (unsigned long)number, 0, 0, 0);
    if (held < 0) break;  // past the last capability of this kernel
    if (held) sets->bounding |= UINT64_C(1) << number;
    // An ambient capability is always inheritable: most processes have none to ask for.
    if (sets->inheritable >> number & 1 &&
        prctl(PR_CAP_AMBIENT, (unsigned long)PR_CAP_AMBIENT_IS_SET, (unsigned long)number, 0, 0) > 0)
      sets->ambient |= UINT64_C(1) << number;
  }
  return 0;
}

// MARK: Landlock (landlock(7)); the numbers are the same on every architecture

static inline int cl_landlock_create_ruleset(uint64_t files, uint64_t network, uint64_t scopes) {
  uint64_t attributes[3] = {files, network, scopes};
  return (int)cl_result(syscall(444, attributes, sizeof attributes, 0u));
}
// Adds a rule for a file or a directory and all below it; rights that only directories have are left out for a file.
static inline int cl_landlock_add_path(int ruleset, int file, uint64_t rights, uint64_t rights_of_files) {
  struct __attribute__((packed)) {
    uint64_t access;
    int32_t parent;
  } rule = {rights, file};
  struct stat status;
  long result = cl_result(fstat(file, &status));
  if (result < 0) return (int)result;
  if ((status.st_mode & S_IFMT) != S_IFDIR) rule.access &= rights_of_files;
  if (rule.access == 0) return 0;
  return (int)cl_result(syscall(445, ruleset, 1 /* PATH_BENEATH */, &rule, 0u));
}
static inline int cl_landlock_add_port(int ruleset, uint64_t port, uint64_t rights) {
  uint64_t rule[2] = {rights, port};
  return (int)cl_result(syscall(445, ruleset, 2 /* NET_PORT */, rule, 0u));
}
static inline int cl_landlock_restrict_self(int ruleset, unsigned flags) {
  return (int)cl_result(syscall(446, ruleset, flags));
}

// MARK: eBPF programs of cgroups (bpf(2))

static inline int cl_bpf(int command, union bpf_attr *attributes) {
  return (int)cl_result(syscall(SYS_bpf, command, attributes, sizeof *attributes));
}
// Loads a BPF_PROG_TYPE_CGROUP_DEVICE program; its descriptor, which the kernel opens with O_CLOEXEC.
static inline int cl_bpf_device_load_named(const uint64_t *instructions, uint32_t count, const char *name) {
  union bpf_attr attributes;
  __builtin_memset(&attributes, 0, sizeof attributes);
  attributes.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
  attributes.insns = (uint64_t)(uintptr_t)instructions;
  attributes.insn_cnt = count;
  attributes.license = (uint64_t)(uintptr_t)"MIT";
  for (unsigned i = 0; name[i] && i + 1 < sizeof attributes.prog_name; i++) attributes.prog_name[i] = name[i];
  return cl_bpf(BPF_PROG_LOAD, &attributes);
}
// The same under the name by which cl_bpf_device_query finds it again.
static inline int cl_bpf_device_load(const uint64_t *instructions, uint32_t count) {
  return cl_bpf_device_load_named(instructions, count, "containr_dev");
}
static inline int cl_bpf_program(uint32_t id) {
  union bpf_attr attributes;
  __builtin_memset(&attributes, 0, sizeof attributes);
  attributes.prog_id = id;
  return cl_bpf(BPF_PROG_GET_FD_BY_ID, &attributes);
}
// Attaches a device program to the cgroup directory beside others of the directory and its ancestors, which stay in force;
// in the place of `replaced`, at once, where that is a program's descriptor and not -1 (Linux 5.6).
static inline int cl_bpf_device_put(int cgroup, int program, int replaced) {
  union bpf_attr attributes;
  __builtin_memset(&attributes, 0, sizeof attributes);
  attributes.target_fd = (uint32_t)cgroup;
  attributes.attach_bpf_fd = (uint32_t)program;
  attributes.attach_type = BPF_CGROUP_DEVICE;
  attributes.attach_flags = BPF_F_ALLOW_MULTI | (replaced < 0 ? 0 : BPF_F_REPLACE);
  attributes.replace_bpf_fd = replaced < 0 ? 0 : (uint32_t)replaced;
  return cl_bpf(BPF_PROG_ATTACH, &attributes);
}
static inline int cl_bpf_device_attach(int cgroup, int program) { return cl_bpf_device_put(cgroup, program, -1); }
// Puts a device program in the place of the attached one with this id.
static inline int cl_bpf_device_replace(int cgroup, int program, uint32_t id) {
  int replaced = cl_bpf_program(id);
  if (replaced < 0) return replaced;
  int result = cl_bpf_device_put(cgroup, program, replaced);
  close(replaced);
  return result;
}
// Whether the program was loaded by cl_bpf_device_load; -errno.
static inline int cl_bpf_is_ours(uint32_t id) {
  int program = cl_bpf_program(id);
  if (program < 0) return program;
  struct bpf_prog_info info;
  union bpf_attr attributes;
  __builtin_memset(&info, 0, sizeof info);
  __builtin_memset(&attributes, 0, sizeof attributes);
  attributes.info.bpf_fd = (uint32_t)program;
  attributes.info.info_len = sizeof info;
  attributes.info.info = (uint64_t)(uintptr_t)&info;
  int result = cl_bpf(BPF_OBJ_GET_INFO_BY_FD, &attributes);
  close(program);
  return result < 0 ? result : __builtin_memcmp(info.name, "containr_dev", 13) == 0;
}
// The ids of the device programs of cl_bpf_device_load that are attached to the directory itself; their number.
static inline int cl_bpf_device_query(int cgroup, uint32_t *ids, uint32_t capacity) {
  union bpf_attr attributes;
  __builtin_memset(&attributes, 0, sizeof attributes);
  attributes.query.target_fd = (uint32_t)cgroup;
  attributes.query.attach_type = BPF_CGROUP_DEVICE;
  attributes.query.prog_ids = (uint64_t)(uintptr_t)ids;
  attributes.query.prog_cnt = capacity;
  int result = cl_bpf(BPF_PROG_QUERY, &attributes), count = 0;
  if (result < 0) return result;
  for (uint32_t i = 0; i < attributes.query.prog_cnt; i++) {
    result = cl_bpf_is_ours(ids[i]);
    if (result < 0) return result;
    if (result > 0) ids[count++] = ids[i];
  }
  return count;
}
// Detaches the device program with this id from the directory.
static inline int cl_bpf_device_detach(int cgroup, uint32_t id) {
  int program = cl_bpf_program(id);
  if (program < 0) return program;
  union bpf_attr attributes;
  __builtin_memset(&attributes, 0, sizeof attributes);
  attributes.target_fd = (uint32_t)cgroup;
  attributes.attach_bpf_fd = (uint32_t)program;
  attributes.attach_type = BPF_CGROUP_DEVICE;
  int result = cl_bpf(BPF_PROG_DETACH, &attributes);
  close(program);
  return result;
}

// MARK: mounts by descriptor (Linux 5.2; cl_mount_setattr 5.12)

static inline int cl_fsopen(const char *type) { return (int)cl_result(syscall(SYS_fsopen, type, 1u /* CLOEXEC */)); }
// A value of NULL makes the option a flag.
static inline int cl_fsconfig_set(int context, const char *key, const char *value) {
  return (int)cl_result(syscall(SYS_fsconfig, context, value ? 1 /* SET_STRING */ : 0 /* SET_FLAG */, key, value, 0));
}
static inline int cl_fsconfig_create(int context) {
  return (int)cl_result(syscall(SYS_fsconfig, context, 6 /* CMD_CREATE */, NULL, NULL, 0));
}
static inline int cl_fsmount(int context, unsigned attributes) {
  return (int)cl_result(syscall(SYS_fsmount, context, 1 /* CLOEXEC */, attributes));
}
static inline int cl_open_tree(int directory, const char *path, int recursive) {
  unsigned flags = 1 /* CLONE */ | O_CLOEXEC | CL_AT_EMPTY_PATH | (recursive ? CL_AT_RECURSIVE : 0);
  return (int)cl_result(syscall(SYS_open_tree, directory, path, flags));
}
static inline int cl_move_mount(int mount, int target) {
  return (int)cl_result(syscall(SYS_move_mount, mount, "", target, "", 0x4 | 0x40 /* both paths are empty */));
}
static inline int cl_mount_setattr(int mount, uint64_t set, uint64_t clear, uint64_t propagation, int recursive) {
  struct {
    uint64_t set, clear, propagation, user_namespace;
  } attributes = {set, clear, propagation, 0};
  unsigned flags = CL_AT_EMPTY_PATH | (recursive ? CL_AT_RECURSIVE : 0);
  return (int)cl_result(syscall(442 /* mount_setattr */, mount, "", flags, &attributes, sizeof attributes));
}
static inline int cl_mount(const char *source, const char *target, const char *type, const char *data) {
  return (int)cl_result(mount(source, target, type, 0, data));
}
static inline int cl_unmount(const char *path, int lazy) {
  return (int)cl_result(umount2(path, 8 /* UMOUNT_NOFOLLOW */ | (lazy ? 2 /* MNT_DETACH */ : 0)));
}

// Shows the files of a mount that is attached nowhere with the ids of a user namespace (Linux 5.12).
static inline int cl_mount_idmap(int mount, int user_namespace, int recursive) {
  struct {
    uint64_t set, clear, propagation, user_namespace;
  } attributes = {0x100000 /* MOUNT_ATTR_IDMAP */, 0, 0, (uint64_t)user_namespace};
  unsigned flags = CL_AT_EMPTY_PATH | (recursive ? CL_AT_RECURSIVE : 0);
  return (int)cl_result(syscall(442 /* mount_setattr */, mount, "", flags, &attributes, sizeof attributes));
}

// What a descriptor says about the mount it is on.
struct cl_mount_identity {
  uint64_t mount;   // the id as in /proc/self/mountinfo
  uint64_t device;
  uint64_t inode;
  int is_root;      // whether it is the topmost directory of the mount
};
// Linux 5.8.
static inline int cl_mount_identity(int fd, struct cl_mount_identity *identity) {
  struct {
    uint32_t mask, block_size;
    uint64_t attributes;
    uint32_t links, uid, gid;
    uint16_t mode, padding;
    uint64_t inode, size, blocks, attributes_mask;
    uint64_t times[8];
    uint32_t raw_major, raw_minor, major, minor;
    uint64_t mount;
    uint64_t reserved[13];
  } status;
  long result = cl_result(syscall(SYS_statx, fd, "", CL_AT_EMPTY_PATH, 0x100 | 0x1000 /* INO, MNT_ID */, &status));
  if (result < 0) return (int)result;
  if (!(status.mask & 0x1000)) return -ENOSYS;
  identity->mount = status.mount;
  identity->device = gnu_dev_makedev(status.major, status.minor);
  identity->inode = status.inode;
  identity->is_root = (status.attributes & 0x2000 /* STATX_ATTR_MOUNT_ROOT */) != 0;
  return 0;
}

// MARK: project quotas (ext4, xfs)

struct cl_project_attributes {
  uint32_t flags, extent_size, extents, project, cow_extent_size;
  uint8_t padding[8];
};
static inline int cl_project_get(int fd, uint32_t *project) {
  struct cl_project_attributes attributes;
  long result = cl_result(ioctl(fd, _IOR('X', 31, struct cl_project_attributes) /* FS_IOC_FSGETXATTR */, &attributes));
  if (result >= 0) *project = attributes.project;
  return (int)result;
}
// Gives a directory a project, and with it all that is made in it from now on. 0 is none.
static inline int cl_project_set(int fd, uint32_t project) {
  struct cl_project_attributes attributes;
  long result = cl_result(ioctl(fd, _IOR('X', 31, struct cl_project_attributes), &attributes));
  if (result < 0) return (int)result;
  attributes.project = project;
  attributes.flags = project ? attributes.flags | 0x200 /* FS_XFLAG_PROJINHERIT */ : attributes.flags & ~0x200u;
  return (int)cl_result(ioctl(fd, _IOW('X', 32, struct cl_project_attributes) /* FS_IOC_FSSETXATTR */, &attributes));
}

// struct if_dqblk. Space limits count blocks of 1024 bytes, 0 is no limit.
struct cl_quota {
  uint64_t space_limit, soft_space_limit, space;
  uint64_t inode_limit, soft_inode_limit, inodes;
  uint64_t space_time, inode_time;
  uint32_t valid;
};
// quotactl_fd(2) of a project (Linux 5.14).
static inline int cl_quota_get(int fd, uint32_t project, struct cl_quota *quota) {
  unsigned command = 0x800007u << 8 | 2 /* Q_GETQUOTA, PRJQUOTA */;
  return (int)cl_result(syscall(443 /* quotactl_fd */, fd, command, project, quota));
}
static inline int cl_quota_set(int fd, uint32_t project, struct cl_quota *quota) {
  unsigned command = 0x800008u << 8 | 2 /* Q_SETQUOTA, PRJQUOTA */;
  quota->valid = 1 | 4 /* QIF_BLIMITS, QIF_ILIMITS */;
  return (int)cl_result(syscall(443 /* quotactl_fd */, fd, command, project, quota));
}

// The source of the mount that a descriptor is on, by statmount(2) instead of a search through mountinfo. -EOPNOTSUPP where
// the kernel says none (before Linux 6.13), -ENOSYS before 6.8.
static inline int cl_mount_source(int fd, char *source, size_t size) {
  struct {
    uint32_t mask, words[7];
    uint64_t more[14];
    uint64_t mount;
    uint64_t reserved[13];
  } status;
  _Static_assert(offsetof(__typeof__(status), mount) == 144, "struct statx");
  long result = cl_result(syscall(SYS_statx, fd, "", CL_AT_EMPTY_PATH, 0x4000 /* MNT_ID_UNIQUE */, &status));
  if (result < 0) return (int)result;
  if (!(status.mask & 0x4000)) return -ENOSYS;
  struct {
    uint32_t size, spare;
    uint64_t mount, mask;
  } request = {.size = sizeof request, .mount = status.mount, .mask = 0x200 /* SB_SOURCE */};
  struct {
    uint32_t size, options;
    uint64_t mask;
    uint32_t words[27];
    uint32_t source;
    uint64_t reserved[48];
    char text[1536];
  } answer;
  _Static_assert(offsetof(__typeof__(answer), source) == 124 && offsetof(__typeof__(answer), text) == 512, "struct statmount");
  result = cl_result(syscall(457 /* statmount */, &request, &answer, sizeof answer, 0u));
  if (result < 0) return (int)result;
  if (!(answer.mask & 0x200) || answer.source >= sizeof answer.text) return -EOPNOTSUPP;
  size_t length = strnlen(answer.text + answer.source, sizeof answer.text - answer.source);
  if (length >= size) return -EOVERFLOW;
  __builtin_memcpy(source, answer.text + answer.source, length);
  source[length] = 0;
  return (int)length;
}

// MARK: preflight probes

// Each asks whether the kernel knows a call, with arguments that can have no effect. -ENOSYS says no; most others yes.

static inline int cl_probe_fsopen(void) { return (int)cl_result(syscall(SYS_fsopen, NULL, 0)); }
static inline int cl_probe_mount_setattr(void) {
  return (int)cl_result(syscall(SYS_mount_setattr, -1, "", 0, NULL, (size_t)0));
}
static inline int cl_probe_clone3(void) { return (int)cl_result(syscall(SYS_clone3, NULL, (size_t)0)); }
// -EBADF where clone3 knows CLONE_INTO_CGROUP: no descriptor has this number, so no process is made.
static inline int cl_probe_clone_into_cgroup(void) {
  uint64_t arguments[11] = {[0] = UINT64_C(0x200000000), [4] = SIGCHLD, [10] = 0x7ffffffe};
  long result = cl_result(syscall(SYS_clone3, arguments, sizeof arguments));
  if (result == 0) _exit(0);
  return (int)result;
}
// The highest Landlock ABI.
static inline int cl_landlock_abi(void) {
  return (int)cl_result(syscall(444 /* landlock_create_ruleset */, NULL, (size_t)0, 1u));
}
// The ids of the security modules in use (LSM_ID_*, Linux 6.8); their number.
static inline int cl_lsm_list(uint64_t *ids, uint32_t capacity) {
  uint32_t size = capacity * (uint32_t)sizeof *ids;
  return (int)cl_result(syscall(461 /* lsm_list_modules */, ids, &size, 0u));
}
static inline int cl_fsconfig_fd(int context, const char *key, int fd) {
  return (int)cl_result(syscall(SYS_fsconfig, context, 5u /* SET_FD */, key, NULL, fd));
}
