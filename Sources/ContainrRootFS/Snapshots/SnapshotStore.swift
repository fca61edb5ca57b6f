import ContainrCore
import SystemPackage

/// Snapshots in a directory, kept by one of four drivers.
///
/// ```
/// let store = try await SnapshotStore(.overlay(), at: "/var/lib/example")
/// let mount = try await store.prepare(SnapshotKey("filling"))
/// try await withMountedRootFS(mount.source, at: "/mnt") { root in … }
/// try await store.commit(SnapshotKey("filling"), as: SnapshotKey("base"))
/// ```
///
/// Several values, threads and processes may use one directory at the same time. A process may be killed at any instant: a
/// change is then there as a whole or not at all, and the next opening removes what is left over. Commits of what is not
/// ephemeral are synced to disk; other changes survive a crash of programs, and perhaps not one of the machine.
///
/// Privileges are the driver's: see <doc:Snapshots>.
public struct SnapshotStore: Snapshotter {
  /// How file trees are kept.
  public let driver: SnapshotDriver
  /// Where.
  public let path: FilePath
  private let directory: SnapshotDirectory

  /// Opens a store, or makes one.
  ///
  /// - Parameters:
  ///   - driver: the driver that the store was made with.
  ///   - path: an absolute path of the host.
  /// - Throws: `UNSUPPORTED` where the machine lacks what the driver needs; `INVALID_CONFIGURATION` for a store of another
  ///   driver; `PERMISSION_DENIED`, `IO_FAILURE`.
  public init(_ driver: SnapshotDriver, at path: FilePath) async throws {
    self.driver = driver
    self.path = path
    directory = try await blocking("containr-snapshot") { try SnapshotDirectory(driver, at: path) }
  }

  /// Begins a snapshot that can be written to and committed.
  public func prepare(
    _ key: SnapshotKey, from parent: SnapshotKey?, labels: [String: String], isEphemeral: Bool
  ) async throws -> SnapshotMount {
    try await run { try $0.begin(key, from: parent, kind: .active, labels: labels, isEphemeral: isEphemeral) }
  }

  /// Begins a snapshot that is read only, and never committed.
  public func view(_ key: SnapshotKey, of parent: SnapshotKey?, labels: [String: String]) async throws -> SnapshotMount {
    try await run { try $0.begin(key, from: parent, kind: .view, labels: labels, isEphemeral: false) }
  }

  /// Makes an active snapshot a committed one with another name.
  public func commit(_ key: SnapshotKey, as name: SnapshotKey, labels: [String: String]) async throws {
    try await run { try $0.commit(key, as: name, labels: labels) }
  }

  /// Removes a snapshot of any kind that no other began from.
  public func remove(_ key: SnapshotKey) async throws { try await run { try $0.remove(key) } }

  /// How an active snapshot or a view is mounted.
  public func mounts(of key: SnapshotKey) async throws -> SnapshotMount { try await run { try $0.mounts(of: key) } }

  /// What is known about a snapshot.
  public func stat(_ key: SnapshotKey) async throws -> Snapshot { try await run { try $0.stat(key) } }

  /// What a snapshot takes on disk.
  public func usage(of key: SnapshotKey) async throws -> SnapshotUsage { try await run { try $0.usage(of: key) } }

  /// The snapshots that a filter accepts, by name.
  public func walk(_ filter: SnapshotFilter) async throws -> [Snapshot] { try await run { try $0.walk(filter) } }

  /// Changes labels; a value of nil removes one.
  public func updateLabels(of key: SnapshotKey, _ changes: [String: String?]) async throws -> Snapshot {
    try await run { try $0.updateLabels(of: key, changes) }
  }

  private func run<Result: Sendable>(
    _ body: @escaping @Sendable (SnapshotDirectory) throws -> Result
  ) async throws -> Result {
    try await blocking("containr-snapshot") { [directory] in try body(directory) }
  }
}
