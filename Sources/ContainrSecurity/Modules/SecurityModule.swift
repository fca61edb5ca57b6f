import CContainrLinux
import ContainrCore
import Glibc
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

  /// The modules that run, in the kernel's order: from `/sys/kernel/security/lsm`, or from `lsm_list_modules(2)` (Linux 6.8).
  ///
  /// - Returns: nil where securityfs is not mounted and the kernel has no such call: what runs is unknown then.
  /// - Throws: `PERMISSION_DENIED`, `IO_FAILURE` where the file is there and cannot be read.
  public static func running() throws(ContainrError) -> [SecurityModule]? {
    if let text = try FileContents.textIfPresent("/sys/kernel/security/lsm") { return list(text) }
    var ids = [UInt64](repeating: 0, count: 64)
    let count = cl_lsm_list(&ids, UInt32(ids.count))
    return count < 0 ? nil : ids.prefix(Int(count)).map(named)
  }

  /// The module that gives processes their labels: AppArmor or SELinux, whichever runs; nil where neither does.
  ///
  /// It looks at what these two show of themselves, so that it needs neither securityfs nor a privilege.
  public static var labelling: SecurityModule? {
    if AppArmor.isEnabled { return .appArmor }
    return SELinux.isEnabled ? .seLinux : nil
  }

  static func list(_ text: String) -> [SecurityModule] {
    text.split { $0 == "," || $0.isWhitespace }.map { SecurityModule(rawValue: String($0)) }
  }

  /// `LSM_ID_*` of `linux/lsm.h`; a number for a module that is newer than this.
  static func named(_ id: UInt64) -> SecurityModule {
    let names: [UInt64: String] = [
      100: "capability", 101: "selinux", 102: "smack", 103: "tomoyo", 104: "apparmor", 105: "yama", 106: "loadpin",
      107: "safesetid", 108: "lockdown", 109: "bpf", 110: "landlock", 111: "ima", 112: "evm", 113: "ipe",
    ]
    return SecurityModule(rawValue: names[id] ?? String(id))
  }
}
