/// The namespaces of a new process: for each kind, whether it shares the caller's, gets a new one, or joins one.
///
/// ```
/// let namespaces = Namespaces {
///   $0.create([.pid, .mnt, .uts, .ipc])
///   $0.net = .path("/run/netns/blue")
/// }
/// ```
///
/// Every kind is the host's until it is set.
public struct Namespaces: Hashable, Sendable {
  /// Mounts.
  public var mnt = NamespaceSource.host
  /// Host name and domain name.
  public var uts = NamespaceSource.host
  /// System V IPC objects and POSIX message queues.
  public var ipc = NamespaceSource.host
  /// Process ids.
  public var pid = NamespaceSource.host
  /// Network.
  public var net = NamespaceSource.host
  /// User and group ids. A new one needs ``idMaps``.
  public var user = NamespaceSource.host
  /// The root of `/proc/PID/cgroup`.
  public var cgroup = NamespaceSource.host
  /// Monotonic and boot-time clocks. A new one needs Linux 6.3.
  public var time = NamespaceSource.host

  /// How ids of a new user namespace appear outside of it.
  public var idMaps: IDMaps?
  /// What is added to the clocks of a new time namespace.
  public var timeOffsets = TimeOffsets()

  /// Makes a configuration.
  public init(_ configure: (inout Namespaces) -> Void = { _ in }) { configure(&self) }

  /// The source of one kind.
  public subscript(kind: NamespaceKind) -> NamespaceSource {
    get {
      switch kind {
      case .mnt: mnt
      case .uts: uts
      case .ipc: ipc
      case .pid: pid
      case .net: net
      case .user: user
      case .cgroup: cgroup
      case .time: time
      }
    }
    set {
      switch kind {
      case .mnt: mnt = newValue
      case .uts: uts = newValue
      case .ipc: ipc = newValue
      case .pid: pid = newValue
      case .net: net = newValue
      case .user: user = newValue
      case .cgroup: cgroup = newValue
      case .time: time = newValue
      }
    }
  }

  /// Asks for new namespaces of these kinds.
  public mutating func create(_ kinds: NamespaceSet) {
    for kind in kinds.kinds { self[kind] = .new }
  }

  /// The kinds of which a new namespace is made.
  public var created: NamespaceSet { kinds { $0 == .new } }

  /// The kinds of which an existing namespace is joined.
  public var joined: NamespaceSet { kinds { $0.isJoined } }

  private func kinds(where matches: (NamespaceSource) -> Bool) -> NamespaceSet {
    var set: NamespaceSet = []
    for kind in NamespaceKind.allCases where matches(self[kind]) { set.formUnion(NamespaceSet(kind)) }
    return set
  }
}
