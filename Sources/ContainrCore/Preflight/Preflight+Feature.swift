extension Preflight {
  /// One thing that a container can need, and whether this machine has it.
  public struct Feature: Hashable, Sendable {
    /// What it is.
    public var name: KernelFeature
    /// Whether it is there.
    public var status: Status
    /// The first kernel that has it; nil where no kernel gives it.
    public var minimumKernel: KernelVersion? { name.minimumKernel }

    /// States one thing.
    public init(_ name: KernelFeature, _ status: Status) {
      self.name = name
      self.status = status
    }
  }

  /// Whether a thing is there.
  public enum Status: Hashable, Sendable {
    /// It is there.
    case available
    /// It is not there, and what a person can do.
    case missing(reason: String, hint: String)
    /// It is there and closed to this caller, and what a person can do.
    case denied(reason: String, hint: String)
    /// It is not there, and what is done instead.
    case degraded(fallback: String)
  }

  /// A capability of capabilities(7) that making containers can need. The raw value is its number.
  public enum Capability: UInt8, Hashable, Sendable, CaseIterable, CustomStringConvertible {
    /// To change the owner of files.
    case chown = 0
    /// To pass over permission bits.
    case dacOverride = 1
    /// To change group ids and write gid maps.
    case setgid = 6
    /// To change user ids and write uid maps.
    case setuid = 7
    /// To set capabilities of files and drop from the bounding set.
    case setpcap = 8
    /// To configure networks.
    case netAdmin = 12
    /// To trace processes and read /proc of others.
    case sysPtrace = 19
    /// To mount, and to make namespaces.
    case sysAdmin = 21
    /// To raise resource limits.
    case sysResource = 24
    /// To make device nodes.
    case mknod = 27

    /// The kernel's name, `CAP_SYS_ADMIN`.
    public var description: String {
      switch self {
      case .chown: "CAP_CHOWN"
      case .dacOverride: "CAP_DAC_OVERRIDE"
      case .setgid: "CAP_SETGID"
      case .setuid: "CAP_SETUID"
      case .setpcap: "CAP_SETPCAP"
      case .netAdmin: "CAP_NET_ADMIN"
      case .sysPtrace: "CAP_SYS_PTRACE"
      case .sysAdmin: "CAP_SYS_ADMIN"
      case .sysResource: "CAP_SYS_RESOURCE"
      case .mknod: "CAP_MKNOD"
      }
    }
  }
}
