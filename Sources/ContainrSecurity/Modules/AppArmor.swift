import CContainrLinux
import ContainrCore
import Glibc
import SystemPackage

/// The running kernel's AppArmor: its profiles, and how a process asks for one (`apparmor(7)`).
public enum AppArmor {
  /// Whether the kernel runs it (`/sys/module/apparmor/parameters/enabled`). Looked at once a program.
  public static let isEnabled: Bool = {
    let file = open("/sys/module/apparmor/parameters/enabled", O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return false }
    defer { close(file) }
    var letter: UInt8 = 0
    return read(file, &letter, 1) == 1 && letter == UInt8(ascii: "Y")
  }()

  /// How a profile is applied.
  public enum Mode: String, Hashable, Sendable {
    /// What it does not allow fails.
    case enforce
    /// What it does not allow is logged.
    case complain
    /// What it does not allow ends the process.
    case kill
    /// It is there and allows everything.
    case unconfined
  }

  private static let directory = "/sys/kernel/security/apparmor"

  /// The loaded profiles by name (`/sys/kernel/security/apparmor/profiles`). Needs `CAP_MAC_ADMIN`.
  ///
  /// - Throws: `SECURITY_MODULE` where AppArmor is not there, `PERMISSION_DENIED`.
  public static func profiles() throws(ContainrError) -> [String: Mode] {
    guard let text = try FileContents.textIfPresent(FilePath(directory + "/profiles")) else {
      throw missing("listing the AppArmor profiles")
    }
    return parse(profiles: text)
  }

  /// Each line is `name (mode)`; a name may hold spaces and brackets.
  static func parse(profiles text: String) -> [String: Mode] {
    var profiles: [String: Mode] = [:]
    for line in text.split(separator: "\n") where line.hasSuffix(")") {
      guard let bracket = line.lastIndex(of: "("), bracket > line.startIndex else { continue }
      let mode = line[line.index(after: bracket)...].dropLast()
      profiles[String(line[..<line.index(before: bracket)])] = Mode(rawValue: String(mode)) ?? .enforce
    }
    return profiles
  }

  /// The label of the calling thread: `unconfined`, or a profile's name with its mode.
  ///
  /// - Throws: `SECURITY_MODULE` where AppArmor is not there.
  public static func currentLabel() throws(ContainrError) -> String {
    guard isEnabled else { throw missing("reading the AppArmor label of this process") }
    let text = try FileContents.text(FilePath("/proc/thread-self/" + attribute("current")), limit: 4096, code: .securityModule)
    return String(text.prefix { $0 != "\n" && $0 != "\0" })
  }

  /// Loads a profile, in place of one with the same name. Needs `CAP_MAC_ADMIN` and the program `apparmor_parser`.
  ///
  /// - Throws: `SECURITY_MODULE` where AppArmor is not there or refuses it, and as ``AppArmorProfile/compiled()``.
  public static func load(_ profile: AppArmorProfile) throws(ContainrError) {
    let activity = "loading the AppArmor profile \(profile.name)"
    guard isEnabled else { throw missing(activity) }
    try write(try profile.compiled(), to: ".replace", activity)
  }

  /// Unloads a profile; processes under it become unconfined. Needs `CAP_MAC_ADMIN`.
  ///
  /// - Throws: `SECURITY_MODULE` where AppArmor is not there or no such profile is loaded.
  public static func unload(_ name: String) throws(ContainrError) {
    let activity = "unloading the AppArmor profile \(name)"
    guard isEnabled else { throw missing(activity) }
    try write(Array(name.utf8), to: ".remove", activity)
  }

  /// The kernel takes a profile in one write.
  private static func write(_ bytes: [UInt8], to name: String, _ activity: String) throws(ContainrError) {
    let file = try OwnedDescriptor.open(FilePath("\(directory)/\(name)"), flags: O_WRONLY, code: .securityModule)
    let result = bytes.withUnsafeBytes { Glibc.write(file.rawValue, $0.baseAddress, $0.count) }
    guard result == bytes.count else { throw .errno(.current, .securityModule, activity, call: "write(2)") }
  }

  static func missing(_ activity: String) -> ContainrError {
    ContainrError(
      .securityModule, activity,
      hint: "this kernel does not run AppArmor: add apparmor to its lsm= parameter, or ask for apparmor=unconfined")
  }

  /// Where a process's attributes are, below `/proc/<pid>`: in a directory of AppArmor's own since Linux 5.8, which holds
  /// beside other modules too.
  static func attribute(_ name: String) -> String {
    hasOwnAttributes ? "attr/apparmor/\(name)" : "attr/\(name)"
  }

  private static let hasOwnAttributes = access("/proc/thread-self/attr/apparmor", F_OK) == 0
}
