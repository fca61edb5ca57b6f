import CContainrLinux

/// A version of Landlock's interface: what rights a kernel knows (`landlock(7)`).
///
/// | version | Linux | what came with it |
/// | --- | --- | --- |
/// | 1 | 5.13 | rights on files |
/// | 2 | 5.19 | ``LandlockFileAccess/refer`` |
/// | 3 | 6.2 | ``LandlockFileAccess/truncate`` |
/// | 4 | 6.7 | ``LandlockNetworkAccess`` |
/// | 5 | 6.10 | ``LandlockFileAccess/controlDevice`` |
/// | 6 | 6.12 | ``LandlockScope`` |
/// | 7 | 6.15 | ``LandlockLogging`` |
public struct LandlockABI: RawRepresentable, Hashable, Sendable, Comparable, CustomStringConvertible {
  /// The number, 1 and up.
  public let rawValue: Int
  /// Names a version; one above 7 knows at least what 7 does.
  public init(rawValue: Int) { self.rawValue = rawValue }
  /// The number.
  public var description: String { String(rawValue) }
  /// Orders by number.
  public static func < (left: LandlockABI, right: LandlockABI) -> Bool { left.rawValue < right.rawValue }

  /// The running kernel's version; nil where it has no Landlock, or was not told to use it (`lsm=` of the command line).
  ///
  /// One system call, made once a program.
  public static let ofKernel: LandlockABI? = {
    let version = cl_landlock_abi()
    return version > 0 ? LandlockABI(rawValue: Int(version)) : nil
  }()
}
