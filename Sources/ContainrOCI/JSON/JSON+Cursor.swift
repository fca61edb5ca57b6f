import ContainrCore

extension JSON {
  /// A value together with its place in a document: what a decoder reads from.
  ///
  /// Accessors with a key read a member of the object here. A member that is missing or `null` is nil; one of the wrong
  /// kind is an error that names its path, `$.config.Env[2]: expected a string, found an integer`. The path is put into
  /// words only when an error needs it.
  public struct Cursor: Sendable {
    /// The value.
    public let value: JSON
    private let place: Place

    private indirect enum Place: Sendable {
      case root(document: String, code: ContainrError.Code)
      case key(String, Place)
      case index(Int, Place)
    }

    /// Stands at the root of a document.
    ///
    /// - Parameters:
    ///   - value: the whole document.
    ///   - document: what errors call it: a path, or `the image manifest`.
    ///   - code: the code of the errors.
    public init(_ value: JSON, document: String, code: ContainrError.Code = .invalidArgument) {
      self.value = value
      place = .root(document: document, code: code)
    }

    private init(_ value: JSON, _ place: Place) {
      self.value = value
      self.place = place
    }

    /// The JSON path of this value, `$.layers[0].digest`.
    public var path: String { Self.describe(place).path }

    private static func describe(_ place: Place) -> (path: String, document: String, code: ContainrError.Code) {
      var components: [String] = []
      var next = place
      while true {
        switch next {
        case .root(let document, let code): return ("$" + components.reversed().joined(), document, code)
        case .key(let key, let parent):
          components.append(JSON.pathComponent(key))
          next = parent
        case .index(let index, let parent):
          components.append("[\(index)]")
          next = parent
        }
      }
    }

    // MARK: Errors

    /// The error of a value that is well-formed JSON and means nothing here.
    public func invalid(_ message: String, cause: (any Error)? = nil) -> ContainrError {
      let (path, document, code) = Self.describe(place)
      return ContainrError(code, "reading \(document)", hint: "\(path): \(message)", fields: ["path": path], cause: cause)
    }

    private func wrong(_ expected: String) -> ContainrError { invalid("expected \(expected), found \(value.kind)") }

    // MARK: This value

    /// This value as an object.
    public func object() throws(ContainrError) -> Object {
      guard case .object(let object) = value else { throw wrong("an object") }
      return object
    }

    /// This value as a text.
    public func string() throws(ContainrError) -> String {
      guard case .string(let text) = value else { throw wrong("a string") }
      return text
    }

    /// This value as a boolean.
    public func bool() throws(ContainrError) -> Bool {
      guard case .bool(let value) = value else { throw wrong("a boolean") }
      return value
    }

    /// This value as an integer of some width. A number with a fraction or outside the type is an error.
    public func integer<Integer: FixedWidthInteger>(_ type: Integer.Type = Integer.self) throws(ContainrError) -> Integer {
      switch value {
      case .integer(let number):
        if let result = Integer(exactly: number) { return result }
      case .unsigned(let number):
        if let result = Integer(exactly: number) { return result }
      default: throw wrong("an integer")
      }
      throw invalid("expected an integer from \(Integer.min) to \(Integer.max)")
    }

    /// This value as a number; an integer past 2⁵³ is rounded.
    public func double() throws(ContainrError) -> Double {
      switch value {
      case .integer(let number): return Double(number)
      case .unsigned(let number): return Double(number)
      case .double(let number): return number
      default: throw wrong("a number")
      }
    }

    /// The elements of this array.
    public func elements() throws(ContainrError) -> [Cursor] {
      guard case .array(let elements) = value else { throw wrong("an array") }
      return elements.enumerated().map { Cursor($1, .index($0, place)) }
    }

    /// This array of texts.
    public func strings() throws(ContainrError) -> [String] {
      guard case .array(let elements) = value else { throw wrong("an array") }
      var result: [String] = []
      result.reserveCapacity(elements.count)
      for (index, element) in elements.enumerated() {
        guard case .string(let text) = element else { throw Cursor(element, .index(index, place)).wrong("a string") }
        result.append(text)
      }
      return result
    }

    /// The members of this object, in their order.
    public func members() throws(ContainrError) -> [(key: String, cursor: Cursor)] {
      try object().members.map { ($0.key, Cursor($0.value, .key($0.key, place))) }
    }

    /// This object of texts.
    public func stringMap() throws(ContainrError) -> [String: String] {
      var result: [String: String] = [:]
      for member in try object().members {
        guard case .string(let text) = member.value else {
          throw Cursor(member.value, .key(member.key, place)).wrong("a string")
        }
        result[member.key] = text
      }
      return result
    }

    // MARK: Members of this object

    /// A member, or nil where it is missing or `null`.
    public func member(_ key: String) throws(ContainrError) -> Cursor? {
      guard let value = try object()[key], value != .null else { return nil }
      return Cursor(value, .key(key, place))
    }

    /// Whether the object has this key, even with `null`.
    public func has(_ key: String) throws(ContainrError) -> Bool { try object()[key] != nil }

    /// A member that must be there.
    public func required(_ key: String) throws(ContainrError) -> Cursor {
      guard let cursor = try member(key) else { throw invalid("the key \(JSON.quoted(key)) is missing") }
      return cursor
    }

    /// A text member.
    public func string(_ key: String) throws(ContainrError) -> String? { try member(key)?.string() }
    /// A boolean member.
    public func bool(_ key: String) throws(ContainrError) -> Bool? { try member(key)?.bool() }
    /// An integer member.
    public func integer<Integer: FixedWidthInteger>(
      _ key: String, _ type: Integer.Type = Integer.self
    ) throws(ContainrError) -> Integer? { try member(key)?.integer(type) }
    /// A number member.
    public func double(_ key: String) throws(ContainrError) -> Double? { try member(key)?.double() }
    /// An array member.
    public func elements(_ key: String) throws(ContainrError) -> [Cursor]? { try member(key)?.elements() }
    /// An array of texts.
    public func strings(_ key: String) throws(ContainrError) -> [String]? { try member(key)?.strings() }
    /// An object of texts.
    public func stringMap(_ key: String) throws(ContainrError) -> [String: String]? { try member(key)?.stringMap() }
  }
}
