import ContainrCore

/// File trees that start from one another: what containerd calls a snapshotter (docs/snapshotters of containerd), with its
/// meaning.
///
/// ``prepare(_:from:labels:isEphemeral:)`` begins a tree as a copy of a committed one, or empty. It is mounted, written to, and
/// either removed or committed under a name, from which others begin. A commit takes the place of the active snapshot: its key
/// is free afterwards. Keys and names are one space. A chain of parents may have any depth.
///
/// A snapshot knows no mount: whoever mounted one unmounts it before it is committed or removed.
public protocol Snapshotter: Sendable {
  /// Begins a snapshot that can be written to and committed.
  ///
  /// - Parameters:
  ///   - key: its name until it is committed.
  ///   - parent: the committed snapshot that it begins as; nil for an empty directory.
  ///   - labels: what its users note.
  ///   - isEphemeral: whether what is written to it may be lost when the machine goes down, even after a commit. An overlay
  ///     is never synced then (`volatile`), and neither is a commit.
  /// - Throws: `SNAPSHOT_ALREADY_EXISTS`; `SNAPSHOT_NOT_FOUND` for the parent; `SNAPSHOT_STATE` for a parent that is not
  ///   committed; `PERMISSION_DENIED`, `RESOURCE_EXHAUSTED`, `IO_FAILURE`.
  func prepare(
    _ key: SnapshotKey, from parent: SnapshotKey?, labels: [String: String], isEphemeral: Bool
  ) async throws -> SnapshotMount

  /// Begins a snapshot that is read only, and never committed.
  ///
  /// - Throws: as ``prepare(_:from:labels:isEphemeral:)``.
  func view(_ key: SnapshotKey, of parent: SnapshotKey?, labels: [String: String]) async throws -> SnapshotMount

  /// Makes an active snapshot a committed one with another name. It must not be mounted.
  ///
  /// - Parameters:
  ///   - key: the active snapshot. There is none of this key afterwards.
  ///   - name: its name from now on.
  ///   - labels: the committed snapshot's labels: those of the active one do not carry over.
  /// - Throws: `SNAPSHOT_NOT_FOUND`, `SNAPSHOT_ALREADY_EXISTS`; `SNAPSHOT_STATE` for one that is not active.
  func commit(_ key: SnapshotKey, as name: SnapshotKey, labels: [String: String]) async throws

  /// Removes a snapshot of any kind. It must not be mounted.
  ///
  /// - Throws: `SNAPSHOT_NOT_FOUND`; `SNAPSHOT_STATE` while others began from it.
  func remove(_ key: SnapshotKey) async throws

  /// How an active snapshot or a view is mounted.
  ///
  /// - Throws: `SNAPSHOT_NOT_FOUND`; `SNAPSHOT_STATE` for a committed one.
  func mounts(of key: SnapshotKey) async throws -> SnapshotMount

  /// What is known about a snapshot.
  ///
  /// - Throws: `SNAPSHOT_NOT_FOUND`.
  func stat(_ key: SnapshotKey) async throws -> Snapshot

  /// What a snapshot takes on disk: of an active one, counted now; of a committed one, what was counted at its commit.
  ///
  /// - Throws: `SNAPSHOT_NOT_FOUND`, `IO_FAILURE`.
  func usage(of key: SnapshotKey) async throws -> SnapshotUsage

  /// The snapshots that a filter accepts, by name.
  func walk(_ filter: SnapshotFilter) async throws -> [Snapshot]

  /// Changes labels; a value of nil removes one, others stay as they are.
  ///
  /// - Throws: `SNAPSHOT_NOT_FOUND`; `INVALID_ARGUMENT` for an empty name, and for name and value longer than 4096 bytes.
  func updateLabels(of key: SnapshotKey, _ changes: [String: String?]) async throws -> Snapshot
}

extension Snapshotter {
  /// Begins a durable snapshot without labels.
  @discardableResult
  public func prepare(_ key: SnapshotKey, from parent: SnapshotKey? = nil) async throws -> SnapshotMount {
    try await prepare(key, from: parent, labels: [:], isEphemeral: false)
  }

  /// Begins a view without labels.
  @discardableResult
  public func view(_ key: SnapshotKey, of parent: SnapshotKey?) async throws -> SnapshotMount {
    try await view(key, of: parent, labels: [:])
  }

  /// Commits without labels.
  public func commit(_ key: SnapshotKey, as name: SnapshotKey) async throws {
    try await commit(key, as: name, labels: [:])
  }

  /// All snapshots, by name.
  public func walk() async throws -> [Snapshot] { try await walk(.all) }
}
