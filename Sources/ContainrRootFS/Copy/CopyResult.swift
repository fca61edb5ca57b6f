/// What a copy came to.
public struct CopyResult: Hashable, Sendable {
  /// Files, directories, links and nodes.
  public internal(set) var entries = 0
  /// Sockets, which are left out: a copy of one leads nowhere.
  public internal(set) var skippedSockets = 0
}
