import CContainrLinux
import ContainrCore
import Glibc

extension SnapshotDirectory {
  func found(_ key: SnapshotKey) throws(ContainrError) -> SnapshotRecord {
    guard let record = try places.record(key) else { throw missing(key) }
    return record
  }

  func active(_ key: SnapshotKey) throws(ContainrError) -> SnapshotRecord {
    let record = try found(key)
    guard record.kind == .active else { throw wrongKind(record, "committing", "only an active snapshot is committed") }
    return record
  }

  func committed(_ key: SnapshotKey) throws(ContainrError) -> SnapshotRecord {
    let record = try found(key)
    guard record.kind == .committed else {
      throw wrongKind(record, "beginning from", "a parent is a committed snapshot")
    }
    return record
  }

  func checkFree(_ key: SnapshotKey) throws(ContainrError) {
    guard try places.record(key) != nil else { return }
    throw ContainrError(
      .snapshotAlreadyExists, "naming the snapshot \(key)", hint: "keys and names are one space; this one is taken",
      fields: ["snapshot": key.description])
  }

  func checkLabels(_ labels: [String: String]) throws(ContainrError) {
    for (key, value) in labels where key.isEmpty || key.utf8.count + value.utf8.count > 4096 {
      throw ContainrError(
        .invalidArgument, "labelling a snapshot \"\(key)\"", hint: "a name, and at most 4096 bytes together with the value")
    }
  }

  func missing(_ key: SnapshotKey) -> ContainrError {
    ContainrError(.snapshotNotFound, "looking for the snapshot \(key)", fields: ["snapshot": key.description])
  }

  func wrongKind(_ record: SnapshotRecord, _ verb: String, _ hint: String) -> ContainrError {
    ContainrError(
      .snapshotState, "\(verb) the \(record.kind.rawValue) snapshot \(record.name)", hint: hint,
      fields: ["snapshot": record.name.description, "kind": record.kind.rawValue])
  }

  /// Nanoseconds since 1970.
  static func now() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
  }
}
