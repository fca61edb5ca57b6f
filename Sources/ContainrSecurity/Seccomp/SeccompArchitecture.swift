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
  #elseif arch(arm64)
    /// The machine's own interface.
    public static let native = aarch64
  #else
    #error("Containr's seccomp profile is written for x86-64 and arm64")
  #endif
  /// Every interface that a kernel of this machine may have, its own first.
  public static let ofMachine = native.companions

  /// Every interface that a kernel with this one as its own may have, this one first.
  var companions: [SeccompArchitecture] {
    switch self {
    case .x86_64: [.x86_64, .x86, .x32]
    case .aarch64: [.aarch64, .arm]
    default: [self]
    }
  }

  // MARK: Names

  /// Finds an interface by libseccomp's name, `SCMP_ARCH_X86_64`; nil for an unknown one.
  public init?(named name: String) {
    guard let entry = Self.names.first(where: { $0.name == name }) else { return nil }
    rawValue = entry.token
  }

  /// libseccomp's name, as the OCI specification writes it; nil for a token without one.
  public var name: String? { Self.names.first { $0.token == rawValue }?.name }

  /// The name in `includes.arches` of Docker's profiles, which are Go's.
  var goName: String? {
    switch self {
    case .x86_64: "amd64"
    case .aarch64: "arm64"
    case .x86: "386"
    case .arm: "arm"
    default: nil
    }
  }

  /// Whether arguments have 32 bits.
  var is32Bit: Bool { rawValue & 0x8000_0000 == 0 && self != .x32 }

  static let names: [(name: String, token: UInt32)] = [
    ("SCMP_ARCH_X86", 0x4000_0003), ("SCMP_ARCH_X86_64", 0xc000_003e), ("SCMP_ARCH_X32", 0x4000_003e),
    ("SCMP_ARCH_ARM", 0x4000_0028), ("SCMP_ARCH_AARCH64", 0xc000_00b7), ("SCMP_ARCH_MIPS", 0x0000_0008),
    ("SCMP_ARCH_MIPS64", 0x8000_0008), ("SCMP_ARCH_MIPS64N32", 0xa000_0008), ("SCMP_ARCH_MIPSEL", 0x4000_0008),
    ("SCMP_ARCH_MIPSEL64", 0xc000_0008), ("SCMP_ARCH_MIPSEL64N32", 0xe000_0008), ("SCMP_ARCH_PPC", 0x0000_0014),
    ("SCMP_ARCH_PPC64", 0x8000_0015), ("SCMP_ARCH_PPC64LE", 0xc000_0015), ("SCMP_ARCH_S390", 0x0000_0016),
    ("SCMP_ARCH_S390X", 0x8000_0016), ("SCMP_ARCH_PARISC", 0x0000_000f), ("SCMP_ARCH_PARISC64", 0x8000_000f),
    ("SCMP_ARCH_RISCV64", 0xc000_00f3), ("SCMP_ARCH_LOONGARCH64", 0xc000_0102), ("SCMP_ARCH_M68K", 0x0000_0004),
    ("SCMP_ARCH_SH", 0x4000_002a), ("SCMP_ARCH_SHEB", 0x0000_002a),
  ]
}

extension SeccompArchitecture: CustomStringConvertible {
  /// `SCMP_ARCH_X86_64`; the token in hexadecimal where it has no name.
  public var description: String { name ?? "0x" + String(rawValue, radix: 16) }
}
