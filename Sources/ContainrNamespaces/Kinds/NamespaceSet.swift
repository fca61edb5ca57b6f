/// A set of namespace kinds. The raw value is exactly the `CLONE_NEW*` bits of clone(2).
public struct NamespaceSet: OptionSet, Hashable, Sendable, CustomStringConvertible {
  /// The `CLONE_NEW*` bits.
  public let rawValue: UInt64
  /// Takes `CLONE_NEW*` bits.
  public init(rawValue: UInt64) { self.rawValue = rawValue }

  /// The set of one kind.
  public init(_ kind: NamespaceKind) { rawValue = kind.cloneFlag }

  /// `CLONE_NEWNS`
  public static let mnt = NamespaceSet(.mnt)
  /// `CLONE_NEWUTS`
  public static let uts = NamespaceSet(.uts)
  /// `CLONE_NEWIPC`
  public static let ipc = NamespaceSet(.ipc)
  /// `CLONE_NEWPID`
  public static let pid = NamespaceSet(.pid)
  /// `CLONE_NEWNET`
  public static let net = NamespaceSet(.net)
  /// `CLONE_NEWUSER`
  public static let user = NamespaceSet(.user)
  /// `CLONE_NEWCGROUP`
  public static let cgroup = NamespaceSet(.cgroup)
  /// `CLONE_NEWTIME`
  public static let time = NamespaceSet(.time)

  /// All eight kinds.
  public static let all: NamespaceSet = [.mnt, .uts, .ipc, .pid, .net, .user, .cgroup, .time]

  /// The kinds, in the order of ``NamespaceKind``.
  public var kinds: [NamespaceKind] { NamespaceKind.allCases.filter { contains(NamespaceSet($0)) } }

  /// The names under /proc/PID/ns, `mnt pid uts`.
  public var description: String { kinds.map(\.rawValue).joined(separator: " ") }
}
