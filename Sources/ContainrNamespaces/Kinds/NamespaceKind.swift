import CContainrLinux

/// A kind of namespace (namespaces(7)). The raw value is the name under `/proc/PID/ns`.
public enum NamespaceKind: String, Hashable, Sendable, CaseIterable {
  /// Mounts.
  case mnt
  /// Host name and domain name.
  case uts
  /// System V IPC objects and POSIX message queues.
  case ipc
  /// Process ids.
  case pid
  /// Network devices, addresses, routes, rules, ports.
  case net
  /// User ids, group ids, capabilities.
  case user
  /// What `/proc/PID/cgroup` shows as the root.
  case cgroup
  /// Monotonic and boot-time clocks (Linux 5.6).
  case time

  /// The `CLONE_NEW*` bit of clone(2), unshare(2) and setns(2).
  public var cloneFlag: UInt64 {
    switch self {
    case .mnt: UInt64(CL_CLONE_NEWNS)
    case .uts: UInt64(CL_CLONE_NEWUTS)
    case .ipc: UInt64(CL_CLONE_NEWIPC)
    case .pid: UInt64(CL_CLONE_NEWPID)
    case .net: UInt64(CL_CLONE_NEWNET)
    case .user: UInt64(CL_CLONE_NEWUSER)
    case .cgroup: UInt64(CL_CLONE_NEWCGROUP)
    case .time: UInt64(CL_CLONE_NEWTIME)
    }
  }

  /// The manual page that describes the kind.
  public var manual: String {
    switch self {
    case .mnt: "mount_namespaces(7)"
    case .uts: "uts_namespaces(7)"
    case .ipc: "ipc_namespaces(7)"
    case .pid: "pid_namespaces(7)"
    case .net: "network_namespaces(7)"
    case .user: "user_namespaces(7)"
    case .cgroup: "cgroup_namespaces(7)"
    case .time: "time_namespaces(7)"
    }
  }

  /// The name in an OCI document (runtime-spec config-linux.md#namespaces): `mount` and `network` differ from the kernel's.
  public var specificationName: String {
    switch self {
    case .mnt: "mount"
    case .net: "network"
    default: rawValue
    }
  }

  /// Finds the kind by its name in an OCI document; nil for an unknown one.
  public init?(specificationName name: String) {
    guard let kind = Self.allCases.first(where: { $0.specificationName == name }) else { return nil }
    self = kind
  }
}
