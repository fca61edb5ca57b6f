// Kernel calls and macros that Swift cannot import from Glibc: system calls without a wrapper, variadic functions,
// function-like macros and constants behind _GNU_SOURCE. Every wrapper returns >= 0, or the negated errno.
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <linux/types.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <termios.h>
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
static inline int cl_syncfs(int fd) { return (int)cl_result(syscall(SYS_syncfs, fd)); }
static inline int cl_flock(int fd, int operation) { return (int)cl_result(flock(fd, operation)); }
static inline uint64_t cl_makedev(unsigned major_number, unsigned minor_number) {
  return gnu_dev_makedev(major_number, minor_number);
}
static inline unsigned cl_major(uint64_t device) { return gnu_dev_major(device); }
static inline unsigned cl_minor(uint64_t device) { return gnu_dev_minor(device); }

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
static inline int cl_prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d) {
  return (int)cl_result(prctl(option, a, b, c, d));
}
static inline int cl_w_ifexited(int status) { return WIFEXITED(status); }
static inline int cl_w_exitstatus(int status) { return WEXITSTATUS(status); }
static inline int cl_w_termsig(int status) { return WTERMSIG(status); }

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
