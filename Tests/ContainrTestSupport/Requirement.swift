import CContainrLinux
import ContainrCore
import Glibc
import Testing

/// Something of the machine that a test needs.
///
/// A missing one skips the test with its reason; `CONTAINR_REQUIRE_ALL=1` turns the skip into a failure.
public struct Requirement: Sendable {
  /// What is needed, as a phrase: `user id 0`.
  public var name: String
  /// Whether it is there, found by trying.
  public var isMet: @Sendable () -> Bool

  /// Describes a need.
  public init(_ name: String, isMet: @escaping @Sendable () -> Bool) {
    self.name = name
    self.isMet = isMet
  }

  /// The user id 0 in the first user namespace.
  public static let root = Requirement("user id 0") { geteuid() == 0 }

  /// A file or directory of the host.
  public static func file(_ path: String) -> Requirement {
    Requirement("the file \(path)") { access(path, F_OK) == 0 }
  }

  /// A program in PATH.
  public static func program(_ name: String) -> Requirement {
    Requirement("the program \(name)") {
      let path = getenv("PATH").map { String(cString: $0) } ?? "/usr/bin:/bin"
      return path.split(separator: ":").contains { access("\($0)/\(name)", X_OK) == 0 }
    }
  }

  /// At least this version of the kernel.
  public static func kernel(_ major: Int, _ minor: Int) -> Requirement {
    Requirement("Linux \(major).\(minor)") {
      var name = utsname()
      guard uname(&name) == 0 else { return false }
      let release = withUnsafeBytes(of: name.release) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      let numbers = release.split { !$0.isNumber }.prefix(2).compactMap { Int($0) }
      return numbers.count == 2 && (numbers[0], numbers[1]) >= (major, minor)
    }
  }

  /// A capability in the effective set.
  public static func capability(_ capability: Preflight.Capability) -> Requirement {
    Requirement("the capability \(capability)") {
      var sets = cl_capability_sets()
      return cl_capability_read(&sets) == 0 && sets.effective >> UInt64(capability.rawValue) & 1 == 1
    }
  }
}

extension Trait where Self == ConditionTrait {
  /// Runs the test where everything named is there.
  public static func requires(_ requirements: Requirement...) -> ConditionTrait {
    let missing = requirements.filter { !$0.isMet() }.map(\.name)
    if getenv("CONTAINR_REQUIRE_ALL") != nil { return .enabled(if: true) }
    return .enabled(if: missing.isEmpty, "needs \(missing.joined(separator: ", "))")
  }
}

extension Requirement {
  /// Attributes of users on /tmp: tmpfs has them since Linux 6.6.
  public static let userAttributes = Requirement("user attributes on /tmp") {
    var template = Array("/tmp/containr-probe-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { return false }
    defer { rmdir(template) }
    return setxattr(template, "user.probe", "x", 1, 0) == 0
  }
}
