/// What a profile decides about one system call, and why.
public struct SeccompDecision: Hashable, Sendable {
  /// What the kernel does.
  public var action: SeccompAction
  /// What decided so.
  public var reason: Reason

  /// What decides about a call.
  public enum Reason: Hashable, Sendable {
    /// A rule, by its index in ``SeccompProfile/rules``, with the conditions that held; none means that it has none.
    case rule(Int, conditions: [SeccompCondition])
    /// No rule names the call, or no rule's conditions hold.
    case noRule
    /// The number is higher than those of all calls that the rules name.
    case newerCall
    /// The call came by an interface that the profile does not open.
    case foreignArchitecture
    /// `socketcall(2)` or `ipc(2)` of 32-bit x86 stands for this call, whose arguments no filter can see behind it. The index
    /// is that of the rule that decides; nil for the default.
    case multiplexed(String, rule: Int?)
  }

  init(_ action: SeccompAction, _ reason: Reason) {
    self.action = action
    self.reason = reason
  }
}

extension SeccompDecision: CustomStringConvertible {
  /// `allow by rule 3, argument 0 == 8`.
  public var description: String {
    switch reason {
    case .rule(let index, let conditions):
      (["\(action) by rule \(index)"] + conditions.map(\.description)).joined(separator: ", ")
    case .noRule: "\(action) by default"
    case .newerCall: "\(action) because the call is newer than the profile"
    case .foreignArchitecture: "\(action) because the profile does not open this architecture"
    case .multiplexed(let name, let rule): "\(action) as \(name), " + (rule.map { "by rule \($0)" } ?? "by default")
    }
  }
}
