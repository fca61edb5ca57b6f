/// The id of a container: 1 to 128 characters of `[A-Za-z0-9_.-]`, the first a letter or digit.
///
/// It names directories and cgroups, so a value of this type can hold no path separator and no `..`.
public struct ContainerID: Hashable, Sendable, CustomStringConvertible {
  /// The id.
  public let description: String

  /// Checks an id.
  ///
  /// - Throws: `INVALID_ARGUMENT` where a character or the length is wrong.
  public init(_ text: String) throws(ContainrError) {
    let bytes = text.utf8
    guard (1...128).contains(bytes.count), let first = bytes.first, Self.isAlphanumeric(first),
      bytes.allSatisfy({
        Self.isAlphanumeric($0) || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "-")
      })
    else {
      throw ContainrError(
        .invalidArgument, "reading the container id \"\(text)\"",
        hint: "1 to 128 of a-z A-Z 0-9 _ . - with a letter or digit first")
    }
    description = text
  }

  /// A fresh random id of 64 hexadecimal digits, as Docker gives.
  public static func random() -> ContainerID {
    var generator = SystemRandomNumberGenerator()
    return random(using: &generator)
  }

  static func random(using generator: inout some RandomNumberGenerator) -> ContainerID {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(32)
    for _ in 0..<4 { withUnsafeBytes(of: generator.next()) { bytes.append(contentsOf: $0) } }
    return ContainerID(trusted: Hexadecimal.string(bytes))
  }

  private init(trusted: String) { description = trusted }

  /// The first 12 characters, as lists show an id.
  public var short: String { String(description.prefix(12)) }

  private static func isAlphanumeric(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"):
      true
    default: false
    }
  }
}
