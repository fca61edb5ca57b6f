import ContainrCore

/// A value that is read from JSON and written as JSON. Keys that the value does not know are passed over.
public protocol JSONConvertible: Sendable {
  /// Reads the value at a place of a document.
  ///
  /// - Throws: the cursor's code with the path of the fault.
  init(_ cursor: JSON.Cursor) throws(ContainrError)

  /// The value as JSON, members in the specification's order, without members that are not set.
  var json: JSON { get }
}

extension JSONConvertible {
  /// Reads a document.
  ///
  /// - Throws: `code` with the byte offset or the JSON path of the fault.
  public init(
    parsing bytes: [UInt8], as document: String, limits: JSON.Limits = JSON.Limits(),
    code: ContainrError.Code = .imageInvalid
  ) throws(ContainrError) {
    let json = try JSON(parsing: bytes, as: document, limits: limits, code: code)
    try self.init(JSON.Cursor(json, document: document, code: code))
  }
}

extension JSON.Object {
  /// Appends a member unless the value is nil.
  mutating func add(_ key: String, _ value: String?) {
    if let value { self[key] = .string(value) }
  }
  mutating func add(_ key: String, _ values: [String]) {
    if !values.isEmpty { self[key] = .array(values.map(JSON.string)) }
  }
  /// Appends an object of texts, sorted by key; nothing where it is empty.
  mutating func add(_ key: String, _ map: [String: String]) {
    guard !map.isEmpty else { return }
    let members = map.sorted { $0.key < $1.key }.map { Member(key: $0.key, value: .string($0.value)) }
    self[key] = .object(JSON.Object(distinct: members))
  }
}
