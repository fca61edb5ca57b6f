/// Which network a container sees.
public enum NetworkMode: Hashable, Sendable {
  /// A network namespace of its own with only the loopback interface, up.
  case none
  /// The caller's network namespace.
  case host
}
