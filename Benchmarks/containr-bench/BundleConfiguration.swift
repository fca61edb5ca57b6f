/// The config.json that crun and runc get: what a default container of ours has, so that all do the same work.
///
/// Namespaces mnt, uts, ipc, pid, net and cgroup; the runtime specification's default mounts with the cgroup mount;
/// Docker's fourteen capabilities, masked and read-only paths; no new privileges; the default device rules.
func bundleConfiguration(arguments: [String], root: String, seccomp: String?) -> String {
  func list(_ items: [String]) -> String { "[" + items.map(quoted).joined(separator: ",") + "]" }
  func mount(_ type: String, _ destination: String, _ options: [String], source: String? = nil) -> String {
    """
    {"destination":\(quoted(destination)),"type":\(quoted(type)),"source":\(quoted(source ?? type)),\
    "options":\(list(options))}
    """
  }
  let capabilities = list([
    "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FSETID", "CAP_FOWNER", "CAP_MKNOD", "CAP_NET_RAW", "CAP_SETGID", "CAP_SETUID",
    "CAP_SETFCAP", "CAP_SETPCAP", "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT", "CAP_KILL", "CAP_AUDIT_WRITE",
  ])
  let mounts = [
    mount("proc", "/proc", ["nosuid", "noexec", "nodev"]),
    mount("tmpfs", "/dev", ["nosuid", "strictatime", "mode=755", "size=65536k"]),
    mount("devpts", "/dev/pts", ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]),
    mount("tmpfs", "/dev/shm", ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"], source: "shm"),
    mount("mqueue", "/dev/mqueue", ["nosuid", "noexec", "nodev"]),
    mount("sysfs", "/sys", ["nosuid", "noexec", "nodev", "ro"]),
    mount("cgroup", "/sys/fs/cgroup", ["nosuid", "noexec", "nodev", "relatime", "ro"]),
  ]
  let masked = [
    "/proc/asound", "/proc/acpi", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
    "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/sys/firmware",
    "/sys/devices/virtual/powercap",
  ]
  let readOnly = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]
  let namespaces = ["pid", "network", "ipc", "uts", "mount", "cgroup"].map { "{\"type\":\"\($0)\"}" }.joined(separator: ",")
  return """
    {"ociVersion":"1.0.2","hostname":"bench","root":{"path":\(quoted(root)),"readonly":false},
    "process":{"terminal":false,"user":{"uid":0,"gid":0},"args":\(list(arguments)),
    "env":["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],"cwd":"/","noNewPrivileges":true,
    "capabilities":{"bounding":\(capabilities),"effective":\(capabilities),"permitted":\(capabilities)}},
    "mounts":[\(mounts.joined(separator: ",\n"))],
    "linux":{"resources":{"devices":[{"allow":false,"access":"rwm"}]},"namespaces":[\(namespaces)],
    "maskedPaths":\(list(masked)),"readonlyPaths":\(list(readOnly))\(seccomp.map { ",\n\"seccomp\":" + $0 } ?? "")}}

    """
}
