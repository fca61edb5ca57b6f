import ContainrCore
import SystemPackage

/// A data set for each snapshot, through zfs(8): there is no stable interface below the program.
struct ZFSBackend: SnapshotBackend {
  let dataset: String
  private let zfs: ZFSCommand
  private static let mark = "containr"

  /// - Throws: `UNSUPPORTED` without the program or the kernel module; `INVALID_ARGUMENT` for what names no data set.
  init(dataset: String, zfs: ZFSCommand? = nil) throws(ContainrError) {
    // zfs(8), "Dataset names"; an option cannot be written, because the first character is a letter or digit.
    let isName = dataset.split(separator: "/", omittingEmptySubsequences: false).allSatisfy { part in
      let isAllowed = part.utf8.allSatisfy {
        switch $0 {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: ":"):
          true
        default: false
        }
      }
      return isAllowed && part.utf8.first.map { !"-._:".utf8.contains($0) } ?? false
    }
    guard isName, dataset.utf8.count <= 200 else {
      throw ContainrError(.invalidArgument, "reading the data set \"\(dataset)\"", hint: "such as tank/containr")
    }
    self.dataset = dataset
    if let zfs { self.zfs = zfs } else { self.zfs = try ZFSCommand() }
    _ = try self.zfs.run(["list", "-H", "-o", "name", dataset], code: .unsupported)
  }

  private func name(_ id: UInt64) -> String { "\(dataset)/\(id)" }
  /// A mount stays where it is when the directory of a snapshot is moved.
  private func place(_ id: UInt64, _ places: SnapshotPlaces) -> FilePath {
    FilePath("\(places.root.string)/volumes/\(id)")
  }

  func build(
    _ record: SnapshotRecord, from parent: SnapshotRecord?, at place: FilePath, _ places: SnapshotPlaces
  ) throws(ContainrError) {
    var properties = ["-o", "mountpoint=\(self.place(record.id, places).string)"]
    if record.kind == .view { properties += ["-o", "readonly=on"] }
    if let parent {
      try seal(parent, places)
      _ = try zfs.run(["clone"] + properties + ["\(name(parent.id))@\(Self.mark)", name(record.id)])
    } else {
      _ = try zfs.run(["create"] + properties + [name(record.id)])
    }
  }

  func mount(_ record: SnapshotRecord, _ places: SnapshotPlaces) throws(ContainrError) -> SnapshotMount {
    SnapshotMount(source: .directory(place(record.id, places)), isReadOnly: record.kind == .view)
  }

  func measure(_ record: SnapshotRecord, _ places: SnapshotPlaces) throws(ContainrError) -> SnapshotMeasure {
    let text = try zfs.run(["list", "-H", "-p", "-o", "used", name(record.id)])
    guard let bytes = UInt64(text.filter(\.isNumber)) else {
      throw ContainrError(.ioFailure, "reading what \(record.name) takes", hint: "zfs says \(text)")
    }
    // What a clone has changed has other change times: its inode numbers are its parent's.
    var count = TreeUsage()
    if let parent = record.chain.last { try count.compare(with: place(parent, places)) }
    try count.add(place(record.id, places))
    return SnapshotMeasure(usage: SnapshotUsage(size: ByteCount(bytes), inodes: count.usage.inodes))
  }

  func seal(_ record: SnapshotRecord, _ places: SnapshotPlaces) throws(ContainrError) {
    let snapshot = "\(name(record.id))@\(Self.mark)"
    if try zfs.exists(snapshot) { return }
    _ = try zfs.run(["set", "readonly=on", name(record.id)])
    _ = try zfs.run(["snapshot", snapshot])
  }

  func delete(_ id: UInt64, at place: FilePath, _ places: SnapshotPlaces) throws(ContainrError) {
    if try zfs.exists(name(id)) { _ = try zfs.run(["destroy", "-r", name(id)]) }
    try FileTree.remove(self.place(id, places))
    try FileTree.remove(place)
  }
}
