/// A condition on one argument of a system call.
///
/// Registers have 64 bits. Where the kernel reads an `int`, a comparison of all 64 lets a caller pass by setting the upper
/// half, which the kernel then ignores (the way of CVE-2019-10063): use ``low32(of:equals:)`` there.
public struct SeccompCondition: Hashable, Sendable {
  /// How an argument is compared, unsigned.
  public enum Comparison: Hashable, Sendable {
    /// The argument is the value.
    case equal
    /// The argument is another value.
    case notEqual
    /// The argument is below the value.
    case less
    /// The argument is at most the value.
    case lessOrEqual
    /// The argument is above the value.
    case greater
    /// The argument is at least the value.
    case greaterOrEqual
    /// The bits of the argument under the mask are the value.
    case maskedEqual(mask: UInt64)
  }

  /// Which argument, 0 to 5.
  public var argument: UInt8
  /// How it is compared.
  public var comparison: Comparison
  /// With what.
  public var value: UInt64

  /// Makes a condition.
  public init(argument: UInt8, _ comparison: Comparison, _ value: UInt64) {
    self.argument = argument
    self.comparison = comparison
    self.value = value
  }

  /// The lower 32 bits of an argument are a value, whatever the upper are: for arguments that the kernel reads as `int`.
  public static func low32(of argument: UInt8, equals value: UInt32) -> SeccompCondition {
    SeccompCondition(argument: argument, .maskedEqual(mask: 0xffff_ffff), UInt64(value))
  }

  /// None of the bits of a mask is set in an argument.
  public static func noBits(of mask: UInt64, in argument: UInt8) -> SeccompCondition {
    SeccompCondition(argument: argument, .maskedEqual(mask: mask), 0)
  }

  /// Whether the condition holds for the registers of a call.
  func holds(for arguments: [UInt64]) -> Bool {
    let actual = Int(argument) < arguments.count ? arguments[Int(argument)] : 0
    return switch comparison {
    case .equal: actual == value
    case .notEqual: actual != value
    case .less: actual < value
    case .lessOrEqual: actual <= value
    case .greater: actual > value
    case .greaterOrEqual: actual >= value
    case .maskedEqual(let mask): actual & mask == value
    }
  }
}

extension SeccompCondition: CustomStringConvertible {
  /// `argument 0 == 40`; `argument 0 & 0x7e020000 == 0`.
  public var description: String {
    let sign =
      switch comparison {
      case .equal: "=="
      case .notEqual: "!="
      case .less: "<"
      case .lessOrEqual: "<="
      case .greater: ">"
      case .greaterOrEqual: ">="
      case .maskedEqual(let mask): "& 0x\(String(mask, radix: 16)) =="
      }
    return "argument \(argument) \(sign) \(value)"
  }
}
