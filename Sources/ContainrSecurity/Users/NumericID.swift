/// User and group ids as text: decimal digits and nothing else.
enum NumericID {
  /// The highest id: 2³¹ − 1, Docker's bound. Above it an id is negative for programs that keep ids in an `int`.
  static let highest: UInt32 = 0x7fff_ffff

  /// Reads an id; nil for a sign, space, prefix, leading zero, anything after the digits, and a number past ``highest``.
  static func parse(_ text: some StringProtocol) -> UInt32? {
    let digits = text.utf8
    guard let first = digits.first, digits.count <= 10, first != UInt8(ascii: "0") || digits.count == 1 else { return nil }
    var value: UInt64 = 0
    for digit in digits {
      guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else { return nil }
      value = value * 10 + UInt64(digit - UInt8(ascii: "0"))
    }
    return value <= highest ? UInt32(value) : nil
  }
}
