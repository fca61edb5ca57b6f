import ContainrCore

extension JSON {
  /// The document as UTF-8 text: keys in their order, the same value always as the same bytes.
  ///
  /// - Parameter pretty: one member a line with two spaces of indentation and a newline at the end, for people; otherwise
  ///   no space at all.
  /// - Throws: `INVALID_ARGUMENT` for a number that is infinite or not a number, which JSON cannot write.
  public func serialized(pretty: Bool = false) throws(ContainrError) -> [UInt8] {
    var output: [UInt8] = []
    try write(into: &output, indentation: pretty ? 0 : nil)
    if pretty { output.append(UInt8(ascii: "\n")) }
    return output
  }

  /// The document as text; see ``serialized(pretty:)``.
  public func text(pretty: Bool = false) throws(ContainrError) -> String {
    String(decoding: try serialized(pretty: pretty), as: UTF8.self)
  }

  private func write(into output: inout [UInt8], indentation: Int?) throws(ContainrError) {
    switch self {
    case .null: output.append(contentsOf: "null".utf8)
    case .bool(let value): output.append(contentsOf: (value ? "true" : "false").utf8)
    case .integer(let value): output.append(contentsOf: String(value).utf8)
    case .unsigned(let value): output.append(contentsOf: String(value).utf8)
    case .double(let value):
      guard value.isFinite else {
        throw ContainrError(.invalidArgument, "writing JSON", hint: "JSON has no way to write \(value)")
      }
      output.append(contentsOf: "\(value)".utf8)
    case .string(let text): Self.quote(text, into: &output)
    case .array(let elements):
      try Self.writeList(elements, "[", "]", into: &output, indentation) {
        (element, output, inner) throws(ContainrError) in
        try element.write(into: &output, indentation: inner)
      }
    case .object(let object):
      try Self.writeList(object.members, "{", "}", into: &output, indentation) {
        (member, output, inner) throws(ContainrError) in
        Self.quote(member.key, into: &output)
        output.append(UInt8(ascii: ":"))
        if inner != nil { output.append(UInt8(ascii: " ")) }
        try member.value.write(into: &output, indentation: inner)
      }
    }
  }

  private static func writeList<Element>(
    _ elements: [Element], _ open: Unicode.Scalar, _ close: Unicode.Scalar, into output: inout [UInt8],
    _ indentation: Int?, _ write: (Element, inout [UInt8], Int?) throws(ContainrError) -> Void
  ) throws(ContainrError) {
    output.append(UInt8(ascii: open))
    let inner = indentation.map { $0 + 2 }
    for (index, element) in elements.enumerated() {
      if index > 0 { output.append(UInt8(ascii: ",")) }
      newLine(inner, &output)
      try write(element, &output, inner)
    }
    if !elements.isEmpty { newLine(indentation, &output) }
    output.append(UInt8(ascii: close))
  }

  private static func newLine(_ indentation: Int?, _ output: inout [UInt8]) {
    guard let indentation else { return }
    output.append(UInt8(ascii: "\n"))
    output.append(contentsOf: repeatElement(UInt8(ascii: " "), count: indentation))
  }

  package static func quoted(_ text: String) -> String {
    var output: [UInt8] = []
    quote(text, into: &output)
    return String(decoding: output, as: UTF8.self)
  }

  private static let digits = Array("0123456789abcdef".utf8)

  private static func quote(_ text: String, into output: inout [UInt8]) {
    output.append(UInt8(ascii: "\""))
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"): output.append(contentsOf: [UInt8(ascii: "\\"), byte])
      case 8: output.append(contentsOf: "\\b".utf8)
      case 9: output.append(contentsOf: "\\t".utf8)
      case 10: output.append(contentsOf: "\\n".utf8)
      case 12: output.append(contentsOf: "\\f".utf8)
      case 13: output.append(contentsOf: "\\r".utf8)
      case 0..<0x20, 0x7F:
        output.append(contentsOf: "\\u00".utf8)
        output.append(digits[Int(byte >> 4)])
        output.append(digits[Int(byte & 15)])
      default: output.append(byte)
      }
    }
    output.append(UInt8(ascii: "\""))
  }
}
