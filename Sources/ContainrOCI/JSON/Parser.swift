extension JSON {
  /// A recursive-descent reader over bytes in memory.
  struct Parser {
    /// Where and why reading stopped. Components are collected innermost first while the failure travels up.
    struct Failure: Error {
      var offset: Int
      var message: String
      var components: [String] = []
      var path: String { "$" + components.reversed().joined() }
    }

    private let bytes: UnsafeBufferPointer<UInt8>
    private var position = 0
    private var depthLeft: Int
    private let depthLimit: Int

    init(_ bytes: UnsafeBufferPointer<UInt8>, depthLimit: Int) {
      self.bytes = bytes
      self.depthLimit = depthLimit
      depthLeft = depthLimit
    }

    mutating func document() throws(Failure) -> JSON {
      let result = try value()
      skipSpace()
      guard position == bytes.count else { throw failure("expected the end of the document") }
      return result
    }

    // MARK: Values

    private mutating func value() throws(Failure) -> JSON {
      skipSpace()
      guard position < bytes.count else { throw failure("expected a value, found the end of the document") }
      switch bytes[position] {
      case UInt8(ascii: "\""): return .string(try string())
      case UInt8(ascii: "{"): return .object(try object())
      case UInt8(ascii: "["): return .array(try array())
      case UInt8(ascii: "t"): return try literal("true", .bool(true))
      case UInt8(ascii: "f"): return try literal("false", .bool(false))
      case UInt8(ascii: "n"): return try literal("null", .null)
      case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
      default: throw failure("expected a value")
      }
    }

    private mutating func literal(_ text: StaticString, _ value: JSON) throws(Failure) -> JSON {
      let count = text.utf8CodeUnitCount
      guard bytes.count - position >= count,
        (0..<count).allSatisfy({ bytes[position + $0] == text.utf8Start[$0] })
      else { throw failure("expected a value") }
      position += count
      return value
    }

    private mutating func enter() throws(Failure) {
      guard depthLeft > 0 else { throw failure("nested deeper than \(depthLimit)") }
      depthLeft -= 1
      position += 1
    }

    private mutating func array() throws(Failure) -> [JSON] {
      try enter()
      var elements: [JSON] = []
      skipSpace()
      if take(UInt8(ascii: "]")) {
        depthLeft += 1
        return elements
      }
      while true {
        do throws(Failure) { elements.append(try value()) } catch {
          throw error.inside("[\(elements.count)]")
        }
        skipSpace()
        if take(UInt8(ascii: ",")) { continue }
        guard take(UInt8(ascii: "]")) else { throw failure("expected , or ]") }
        depthLeft += 1
        return elements
      }
    }

    private mutating func object() throws(Failure) -> Object {
      try enter()
      var members: [Object.Member] = []
      // Few keys are compared one by one; many go into a set, so that a hostile object costs no quadratic time.
      var seen: Set<String> = []
      skipSpace()
      if take(UInt8(ascii: "}")) {
        depthLeft += 1
        return Object()
      }
      while true {
        skipSpace()
        let start = position
        guard position < bytes.count, bytes[position] == UInt8(ascii: "\"") else { throw failure("expected a key") }
        let key = try string()
        if members.count == 16 { seen = Set(members.map(\.key)) }
        let isNew = members.count < 16 ? !members.contains { $0.key == key } : seen.insert(key).inserted
        guard isNew else { throw Failure(offset: start, message: "the key \"\(key)\" occurs twice") }
        skipSpace()
        guard take(UInt8(ascii: ":")) else { throw failure("expected : after the key \"\(key)\"") }
        do throws(Failure) { members.append(Object.Member(key: key, value: try value())) } catch {
          throw error.inside(JSON.pathComponent(key))
        }
        skipSpace()
        if take(UInt8(ascii: ",")) { continue }
        guard take(UInt8(ascii: "}")) else { throw failure("expected , or }") }
        depthLeft += 1
        return Object(distinct: members)
      }
    }

    // MARK: Numbers

    private mutating func number() throws(Failure) -> JSON {
      let start = position
      let negative = take(UInt8(ascii: "-"))
      let digitsStart = position
      var magnitude: UInt64 = 0
      var overflow = false
      while let digit = digit() {
        let (product, high) = magnitude.multipliedReportingOverflow(by: 10)
        let (sum, carry) = product.addingReportingOverflow(UInt64(digit))
        overflow = overflow || high || carry
        magnitude = sum
        position += 1
      }
      guard position > digitsStart else { throw failure("expected a digit") }
      guard bytes[digitsStart] != UInt8(ascii: "0") || position == digitsStart + 1 else {
        throw Failure(offset: start, message: "a number with a leading zero")
      }
      var isInteger = true
      if take(UInt8(ascii: ".")) {
        isInteger = false
        try digits()
      }
      if take(UInt8(ascii: "e")) || take(UInt8(ascii: "E")) {
        isInteger = false
        if !take(UInt8(ascii: "+")) { _ = take(UInt8(ascii: "-")) }
        try digits()
      }
      if isInteger, !overflow {
        if !negative { return magnitude <= UInt64(Int64.max) ? .integer(Int64(magnitude)) : .unsigned(magnitude) }
        if magnitude <= UInt64(Int64.max) + 1 { return .integer(Int64(truncatingIfNeeded: 0 &- magnitude)) }
      }
      // An integer that no 64 bits hold would lose digits as a double, and nothing says so afterwards.
      guard !isInteger else { throw Failure(offset: start, message: "an integer out of range") }
      let text = String(decoding: UnsafeBufferPointer(rebasing: bytes[start..<position]), as: UTF8.self)
      guard let double = Double(text), double.isFinite else {
        throw Failure(offset: start, message: "a number out of range")
      }
      return .double(double)
    }

    private func digit() -> UInt8? {
      guard position < bytes.count else { return nil }
      let value = bytes[position] &- UInt8(ascii: "0")
      return value <= 9 ? value : nil
    }

    private mutating func digits() throws(Failure) {
      guard digit() != nil else { throw failure("expected a digit") }
      while digit() != nil { position += 1 }
    }

    // MARK: Strings

    private mutating func string() throws(Failure) -> String {
      let start = position + 1
      position = start
      var bits: UInt8 = 0
      while position < bytes.count {
        let byte = bytes[position]
        if byte == UInt8(ascii: "\"") {
          let text = try self.text(start..<position, ascii: bits < 0x80)
          position += 1
          return text
        }
        if byte == UInt8(ascii: "\\") { return try escapedString(from: start) }
        guard byte >= 0x20 else { throw failure("a control character in a string") }
        bits |= byte
        position += 1
      }
      throw failure("a string without an end")
    }

    private func text(_ range: Range<Int>, ascii: Bool) throws(Failure) -> String {
      let part = UnsafeBufferPointer(rebasing: bytes[range])
      if ascii { return String(decoding: part, as: UTF8.self) }
      guard let text = String(validating: part, as: UTF8.self) else {
        throw Failure(offset: range.lowerBound, message: "invalid UTF-8 in a string")
      }
      return text
    }

    private mutating func escapedString(from start: Int) throws(Failure) -> String {
      var units = Array(bytes[start..<position])
      while position < bytes.count {
        let byte = bytes[position]
        position += 1
        switch byte {
        case UInt8(ascii: "\""):
          guard let text = String(validating: units, as: UTF8.self) else {
            throw Failure(offset: start, message: "invalid UTF-8 in a string")
          }
          return text
        case UInt8(ascii: "\\"): try escape(into: &units)
        case 0..<0x20:
          position -= 1
          throw failure("a control character in a string")
        default: units.append(byte)
        }
      }
      throw failure("a string without an end")
    }

    private mutating func escape(into units: inout [UInt8]) throws(Failure) {
      guard position < bytes.count else { throw failure("a string without an end") }
      let byte = bytes[position]
      position += 1
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): units.append(byte)
      case UInt8(ascii: "b"): units.append(8)
      case UInt8(ascii: "f"): units.append(12)
      case UInt8(ascii: "n"): units.append(10)
      case UInt8(ascii: "r"): units.append(13)
      case UInt8(ascii: "t"): units.append(9)
      case UInt8(ascii: "u"): units.append(contentsOf: String(Character(try unicodeScalar())).utf8)
      default:
        position -= 1
        throw failure("an unknown escape")
      }
    }

    private mutating func unicodeScalar() throws(Failure) -> Unicode.Scalar {
      let start = position - 2
      let first = try fourDigits()
      if let scalar = Unicode.Scalar(first) { return scalar }
      guard first < 0xDC00, take(UInt8(ascii: "\\")), take(UInt8(ascii: "u")) else {
        throw Failure(offset: start, message: "half of a surrogate pair")
      }
      let second = try fourDigits()
      guard (0xDC00..<0xE000).contains(second),
        let scalar = Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
      else { throw Failure(offset: start, message: "half of a surrogate pair") }
      return scalar
    }

    private mutating func fourDigits() throws(Failure) -> UInt32 {
      var value: UInt32 = 0
      for _ in 0..<4 {
        guard position < bytes.count, let digit = Character(Unicode.Scalar(bytes[position])).hexDigitValue,
          bytes[position] < 0x80
        else { throw failure("expected four hexadecimal digits") }
        value = value << 4 | UInt32(digit)
        position += 1
      }
      return value
    }

    // MARK: Bytes

    private mutating func skipSpace() {
      while position < bytes.count {
        switch bytes[position] {
        case 0x20, 0x0A, 0x0D, 0x09: position += 1
        default: return
        }
      }
    }

    private mutating func take(_ byte: UInt8) -> Bool {
      guard position < bytes.count, bytes[position] == byte else { return false }
      position += 1
      return true
    }

    private func failure(_ message: String) -> Failure { Failure(offset: position, message: message) }
  }

  /// How a key is written in a JSON path: `.name`, or `["odd name"]`.
  static func pathComponent(_ key: String) -> String {
    let isPlain =
      !key.isEmpty
      && key.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
          true
        default: false
        }
      }
    if isPlain { return "." + key }
    // A hostile key is shown escaped and cut, so that it cannot fill or forge a log.
    return "[" + JSON.quoted(String(key.prefix(64))) + "]"
  }
}

extension JSON.Parser.Failure {
  /// The failure, seen from the array or object around it.
  func inside(_ component: String) -> Self {
    var failure = self
    failure.components.append(component)
    return failure
  }
}
