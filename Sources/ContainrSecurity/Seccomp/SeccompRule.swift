import ContainrOCI

/// What happens to some system calls, where conditions hold.
public struct SeccompRule: Hashable, Sendable {
  /// The calls by name, as the kernel and libseccomp spell them (`syscalls(2)`). A name that no table has is passed over:
  /// ``SeccompProfile/unknownNames``.
  public var names: [String]
  /// What happens.
  public var action: SeccompAction
  /// All of these must hold; none means always. For alternatives add another rule.
  public var conditions: [SeccompCondition]
  /// What the author says about it.
  public var comment: String?
  /// Where the rule counts; nil means everywhere.
  public var includes: SeccompScope?
  /// Where the rule does not count.
  public var excludes: SeccompScope?
  /// Members of the document that Containr gives no meaning to. They are written as they were read.
  public var otherMembers = JSON.Object()

  /// Makes a rule.
  public init(
    _ action: SeccompAction, _ names: [String], when conditions: [SeccompCondition] = [], comment: String? = nil,
    includes: SeccompScope? = nil, excludes: SeccompScope? = nil
  ) {
    self.names = names
    self.action = action
    self.conditions = conditions
    self.comment = comment
    self.includes = includes
    self.excludes = excludes
  }

  /// Whether the rule counts in a place.
  func applies(in environment: SeccompEnvironment) -> Bool {
    if let excludes, excludes.excludes(environment) { return false }
    return includes?.includes(environment) ?? true
  }
}
