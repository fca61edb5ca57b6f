import ContainrCore
import SystemPackage

/// What the drivers do differently. All calls block; names, kinds and parents are the store's business.
protocol SnapshotBackend: Sendable {
  /// What overlayfs may do in layers that are written from now on.
  var features: OverlayFeatures { get }

  /// Makes the file tree of a new snapshot in a directory of its own, which is moved into its place afterwards.
  func build(
    _ record: SnapshotRecord, from parent: SnapshotRecord?, at place: FilePath, _ places: SnapshotPlaces
  ) throws(ContainrError)

  /// How the tree of a snapshot is mounted.
  func mount(_ record: SnapshotRecord, _ places: SnapshotPlaces) throws(ContainrError) -> SnapshotMount

  /// What an active snapshot takes, and what overlayfs must be told to read it.
  func measure(_ record: SnapshotRecord, _ places: SnapshotPlaces) throws(ContainrError) -> SnapshotMeasure

  /// Makes the tree of a committed snapshot unchangeable, where the file system can. A repetition is success.
  func seal(_ record: SnapshotRecord, _ places: SnapshotPlaces) throws(ContainrError)

  /// Removes a directory with all in it, and what the driver has elsewhere. What is missing is success.
  func delete(_ id: UInt64, at place: FilePath, _ places: SnapshotPlaces) throws(ContainrError)
}

/// What a commit writes down.
struct SnapshotMeasure: Hashable, Sendable {
  var usage: SnapshotUsage
  var features: OverlayFeatures = []
}

extension SnapshotBackend {
  var features: OverlayFeatures { [] }
  func seal(_ record: SnapshotRecord, _ places: SnapshotPlaces) throws(ContainrError) {}
  func delete(_ id: UInt64, at place: FilePath, _ places: SnapshotPlaces) throws(ContainrError) {
    try FileTree.remove(place)
  }
}
