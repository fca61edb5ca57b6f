/// What the audit log is told about denials (`landlock_restrict_self(2)`; version 7, Linux 6.15).
public struct LandlockLogging: OptionSet, Hashable, Sendable {
  /// The bits, `LANDLOCK_RESTRICT_SELF_LOG_*`.
  public let rawValue: UInt32
  /// Takes the kernel's bits.
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// Log no denial of the program that restricts itself.
  public static let sameExecutableOff = LandlockLogging(rawValue: 1 << 0)
  /// Log the denials of programs that it executes.
  public static let newExecutableOn = LandlockLogging(rawValue: 1 << 1)
  /// Log no denial by rule sets that come on top of this one.
  public static let nestedOff = LandlockLogging(rawValue: 1 << 2)

  /// The flags that a kernel of a version knows.
  public static func known(to abi: LandlockABI) -> LandlockLogging {
    abi.rawValue >= 7 ? [.sameExecutableOff, .newExecutableOn, .nestedOff] : []
  }
}
