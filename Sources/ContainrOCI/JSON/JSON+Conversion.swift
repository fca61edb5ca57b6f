import ContainrCore

extension JSON.Cursor {
  /// A member that is a value of its own.
  func value<Value: JSONConvertible>(_ key: String, _ type: Value.Type = Value.self) throws(ContainrError) -> Value? {
    guard let cursor = try member(key) else { return nil }
    return try Value(cursor)
  }

  /// A member that is a list of values.
  func values<Value: JSONConvertible>(_ key: String, _ type: Value.Type = Value.self) throws(ContainrError) -> [Value]? {
    guard let cursors = try elements(key) else { return nil }
    var values: [Value] = []
    values.reserveCapacity(cursors.count)
    for cursor in cursors { values.append(try Value(cursor)) }
    return values
  }

  /// A member that is an object of values.
  func valueMap<Value: JSONConvertible>(
    _ key: String, _ type: Value.Type = Value.self
  ) throws(ContainrError) -> [String: Value]? {
    guard let members = try member(key)?.members() else { return nil }
    var values: [String: Value] = [:]
    for (name, cursor) in members { values[name] = try Value(cursor) }
    return values
  }

  /// A member that is a list of integers.
  func integers<Integer: FixedWidthInteger>(
    _ key: String, _ type: Integer.Type = Integer.self
  ) throws(ContainrError) -> [Integer]? {
    guard let cursors = try elements(key) else { return nil }
    var values: [Integer] = []
    for cursor in cursors { values.append(try cursor.integer(type)) }
    return values
  }

  /// A member that is one of a fixed set of texts.
  func name<Name: RawRepresentable & CaseIterable>(
    _ key: String, _ type: Name.Type = Name.self
  ) throws(ContainrError) -> Name? where Name.RawValue == String {
    guard let cursor = try member(key) else { return nil }
    return try cursor.name(type)
  }

  /// This value as one of a fixed set of texts.
  func name<Name: RawRepresentable & CaseIterable>(
    _ type: Name.Type
  ) throws(ContainrError) -> Name where Name.RawValue == String {
    let text = try string()
    guard let name = Name(rawValue: text) else {
      throw invalid("\(JSON.quoted(text)) is none of \(Name.allCases.map(\.rawValue).joined(separator: ", "))")
    }
    return name
  }
}

extension JSON.Object {
  mutating func add(_ key: String, _ value: Bool?) {
    if let value { self[key] = .bool(value) }
  }
  mutating func add(_ key: String, integer value: (some FixedWidthInteger)?) {
    if let value { self[key] = JSON(integer: value) }
  }
  mutating func add(_ key: String, value: (some JSONConvertible)?) {
    if let value { self[key] = value.json }
  }
  mutating func add(_ key: String, values: [some JSONConvertible]?) {
    if let values { self[key] = .array(values.map(\.json)) }
  }
  mutating func add(_ key: String, integers values: [some FixedWidthInteger]?) {
    if let values { self[key] = .array(values.map { JSON(integer: $0) }) }
  }
  mutating func add(_ key: String, strings values: [String]?) {
    if let values { self[key] = .array(values.map(JSON.string)) }
  }
  mutating func add(_ key: String, map values: [String: some JSONConvertible]?) {
    guard let values else { return }
    self[key] = .object(
      JSON.Object(distinct: values.sorted { $0.key < $1.key }.map { Member(key: $0.key, value: $0.value.json) }))
  }
  mutating func add(_ key: String, map values: [String: String]?) {
    guard let values else { return }
    self[key] = .object(
      JSON.Object(distinct: values.sorted { $0.key < $1.key }.map { Member(key: $0.key, value: .string($0.value)) }))
  }
}

extension JSON {
  /// An integer of any width to 64 bits.
  public init(integer value: some FixedWidthInteger) {
    if let number = Int64(exactly: value) {
      self = .integer(number)
    } else {
      self = .unsigned(UInt64(truncatingIfNeeded: value))
    }
  }
}
