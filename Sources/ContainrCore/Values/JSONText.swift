/// JSON text put together from parts (RFC 8259): for the few small documents of floor 0, which knows no JSON model.
package enum JSONText {
  /// A string literal. Quotes, backslashes and control characters are escaped, everything else stays as UTF-8.
  package static func string(_ text: String) -> String {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.utf8.count + 2)
    bytes.append(UInt8(ascii: "\""))
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes += [UInt8(ascii: "\\"), byte]
      case UInt8(ascii: "\n"): bytes += Array("\\n".utf8)
      case UInt8(ascii: "\t"): bytes += Array("\\t".utf8)
      case UInt8(ascii: "\r"): bytes += Array("\\r".utf8)
      case 0..<0x20, 0x7f: bytes += Array("\\u00".utf8) + Array(Hexadecimal.string([byte]).utf8)
      default: bytes.append(byte)
      }
    }
    bytes.append(UInt8(ascii: "\""))
    return String(decoding: bytes, as: UTF8.self)
  }

  /// An array of texts that are JSON already.
  package static func array(_ elements: [String]) -> String { "[" + elements.joined(separator: ",") + "]" }

  /// An array of string literals.
  package static func strings(_ elements: [String]) -> String { array(elements.map(string)) }

  /// An object; the values are JSON already.
  package static func object(_ members: [(String, String)]) -> String {
    "{" + members.map { string($0.0) + ":" + $0.1 }.joined(separator: ",") + "}"
  }
}
