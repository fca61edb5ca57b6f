import ContainrOCI
import ContainrSecurity
import Glibc

extension OCI.RuntimeSpec {
  /// A configuration to start from: a shell at a terminal, few capabilities, a read-only root in `rootfs`.
  ///
  /// - Parameter rootless: for the calling user, who becomes root inside and shares the host's network.
  public static func example(rootless: Bool = false) -> OCI.RuntimeSpec {
    var spec = OCI.RuntimeSpec()
    var process = Process(args: ["sh"])
    process.terminal = true
    process.env = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"]
    var capabilities = Process.Capabilities()
    let names = ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"]
    capabilities.bounding = names
    capabilities.effective = names
    capabilities.permitted = names
    process.capabilities = capabilities
    process.rlimits = [Process.Rlimit(type: "RLIMIT_NOFILE", hard: 1024, soft: 1024)]
    process.noNewPrivileges = true
    spec.process = process
    spec.root = Root(path: "rootfs", readonly: true)
    spec.hostname = "containr"
    let network = rootless ? ["rbind", "nosuid", "noexec", "nodev", "ro"] : ["nosuid", "noexec", "nodev", "ro"]
    spec.mounts = [
      Mount(destination: "/proc", type: "proc", source: "proc"),
      Mount(
        destination: "/dev", type: "tmpfs", source: "tmpfs", options: ["nosuid", "strictatime", "mode=755", "size=65536k"]),
      Mount(
        destination: "/dev/pts", type: "devpts", source: "devpts",
        options: ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"] + (rootless ? [] : ["gid=5"])),
      Mount(
        destination: "/dev/shm", type: "tmpfs", source: "shm",
        options: ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"]),
      Mount(destination: "/dev/mqueue", type: "mqueue", source: "mqueue", options: ["nosuid", "noexec", "nodev"]),
      Mount(destination: "/sys", type: rootless ? "none" : "sysfs", source: rootless ? "/sys" : "sysfs", options: network),
    ]
    var linux = Linux()
    linux.maskedPaths = MaskedPaths.default
    linux.readonlyPaths = ReadonlyPaths.default
    linux.namespaces = [.init(.pid), .init(.ipc), .init(.uts), .init(.mount), .init(.cgroup)]
    if rootless {
      linux.namespaces?.append(.init(.user))
      linux.uidMappings = [IDMapping(containerID: 0, hostID: geteuid(), size: 1)]
      linux.gidMappings = [IDMapping(containerID: 0, hostID: getegid(), size: 1)]
    } else {
      spec.mounts?.append(
        Mount(
          destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup",
          options: ["nosuid", "noexec", "nodev", "relatime", "ro"]))
      linux.namespaces?.append(.init(.network))
      var deny = Linux.Resources.DeviceAccess(allow: false)
      deny.access = "rwm"
      linux.resources = Linux.Resources()
      linux.resources?.devices = [deny]
    }
    spec.linux = linux
    return spec
  }
}
