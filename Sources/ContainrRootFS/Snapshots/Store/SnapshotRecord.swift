import ContainrCore
import ContainrOCI

/// A snapshot as the store's file has it.
struct SnapshotRecord: Hashable, Sendable {
  /// The name of its directory: a number that no other snapshot of the store ever has.
  var id: UInt64
  var name: SnapshotKey
  var parent: SnapshotKey?
  /// The directories of all parents, base first, so that a mount reads this file only. They cannot change: a parent stays.
  var chain: [UInt64]
  var kind: Snapshot.Kind
  /// Nanoseconds since 1970.
  var created: Int64
  var updated: Int64
  var usage = SnapshotUsage()
  var labels: [String: String] = [:]
  var isEphemeral = false
  /// What overlayfs must be told to read the layers right.
  var features: OverlayFeatures = []

  var snapshot: Snapshot {
    Snapshot(
      name: name, parent: parent, kind: kind, created: .nanoseconds(created), updated: .nanoseconds(updated), usage: usage,
      labels: labels)
  }
}

extension SnapshotRecord {
  init(parsing bytes: [UInt8], as document: String) throws(ContainrError) {
    let json = try JSON(parsing: bytes, as: document, code: .ioFailure)
    let cursor = JSON.Cursor(json, document: document, code: .ioFailure)
    id = try cursor.required("id").integer(UInt64.self)
    name = try SnapshotKey(try cursor.required("name").string())
    parent = nil
    if let text = try cursor.string("parent") { parent = try SnapshotKey(text) }
    chain = []
    for element in try cursor.required("chain").elements() { chain.append(try element.integer(UInt64.self)) }
    let word = try cursor.required("kind")
    guard let kind = Snapshot.Kind(rawValue: try word.string()) else { throw word.invalid("no kind of snapshot") }
    self.kind = kind
    created = try cursor.required("created").integer()
    updated = try cursor.required("updated").integer()
    usage.size = ByteCount(try cursor.required("size").integer(UInt64.self))
    usage.inodes = try cursor.required("inodes").integer(UInt64.self)
    labels = try cursor.stringMap("labels") ?? [:]
    isEphemeral = try cursor.bool("ephemeral") ?? false
    features = OverlayFeatures(rawValue: try cursor.integer("features", UInt8.self) ?? 0)
  }

  func serialized() throws(ContainrError) -> [UInt8] {
    func number(_ value: UInt64) -> JSON { value > UInt64(Int64.max) ? .unsigned(value) : .integer(Int64(value)) }
    var object = JSON.Object()
    object["id"] = number(id)
    object["name"] = .string(name.description)
    if let parent { object["parent"] = .string(parent.description) }
    object["chain"] = .array(chain.map(number))
    object["kind"] = .string(kind.rawValue)
    object["created"] = .integer(created)
    object["updated"] = .integer(updated)
    object["size"] = number(usage.size.bytes)
    object["inodes"] = number(usage.inodes)
    if !labels.isEmpty {
      var members = JSON.Object()
      for (key, value) in labels.sorted(by: { $0.key < $1.key }) { members[key] = .string(value) }
      object["labels"] = .object(members)
    }
    if isEphemeral { object["ephemeral"] = true }
    if !features.isEmpty { object["features"] = .integer(Int64(features.rawValue)) }
    return try JSON.object(object).serialized()
  }
}
