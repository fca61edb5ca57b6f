/// Where a standard stream of a new process goes to or comes from.
public enum StandardStream: Hashable, Sendable {
  /// The caller's own.
  case inherit
  /// `/dev/null`.
  case null
  /// A descriptor, which stays the caller's and open until the process runs.
  case descriptor(CInt)
}
