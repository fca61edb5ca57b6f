/// What happens to some system calls, where conditions hold.
public struct SeccompRule: Hashable, Sendable {
  /// The calls by name, as libseccomp spells them (`syscalls(2)`).
  public var names: [String]
  /// What happens.
  public var action: SeccompAction
  /// All of these must hold; none means always. For alternatives add another rule.
  public var conditions: [SeccompCondition]

  /// Makes a rule.
  public init(_ action: SeccompAction, _ names: [String], when conditions: [SeccompCondition] = []) {
    self.action = action
    self.names = names
    self.conditions = conditions
  }
}
