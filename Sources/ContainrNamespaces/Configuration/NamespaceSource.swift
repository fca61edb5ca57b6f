import SystemPackage

/// Where the namespace of a new process comes from.
public enum NamespaceSource: Hashable, Sendable {
  /// The caller's own: nothing is isolated.
  case host
  /// A new one.
  case new
  /// One that a file stands for: `/proc/PID/ns/net`, or a path that it was pinned to (``Namespace/pin(to:)``).
  case path(FilePath)
  /// That of a process, by its id now in the caller's pid namespace.
  case process(Int32)
  /// One by a descriptor of such a file, which stays the caller's and open until the plan has run.
  case descriptor(CInt)
  /// That of a process, by its pidfd (Linux 5.8), which stays the caller's and open until the plan has run.
  case processDescriptor(CInt)

  /// Whether an existing namespace is joined.
  public var isJoined: Bool {
    switch self {
    case .host, .new: false
    case .path, .process, .descriptor, .processDescriptor: true
    }
  }
}
