import Containr
import ContainrCore

/// `name[=value]`, a value of `--security-opt`. As with Docker, a colon may stand for the equals sign.
struct SecurityOption {
  private let text: String
  private let name: String
  private let value: String?

  init(_ text: String) throws {
    self.text = text
    let parts = text.split(maxSplits: 1, omittingEmptySubsequences: false) { $0 == "=" || $0 == ":" }.map(String.init)
    name = parts[0]
    value = parts.count == 2 ? parts[1] : nil
    guard !name.isEmpty, value != "" else { throw invalid("name=value") }
  }

  /// Whether it chooses a whole policy, of which other options then change parts.
  var isPolicy: Bool { name == "policy" }

  func apply(to configuration: inout ContainerConfiguration) throws {
    switch (name, value) {
    case ("no-new-privileges", nil), ("no-new-privileges", "true"): configuration.process.noNewPrivileges = true
    case ("no-new-privileges", "false"): configuration.process.noNewPrivileges = false
    case ("no-new-privileges", _): throw invalid("true or false")
    case ("seccomp", "unconfined"): configuration.seccomp = .unconfined
    case ("seccomp", "builtin"): configuration.seccomp = .containerDefault
    case ("apparmor", let profile?): configuration.appArmor = try AppArmorConfiguration(parsing: profile)
    case ("label", let part?): try configuration.seLinux.apply(option: part)
    case ("landlock", "off"): configuration.landlock = .off
    case ("systempaths", "unconfined"):
      configuration.rootFS.maskedPaths = []
      configuration.rootFS.readonlyPaths = []
    case ("policy", let name?): configuration.security = try Self.policy(name)
    default: throw unsupported
    }
  }

  /// The policy of a name.
  static func policy(_ name: String) throws -> SecurityPolicy {
    switch name {
    case "default": return .default
    case "strict": return .strict
    case "privileged": return .privileged
    case "kubernetes-baseline": return .kubernetes(.baseline)
    case "kubernetes-restricted": return .kubernetes(.restricted)
    default:
      throw ContainrError(
        .invalidArgument, "reading the security policy \(name)",
        hint: "default, strict, privileged, kubernetes-baseline or kubernetes-restricted")
    }
  }

  private func invalid(_ hint: String) -> ContainrError {
    ContainrError(.invalidArgument, "reading --security-opt \(text)", hint: hint)
  }

  private var unsupported: ContainrError {
    ContainrError(
      .unsupported, "reading --security-opt \(text)",
      hint: "there are no-new-privileges[=true|false], seccomp=unconfined|builtin, apparmor=PROFILE|unconfined, "
        + "label=disable|user:U|role:R|type:T|level:L, systempaths=unconfined, landlock=off and policy=NAME")
  }
}
