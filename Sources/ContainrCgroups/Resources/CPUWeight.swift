import ContainrCore
import Glibc

/// A share of CPU time against siblings, in the scale of `cpu.weight`: 1 to 10000, the default is 100.
public struct CPUWeight: Sendable, Hashable {
  /// The weight.
  public let value: UInt64

  /// Checks a weight.
  ///
  /// - Throws: `INVALID_ARGUMENT` outside 1 to 10000.
  public init(_ value: UInt64) throws(ContainrError) {
    guard (1...10_000).contains(value) else {
      throw ContainrError(.invalidArgument, "reading the CPU weight \(value)", hint: "1 to 10000; 100 is the default")
    }
    self.value = value
  }

  /// The weight for version 1 shares.
  ///
  /// The curve goes through smallest (2 → 1), default (1024 → 100) and largest (262144 → 10000) of both scales:
  /// `weight = ⌈10^((l² + 125 l) / 612 − 7 / 34)⌉` with `l = log2(shares)`, the one that runc and crun use. Shares outside
  /// 2 to 262144 count as the nearest bound, as in the kernel.
  public init(shares: UInt64) {
    if shares <= 2 {
      value = 1
    } else if shares >= 262_144 {
      value = 10_000
    } else {
      let l = log2(Double(shares))
      // A hair is taken off so that rounding errors do not lift the exact points of the curve, such as 100, by one.
      value = UInt64((pow(10, (l * l + 125 * l) / 612 - 7.0 / 34.0) - 1e-9).rounded(.up))
    }
  }

  /// The shares that the scheduler gives to this weight: `weight × 1024 / 100`, rounded to nearest, at least 2.
  public var shares: UInt64 { max(2, (value * 1024 + 50) / 100) }
}
