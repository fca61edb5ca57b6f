/// The names of ``SeccompProfile/containerDefault(for:)``, put together from the kernel's tables
/// (`arch/x86/entry/syscalls/*.tbl`, `include/uapi/asm-generic/unistd.h`) up to Linux 6.18.
enum ContainerSystemCalls {
  /// What every container may do. The kernel's own checks hold: of a container's own processes, files and sockets.
  static let open: [String] = [
    // Files and directories.
    "access", "chdir", "chmod", "chown", "chown32", "close", "close_range", "copy_file_range", "creat", "dup", "dup2",
    "dup3", "faccessat", "faccessat2", "fadvise64", "fadvise64_64", "arm_fadvise64_64", "fallocate", "fchdir", "fchmod",
    "fchmodat", "fchmodat2", "fchown", "fchown32", "fchownat", "fcntl", "fcntl64", "fdatasync", "fgetxattr",
    "flistxattr", "flock", "fremovexattr", "fsetxattr", "fstat", "fstat64", "fstatat64", "fstatfs", "fstatfs64", "fsync",
    "ftruncate", "ftruncate64", "futimesat", "getcwd", "getdents", "getdents64", "getxattr", "getxattrat", "inotify_add_watch",
    "inotify_init", "inotify_init1", "inotify_rm_watch", "fanotify_mark", "lchown", "lchown32", "lgetxattr", "link",
    "linkat", "listmount", "listxattr", "listxattrat", "llistxattr", "_llseek", "lremovexattr", "lseek", "lsetxattr", "lstat",
    "lstat64", "mkdir",
    "mkdirat", "mknod", "mknodat", "name_to_handle_at", "newfstatat", "oldfstat", "oldlstat", "oldstat", "open",
    "openat", "openat2", "readahead", "readdir", "readlink", "readlinkat", "removexattr", "removexattrat", "rename", "renameat",
    "renameat2", "rmdir", "setxattr", "setxattrat", "stat", "stat64", "statfs", "statfs64", "statmount", "statx", "symlink",
    "symlinkat", "sync",
    "sync_file_range", "sync_file_range2", "arm_sync_file_range", "syncfs", "truncate", "truncate64", "umask", "unlink",
    "unlinkat", "utime", "utimensat", "utimensat_time64", "utimes", "cachestat", "file_getattr",
    "file_setattr",
    // Reading, writing, waiting.
    "epoll_create", "epoll_create1", "epoll_ctl", "epoll_ctl_old", "epoll_pwait", "epoll_pwait2", "epoll_wait",
    "epoll_wait_old", "eventfd", "eventfd2", "io_cancel", "io_destroy", "io_getevents", "io_pgetevents",
    "io_pgetevents_time64", "io_setup", "io_submit", "ioctl", "_newselect", "pipe", "pipe2", "poll", "ppoll",
    "ppoll_time64", "pread64", "preadv", "preadv2", "pselect6", "pselect6_time64", "pwrite64", "pwritev", "pwritev2",
    "read", "readv", "select", "sendfile", "sendfile64", "signalfd", "signalfd4", "splice", "tee", "vmsplice", "write",
    "writev",
    // Memory.
    "brk", "cacheflush", "madvise", "map_shadow_stack", "memfd_create", "memfd_secret", "mincore", "mlock", "mlock2",
    "mlockall", "mmap", "mmap2", "mprotect", "mremap", "mseal", "msync", "munlock", "munlockall", "munmap", "pkey_alloc",
    "pkey_free", "pkey_mprotect", "remap_file_pages", "membarrier",
    // Processes and threads.
    "arch_prctl", "breakpoint", "capget", "capset", "execve", "execveat", "exit", "exit_group", "fork", "vfork",
    "get_robust_list", "get_thread_area", "get_tls", "getcpu", "getpgid", "getpgrp", "getpid", "getpriority", "getppid",
    "getrlimit", "getrusage", "getsid", "gettid", "kill", "landlock_add_rule", "landlock_create_ruleset",
    "landlock_restrict_self", "modify_ldt", "nice", "olduname", "oldolduname", "pause", "pidfd_open",
    "pidfd_send_signal", "prctl", "prlimit64", "process_mrelease", "process_vm_readv", "process_vm_writev", "ptrace",
    "restart_syscall", "rseq", "rt_sigaction", "rt_sigpending", "rt_sigprocmask", "rt_sigqueueinfo", "rt_sigreturn",
    "rt_sigsuspend", "rt_sigtimedwait", "rt_sigtimedwait_time64", "rt_tgsigqueueinfo", "sched_get_priority_max",
    "sched_get_priority_min", "sched_getaffinity", "sched_getattr", "sched_getparam", "sched_getscheduler",
    "sched_rr_get_interval", "sched_rr_get_interval_time64", "sched_setaffinity", "sched_setattr", "sched_setparam",
    "sched_setscheduler", "sched_yield", "seccomp", "set_robust_list", "set_thread_area", "set_tid_address", "set_tls",
    "setpgid", "setpriority", "setrlimit", "setsid", "sgetmask", "sigaction", "sigaltstack", "signal", "sigpending",
    "sigprocmask", "sigreturn", "sigsuspend", "ssetmask", "sysinfo", "tgkill", "times", "tkill", "ugetrlimit", "uname",
    "wait4", "waitid", "waitpid", "uprobe", "uretprobe", "ioprio_get", "ioprio_set", "futex", "futex_requeue", "futex_time64",
    "futex_wait",
    "futex_waitv", "futex_wake",
    // Users and groups.
    "getegid", "getegid32", "geteuid", "geteuid32", "getgid", "getgid32", "getgroups", "getgroups32", "getresgid",
    "getresgid32", "getresuid", "getresuid32", "getuid", "getuid32", "setfsgid", "setfsgid32", "setfsuid", "setfsuid32",
    "setgid", "setgid32", "setgroups", "setgroups32", "setregid", "setregid32", "setresgid", "setresgid32", "setresuid",
    "setresuid32", "setreuid", "setreuid32", "setuid", "setuid32",
    // Time: reading it, and timers. adjtimex reads as well; the kernel checks CAP_SYS_TIME where it sets.
    "adjtimex", "alarm", "clock_adjtime", "clock_adjtime64", "clock_getres", "clock_getres_time64", "clock_gettime",
    "clock_gettime64", "clock_nanosleep", "clock_nanosleep_time64", "getitimer", "gettimeofday", "nanosleep",
    "setitimer", "time", "timer_create", "timer_delete", "timer_getoverrun", "timer_gettime", "timer_gettime64",
    "timer_settime", "timer_settime64", "timerfd_create", "timerfd_gettime", "timerfd_gettime64", "timerfd_settime",
    "timerfd_settime64",
    // System V and POSIX interprocess communication.
    "mq_getsetattr", "mq_notify", "mq_open", "mq_timedreceive", "mq_timedreceive_time64", "mq_timedsend",
    "mq_timedsend_time64", "mq_unlink", "msgctl", "msgget", "msgrcv", "msgsnd", "semctl", "semget", "semop",
    "semtimedop", "semtimedop_time64", "shmat", "shmctl", "shmdt", "shmget",
    // Sockets, but for making one, which has conditions.
    "accept", "accept4", "bind", "connect", "getpeername", "getsockname", "getsockopt", "listen", "recv", "recvfrom",
    "recvmmsg", "recvmmsg_time64", "recvmsg", "send", "sendmmsg", "sendmsg", "sendto", "setsockopt", "shutdown",
    // Random numbers.
    "getrandom",
  ]

  /// What a capability opens: calls that the kernel lets its holders make, and that nobody else needs.
  static let gated: [(capability: Capability, names: [String])] = [
    (
      .sysAdmin,
      [
        "bpf", "fanotify_init", "fsconfig", "fsmount", "fsopen", "fspick", "lookup_dcookie", "mount", "mount_setattr",
        "move_mount", "open_tree", "open_tree_attr", "perf_event_open", "pivot_root", "quotactl", "quotactl_fd",
        "setdomainname",
        "sethostname", "setns", "syslog", "umount", "umount2", "unshare", "clone", "clone3",
      ]
    ),
    (.dacReadSearch, ["open_by_handle_at"]),
    (.sysBoot, ["reboot"]),
    (.sysChroot, ["chroot"]),
    (.sysModule, ["delete_module", "finit_module", "init_module"]),
    (.sysPacct, ["acct"]),
    (.sysPtrace, ["kcmp", "pidfd_getfd", "process_madvise", "userfaultfd"]),
    (.sysRawio, ["ioperm", "iopl"]),
    (.sysTime, ["clock_settime", "clock_settime64", "settimeofday", "stime"]),
    (.sysTtyConfig, ["vhangup"]),
    (
      .sysNice,
      [
        "get_mempolicy", "mbind", "migrate_pages", "move_pages", "set_mempolicy", "set_mempolicy_home_node",
      ]
    ),
    (.syslog, ["syslog"]),
    (.bpf, ["bpf"]),
    (.perfmon, ["perf_event_open"]),
  ]

  /// The capabilities in ``gated``: no other one changes the profile.
  static let gates: CapabilitySet = [
    .sysAdmin, .dacReadSearch, .sysBoot, .sysChroot, .sysModule, .sysPacct, .sysPtrace, .sysRawio, .sysTime,
    .sysTtyConfig, .sysNice, .syslog, .bpf, .perfmon,
  ]

  /// What no container gets by this profile, whatever its capabilities.
  static let closed: [String] = [
    // The kernel's keyrings are not namespaced.
    "add_key", "keyctl", "request_key",
    // Another kernel, and the machine's swap: the whole host's, and never a container's.
    "kexec_file_load", "kexec_load", "swapoff", "swapon",
    // A wide way into the kernel; kernel.io_uring_disabled answers EPERM as well.
    "io_uring_enter", "io_uring_register", "io_uring_setup",
    // What security modules say of a process: the container's own view of them is procfs.
    "lsm_get_self_attr", "lsm_list_modules", "lsm_set_self_attr",
    // Real mode of i386.
    "vm86", "vm86old",
    // Obsolete, or without a use in any C library.
    "_sysctl", "afs_syscall", "bdflush", "break", "create_module", "ftime", "get_kernel_syms", "getpmsg", "gtty", "idle",
    "lock", "mpx", "nfsservctl", "prof", "profil", "putpmsg", "query_module", "security", "stty", "sysfs", "tuxcall",
    "ulimit", "uselib", "ustat", "vserver",
  ]
}
