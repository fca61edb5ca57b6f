import ContainrCore
import SystemPackage

/// A whole tree for each snapshot.
struct CopyBackend: SnapshotBackend {
  func build(
    _ record: SnapshotRecord, from parent: SnapshotRecord?, at place: FilePath, _ places: SnapshotPlaces
  ) throws(ContainrError) {
    var copy = try TreeClone(to: FilePath(place.string + "/fs"), scratch: FilePath(place.string + "/links"))
    if let parent { try copy.run(from: places.files(parent.id)) }
    try copy.finish()
  }

  func mount(_ record: SnapshotRecord, _ places: SnapshotPlaces) throws(ContainrError) -> SnapshotMount {
    SnapshotMount(source: .directory(places.files(record.id)), isReadOnly: record.kind == .view)
  }

  func measure(_ record: SnapshotRecord, _ places: SnapshotPlaces) throws(ContainrError) -> SnapshotMeasure {
    // The files are the snapshot's own even where their data is shared.
    var count = TreeUsage(countsSharedData: false)
    try count.add(places.files(record.id))
    return SnapshotMeasure(usage: count.usage)
  }
}
