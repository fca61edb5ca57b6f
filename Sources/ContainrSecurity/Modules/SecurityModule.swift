import ContainrCore
import SystemPackage

/// A Linux security module, by the name that the kernel gives it.
public struct SecurityModule: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
  /// The name, as in `/sys/kernel/security/lsm`.
  public let rawValue: String
  /// Names a module.
  public init(rawValue: String) { self.rawValue = rawValue }
  /// The name.
  public var description: String { rawValue }

  /// Profiles by path.
  public static let appArmor = SecurityModule(rawValue: "apparmor")
  /// Labels.
  public static let seLinux = SecurityModule(rawValue: "selinux")
  /// Rules that a process sets itself.
  public static let landlock = SecurityModule(rawValue: "landlock")
  /// BPF programs.
  public static let bpf = SecurityModule(rawValue: "bpf")

  /// The modules that run, in the kernel's order (`/sys/kernel/security/lsm`).
  ///
  /// - Returns: nil where securityfs is not mounted or the kernel has none: what runs is unknown then.
  /// - Throws: `PERMISSION_DENIED`, `IO_FAILURE` where the file is there and cannot be read.
  public static func running() throws(ContainrError) -> [SecurityModule]? {
    try FileContents.textIfPresent("/sys/kernel/security/lsm").map(list)
  }

  static func list(_ text: String) -> [SecurityModule] {
    text.split { $0 == "," || $0.isWhitespace }.map { SecurityModule(rawValue: String($0)) }
  }
}
