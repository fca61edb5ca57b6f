/// A system call interface of the kernel, by its audit token (`linux/audit.h`, `AUDIT_ARCH_*`).
public struct SeccompArchitecture: RawRepresentable, Hashable, Sendable {
  /// The token. x32 shares that of x86-64 in the kernel; here it is libseccomp's.
  public let rawValue: UInt32

  /// Takes a token.
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// 64-bit x86.
  public static let x86_64 = SeccompArchitecture(rawValue: 0xc000_003e)
  /// 32-bit x86.
  public static let x86 = SeccompArchitecture(rawValue: 0x4000_0003)
  /// x86-64 with 32-bit pointers: call numbers have bit 30 set.
  public static let x32 = SeccompArchitecture(rawValue: 0x4000_003e)
  /// 64-bit ARM.
  public static let aarch64 = SeccompArchitecture(rawValue: 0xc000_00b7)
  /// 32-bit ARM, EABI.
  public static let arm = SeccompArchitecture(rawValue: 0x4000_0028)

  #if arch(x86_64)
    /// The machine's own interface.
    public static let native = x86_64
    /// Every interface that a kernel of this machine may have, its own first.
    public static let ofMachine = [x86_64, x86, x32]
  #elseif arch(arm64)
    /// The machine's own interface.
    public static let native = aarch64
    /// Every interface that a kernel of this machine may have, its own first.
    public static let ofMachine = [aarch64, arm]
  #else
    #error("Containr's seccomp profile is written for x86-64 and arm64")
  #endif
}
