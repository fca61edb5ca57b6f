import ContainrCore

/// A JSON value (RFC 8259) that keeps what other readers lose: the order of an object's keys, and integers to 64 bits.
///
/// Reading is strict: see ``init(parsing:as:limits:code:)``. Decoders walk a value through a ``Cursor``, which knows where
/// in the document it stands, so that an error names the place: `$.config.Env[2]`.
public enum JSON: Sendable, Hashable {
  /// `null`.
  case null
  /// `true` or `false`.
  case bool(Bool)
  /// A number without fraction and exponent, −2⁶³ to 2⁶³ − 1.
  case integer(Int64)
  /// A number without fraction and exponent past 2⁶³ − 1.
  case unsigned(UInt64)
  /// Any other number. It is finite where it was read.
  case double(Double)
  /// A text.
  case string(String)
  /// A list.
  case array([JSON])
  /// Names and values.
  case object(Object)

  /// What kind of value this is, in the words of an error: `a string`.
  var kind: String {
    switch self {
    case .null: "null"
    case .bool: "a boolean"
    case .integer, .unsigned: "an integer"
    case .double: "a number"
    case .string: "a string"
    case .array: "an array"
    case .object: "an object"
    }
  }
}

extension JSON: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral,
  ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
  /// A text.
  public init(stringLiteral value: String) { self = .string(value) }
  /// An integer.
  public init(integerLiteral value: Int64) { self = .integer(value) }
  /// A boolean.
  public init(booleanLiteral value: Bool) { self = .bool(value) }
  /// A list.
  public init(arrayLiteral elements: JSON...) { self = .array(elements) }
  /// An object with the keys in the order as written.
  public init(dictionaryLiteral elements: (String, JSON)...) {
    var object = Object()
    for (key, value) in elements { object[key] = value }
    self = .object(object)
  }
}
