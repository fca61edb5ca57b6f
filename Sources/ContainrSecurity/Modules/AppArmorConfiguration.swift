import ContainrCore
import ContainrLaunch

/// Which AppArmor profile a container's processes are under.
public enum AppArmorConfiguration: Hashable, Sendable {
  /// ``AppArmorProfile/containerDefault`` where the kernel runs AppArmor and the profile is loaded, or can be. Nothing where
  /// not: a machine without AppArmor, without `apparmor_parser`, or a caller without `CAP_MAC_ADMIN`.
  case automatic
  /// None.
  case unconfined
  /// A loaded profile.
  case profile(String)
  /// A loaded profile on top of the one that this program is under: both must allow (Linux 4.13).
  case stacked(String)

  /// Reads what `--security-opt apparmor=` takes: `unconfined`, or a profile's name.
  ///
  /// - Throws: `INVALID_ARGUMENT` for an empty name, or one with control characters or spaces.
  public init(parsing text: String) throws(ContainrError) {
    guard !text.isEmpty, text.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7f }) else {
      throw ContainrError(.invalidArgument, "reading the AppArmor profile \"\(text)\"", hint: "a profile's name, or unconfined")
    }
    switch text {
    case "unconfined": self = .unconfined
    case AppArmorProfile.containerDefault.name: self = .automatic
    default: self = .profile(text)
    }
  }

  /// What a process writes to its attribute `exec` before it executes its program; nil where nothing is to be asked.
  ///
  /// The default profile is loaded where it is not yet. A kernel without AppArmor costs nothing.
  ///
  /// - Throws: `SECURITY_MODULE` for a profile by name where the kernel has no AppArmor.
  public func resolve() throws(ContainrError) -> SecurityLabel? {
    switch self {
    case .automatic:
      guard AppArmor.isEnabled, Self.defaultObstacle() == nil else { return nil }
      return Self.label("exec " + AppArmorProfile.containerDefault.name)
    case .unconfined:
      // From unconfined it is what happens anyway.
      guard AppArmor.isEnabled, try AppArmor.currentLabel() != "unconfined" else { return nil }
      return Self.label("exec unconfined")
    case .profile(let name): return try Self.named("exec", name)
    case .stacked(let name): return try Self.named("stack", name)
    }
  }

  private static func named(_ command: String, _ name: String) throws(ContainrError) -> SecurityLabel {
    guard AppArmor.isEnabled else { throw AppArmor.missing("using the AppArmor profile \(name)") }
    if name == AppArmorProfile.containerDefault.name, let obstacle = defaultObstacle() { throw obstacle }
    return label("\(command) \(name)")
  }

  private static func label(_ text: String) -> SecurityLabel {
    SecurityLabel(module: .appArmor, attribute: "self/" + AppArmor.attribute("exec"), text: text)
  }

  /// Loads the default profile unless it is, and gives what stood against that.
  static func defaultObstacle() -> ContainrError? {
    do throws(ContainrError) {
      let profile = AppArmorProfile.containerDefault
      if try AppArmor.profiles()[profile.name] == nil { try AppArmor.load(profile) }
      return nil
    } catch { return error }
  }
}
