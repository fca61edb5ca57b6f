import CContainrLinux
import ContainrCore
import Glibc
import SystemPackage

/// Layers: `fs` holds what a snapshot changed, `work` is overlayfs's own.
struct OverlayBackend: SnapshotBackend {
  let features: OverlayFeatures

  /// The attributes that a store has, or for a new one those that this process may write.
  static func features(storedAs attributes: String?) throws(ContainrError) -> OverlayFeatures {
    if let attributes { return attributes == "user" ? .userAttributes : [] }
    // user_namespaces(7): the first namespace maps all ids to themselves. `trusted.` attributes are its root's only.
    let map = try FileContents.text("/proc/self/uid_map").split { $0 == " " || $0 == "\n" }
    return geteuid() == 0 && map == ["0", "0", "4294967295"] ? [] : .userAttributes
  }

  func validate() throws(ContainrError) {
    guard !features.contains(.userAttributes) || features == .userAttributes else {
      throw ContainrError(
        .invalidConfiguration, "choosing overlay's features",
        hint: "the kernel takes userxattr with neither metacopy nor redirect_dir")
    }
  }

  func build(
    _ record: SnapshotRecord, from parent: SnapshotRecord?, at place: FilePath, _ places: SnapshotPlaces
  ) throws(ContainrError) {
    if record.kind == .view, parent != nil { return }
    let files = FilePath(place.string + "/fs")
    try Self.makeDirectory(files)
    guard let parent else { return }
    // The root directory that a container sees is the topmost layer's.
    var status = stat()
    let above = places.files(parent.id)
    guard stat(above.string, &status) == 0 else {
      throw .errno(.current, .ioFailure, "reading \(above)", call: "stat(2)")
    }
    guard chown(files.string, status.st_uid, status.st_gid) == 0, chmod(files.string, status.st_mode & 0o7777) == 0 else {
      throw .errno(.current, .ioFailure, "setting the owner and mode of \(files)", call: "chown(2)")
    }
    try Self.makeDirectory(FilePath(place.string + "/work"))
  }

  private static func makeDirectory(_ path: FilePath) throws(ContainrError) {
    guard mkdir(path.string, 0o755) == 0, chmod(path.string, 0o755) == 0 else {
      throw .errno(.current, .ioFailure, "making \(path)", call: "mkdir(2)")
    }
  }

  func mount(_ record: SnapshotRecord, _ places: SnapshotPlaces) throws(ContainrError) -> SnapshotMount {
    let isReadOnly = record.kind == .view
    let files = places.files(record.id)
    if record.chain.isEmpty { return SnapshotMount(source: .directory(files), isReadOnly: isReadOnly) }
    let writable: OverlayRoot.WritableLayer =
      isReadOnly
      ? .none
      : .directories(
        upper: files, work: FilePath("\(places.root.string)/snapshots/\(record.id)/work"), durable: !record.isEphemeral)
    let overlay = OverlayRoot(
      layers: record.chain.map(places.files), writableLayer: writable, features: record.features.union(features))
    return SnapshotMount(source: .overlay(overlay), isReadOnly: isReadOnly)
  }

  func measure(_ record: SnapshotRecord, _ places: SnapshotPlaces) throws(ContainrError) -> SnapshotMeasure {
    // Without a feature the kernel writes none of its attributes, and a mount cannot set them: no need to look.
    let looks = !record.features.isDisjoint(with: [.metacopy, .redirects])
    var count = TreeUsage(looksForFeatures: looks)
    try count.add(places.files(record.id))
    let inherited = try record.parent.flatMap { parent throws(ContainrError) in try places.record(parent) }?.features ?? []
    return SnapshotMeasure(usage: count.usage, features: inherited.union(count.features))
  }
}
