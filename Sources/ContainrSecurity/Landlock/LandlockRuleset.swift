import ContainrCore

/// What a process can no longer do, of its own will and for good: rights that are denied, save where a rule grants them
/// (`landlock(7)`).
///
/// ```swift
/// var rules = LandlockRuleset(denying: .all)
/// rules.allow([.read, .execute], below: "/usr")
/// rules.allow([.read, .write], below: "/tmp")
/// rules.deniedNetwork = .all
/// rules.allow(.connectTCP, port: 443)
/// try rules.restrictCallingThread()
/// ```
///
/// Nobody needs a privilege to restrict themselves, but either no-new-privileges or `CAP_SYS_ADMIN`. Children inherit it, and
/// further rule sets can only take more away. Beside what is listed, a process under rules
/// - about files can mount, unmount and change the root no more, whatever its capabilities;
/// - of any kind can trace, or look into, no process but those under the same rules.
public struct LandlockRuleset: Hashable, Sendable {
  /// Rights on files that are denied unless a rule grants them.
  public var deniedFiles: LandlockFileAccess
  /// Rights on TCP ports that are denied unless a rule grants them.
  public var deniedNetwork: LandlockNetworkAccess
  /// What stays inside.
  public var scope: LandlockScope
  /// What is granted.
  public var rules: [LandlockRule]
  /// What is logged; nothing but the kernel's default, which is denials of this very program.
  public var logging: LandlockLogging
  /// What happens where the kernel knows less than is asked for.
  public var compatibility: Compatibility

  /// What happens where the kernel knows less than is asked for.
  public enum Compatibility: String, Hashable, Sendable {
    /// What it knows is enforced, the rest is not; see ``LandlockRuleset/supported(by:)``.
    case bestEffort
    /// It is an error, `UNSUPPORTED`.
    case required
  }

  /// Denies rights; nothing is granted yet.
  public init(
    denying files: LandlockFileAccess = [], network: LandlockNetworkAccess = [], scope: LandlockScope = [],
    rules: [LandlockRule] = [], logging: LandlockLogging = [], compatibility: Compatibility = .bestEffort
  ) {
    deniedFiles = files
    deniedNetwork = network
    self.scope = scope
    self.rules = rules
    self.logging = logging
    self.compatibility = compatibility
  }

  /// Grants rights on a path and everything below it.
  public mutating func allow(_ access: LandlockFileAccess, below path: String, mayBeMissing: Bool = false) {
    rules.append(.path(path, access, mayBeMissing: mayBeMissing))
  }

  /// Grants rights on a TCP port.
  public mutating func allow(_ access: LandlockNetworkAccess, port: UInt16) { rules.append(.port(port, access)) }

  /// Whether it denies nothing.
  public var isEmpty: Bool { deniedFiles.isEmpty && deniedNetwork.isEmpty && scope.isEmpty }

  /// What is left of the rule set on a kernel of a version, and the names of what is not.
  ///
  /// A rule grants what the set denies and nothing else: rights beyond are an error of the kernel, and are left out here, as
  /// they need no rule.
  public func supported(by abi: LandlockABI?) -> (ruleset: LandlockRuleset, missing: [String]) {
    let abi = abi ?? LandlockABI(rawValue: 0)
    var ruleset = self
    ruleset.deniedFiles.formIntersection(.known(to: abi))
    ruleset.deniedNetwork.formIntersection(.known(to: abi))
    ruleset.scope.formIntersection(.known(to: abi))
    ruleset.logging.formIntersection(.known(to: abi))
    var missing: [String] = []
    let lost = (
      deniedFiles.subtracting(ruleset.deniedFiles), deniedNetwork.subtracting(ruleset.deniedNetwork),
      scope.subtracting(ruleset.scope)
    )
    if !lost.0.isEmpty { missing.append("\(lost.0)") }
    if !lost.1.isEmpty { missing.append("\(lost.1)") }
    if !lost.2.isEmpty { missing.append("scope \(lost.2)") }
    if ruleset.logging != logging { missing.append("logging") }
    ruleset.rules = rules.compactMap { rule in
      switch rule {
      case .path(let path, let access, let mayBeMissing):
        let granted = access.intersection(ruleset.deniedFiles)
        return granted.isEmpty ? nil : .path(path, granted, mayBeMissing: mayBeMissing)
      case .port(let port, let access):
        let granted = access.intersection(ruleset.deniedNetwork)
        return granted.isEmpty ? nil : .port(port, granted)
      }
    }
    return (ruleset, missing)
  }

  /// The rule set as the running kernel takes it; nil where nothing of it is left.
  ///
  /// - Throws: `UNSUPPORTED` where ``compatibility`` is ``Compatibility/required`` and the kernel lacks something.
  public func resolve(for abi: LandlockABI? = .ofKernel) throws(ContainrError) -> LandlockRuleset? {
    if isEmpty { return nil }
    let (ruleset, missing) = supported(by: abi)
    guard compatibility == .bestEffort || missing.isEmpty else {
      throw ContainrError(
        .unsupported, "restricting by Landlock: \(missing.joined(separator: ", "))",
        hint: abi.map { "this kernel has version \($0) of it" }
          ?? "this kernel has none: it needs Linux 5.13 and landlock in its lsm= parameter")
    }
    return ruleset.isEmpty ? nil : ruleset
  }
}
