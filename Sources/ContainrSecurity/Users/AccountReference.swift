import ContainrCore

/// A user or group as somebody names it: by number or by name, never either.
public enum AccountReference: Hashable, Sendable, CustomStringConvertible {
  /// An id, 0 to 2³¹ − 1.
  case id(UInt32)
  /// A name, to be looked up in the image's files. It begins with a letter or `_`.
  case name(String)

  /// Reads a number or a name.
  ///
  /// What begins with a digit is a number or refused; a name that consists of digits is never looked up.
  ///
  /// - Throws: `USER` for text that is neither: empty, `-1`, `1x`, `0x0`, `007`, 2³¹ and more, a name with other characters
  ///   than letters, digits, `_`, `.`, `-` (and `$` last), or one of more than 256 bytes.
  public init(parsing text: some StringProtocol) throws(ContainrError) {
    if let id = NumericID.parse(text) {
      self = .id(id)
    } else if Self.isName(text) {
      self = .name(String(text))
    } else {
      throw ContainrError(
        .user, "reading the user or group \"\(text)\"",
        hint: "a number from 0 to \(NumericID.highest), or a name that begins with a letter")
    }
  }

  /// The number or the name.
  public var description: String {
    switch self {
    case .id(let id): String(id)
    case .name(let name): name
    }
  }

  private static func isName(_ text: some StringProtocol) -> Bool {
    let bytes = text.utf8
    guard let first = bytes.first, bytes.count <= 256, isLetter(first) else { return false }
    let body = text.hasSuffix("$") ? bytes.dropLast() : bytes[...]
    return body.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"): true
      default: isLetter(byte)
      }
    }
  }

  /// An ASCII letter, or `_`. Letters of other scripts are not: two that look alike could name two users.
  private static func isLetter(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20) || byte == UInt8(ascii: "_")
  }
}
