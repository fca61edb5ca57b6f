/// A number of bytes. Printed and parsed with binary suffixes, as Docker does: `100m` is 104,857,600 bytes.
public struct ByteCount: Hashable, Comparable, Sendable {
  /// The bytes.
  public var bytes: UInt64

  /// Counts bytes.
  public init(_ bytes: UInt64) { self.bytes = bytes }
  /// `count` × 1024 bytes.
  public static func kibibytes(_ count: UInt64) -> ByteCount { ByteCount(count << 10) }
  /// `count` × 1024² bytes.
  public static func mebibytes(_ count: UInt64) -> ByteCount { ByteCount(count << 20) }
  /// `count` × 1024³ bytes.
  public static func gibibytes(_ count: UInt64) -> ByteCount { ByteCount(count << 30) }

  /// Parses a whole number with an optional suffix `b`, `k`, `m`, `g`, `t` (or `kb`, `KiB` …), in either case.
  ///
  /// - Throws: `INVALID_ARGUMENT` for anything else, for a negative number and for one past 2⁶⁴ − 1.
  public init(parsing text: String) throws(ContainrError) {
    // ASCII only: lowercased() makes a k of the Kelvin sign.
    let lowered = String(decoding: text.utf8.map { (0x41...0x5a).contains($0) ? $0 | 0x20 : $0 }, as: UTF8.self)
    let digits = lowered.prefix { $0.isASCII && $0.isNumber }
    let shift: UInt64? =
      switch lowered.dropFirst(digits.count) {
      case "", "b": 0
      case "k", "kb", "kib": 10
      case "m", "mb", "mib": 20
      case "g", "gb", "gib": 30
      case "t", "tb", "tib": 40
      default: nil
      }
    guard let shift, let count = UInt64(digits) else {
      throw ContainrError(
        .invalidArgument, "reading the size \"\(text)\"", hint: "a whole number with b, k, m, g or t after it, such as 100m")
    }
    let (bytes, overflow) = count.multipliedReportingOverflow(by: 1 << shift)
    guard !overflow else {
      throw ContainrError(.invalidArgument, "reading the size \"\(text)\"", hint: "sizes end at 2⁶⁴ − 1 bytes")
    }
    self.bytes = bytes
  }

  /// Orders by size.
  public static func < (left: ByteCount, right: ByteCount) -> Bool { left.bytes < right.bytes }
}

extension ByteCount: CustomStringConvertible {
  /// The largest binary unit that gives one digit before the point, with one after it: `1.9 MiB`.
  public var description: String {
    var unit = 0
    var value = Double(bytes)
    // What would round to 1024.0 belongs to the next unit.
    while value >= (unit == 0 ? 1024 : 1023.95), unit < Self.units.count - 1 {
      value /= 1024
      unit += 1
    }
    if unit == 0 { return "\(bytes) B" }
    let tenths = Int((value * 10).rounded())
    return "\(tenths / 10).\(tenths % 10) \(Self.units[unit])"
  }

  private static let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]
}

extension ByteCount: ExpressibleByIntegerLiteral {
  /// A literal counts bytes.
  public init(integerLiteral value: UInt64) { self.init(value) }
}
