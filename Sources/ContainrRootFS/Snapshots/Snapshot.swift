import ContainrCore

/// What a store knows about a snapshot.
public struct Snapshot: Hashable, Sendable {
  /// What may be done with a snapshot.
  public enum Kind: String, Hashable, Sendable, CaseIterable {
    /// Mounted read-only, and never committed.
    case view
    /// Mounted and written to.
    case active
    /// Unchangeable; the parent of others, and never mounted itself.
    case committed
  }

  /// The key, or a committed snapshot's name.
  public let name: SnapshotKey
  /// The committed snapshot that this one started from; nil for one that started empty.
  public let parent: SnapshotKey?
  /// What may be done with it.
  public let kind: Kind
  /// When it was prepared, or committed, as time since 1970-01-01T00:00:00Z.
  public let created: Duration
  /// When it or its labels last changed, in the same form.
  public let updated: Duration
  /// What it held when it was committed, its parents' share not counted; zero for other kinds: see
  /// ``Snapshotter/usage(of:)``.
  public let usage: SnapshotUsage
  /// What its users noted.
  public let labels: [String: String]
}
