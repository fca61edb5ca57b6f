import ContainrCore

extension SeccompProfile {
  /// Tells what the profile decides about a call, and by which rule: what the compiled filter answers.
  ///
  /// - Parameters:
  ///   - name: the call as `syscalls(2)` has it.
  ///   - arguments: its registers; those that are missing are 0.
  ///   - architecture: the interface it is made by.
  ///   - environment: what rules with `includes` and `excludes` are decided by; nil means this machine and Docker's
  ///     capabilities.
  /// - Throws: `INVALID_ARGUMENT` for a call that the architecture does not have, `SECCOMP` for a malformed profile.
  public func explain(
    syscall name: String, arguments: [UInt64] = [], on architecture: SeccompArchitecture = .native,
    in environment: SeccompEnvironment? = nil
  ) throws(ContainrError) -> SeccompDecision {
    guard let number = SystemCallTable.number(of: name, on: architecture) else {
      throw ContainrError(
        .invalidArgument, "explaining the system call \"\(name)\"", hint: "\(architecture) has no call of this name")
    }
    return try explain(number: number, arguments: arguments, on: architecture, in: environment)
  }

  /// Tells what the profile decides about a call by its number.
  ///
  /// - Throws: `SECCOMP` for a malformed profile.
  public func explain(
    number: UInt32, arguments: [UInt64] = [], on architecture: SeccompArchitecture = .native,
    in environment: SeccompEnvironment? = nil
  ) throws(ContainrError) -> SeccompDecision {
    try SeccompExplanation(of: self, in: environment).decide(number, arguments, on: architecture)
  }
}

/// A profile made ready for many questions.
struct SeccompExplanation {
  private let table: SeccompRuleTable
  private let architectures: [SeccompArchitecture]
  private let verdicts: [SeccompArchitecture: [UInt32: SeccompRuleTable.Verdict]]

  init(of profile: SeccompProfile, in environment: SeccompEnvironment?) throws(ContainrError) {
    let place: SeccompEnvironment?
    if let environment { place = environment } else { place = profile.dependsOnPlace ? try .current() : nil }
    table = try SeccompRuleTable(of: profile) { rule in place.map(rule.applies) ?? true }
    architectures = try profile.architectures(on: environment?.architecture ?? .native)
    var verdicts: [SeccompArchitecture: [UInt32: SeccompRuleTable.Verdict]] = [:]
    for architecture in architectures { verdicts[architecture] = table.verdicts(on: architecture) }
    self.verdicts = verdicts
  }

  func decide(
    _ number: UInt32, _ arguments: [UInt64], on architecture: SeccompArchitecture
  ) -> SeccompDecision {
    var architecture = architecture
    // The number says which of the two it is, as it does to the kernel.
    if architecture == .x32 || architecture == .x86_64 {
      let isX32 = number >= SystemCallTable.x32Bit
      architecture = isX32 && (number != .max || architectures.contains(.x32)) ? .x32 : .x86_64
    }
    guard let verdicts = verdicts[architecture] else { return SeccompDecision(.killProcess, .foreignArchitecture) }
    if architecture == .x86, let index = table.multiplexer(number) {
      if let decision = multiplexed(SeccompRuleTable.multiplexers[index], arguments.first ?? 0) { return decision }
      if verdicts[number] == nil { return SeccompDecision(table.profile.defaultAction, .noRule) }
    }
    let profile = table.profile
    switch verdicts[number] {
    case .always(let index), .byDefault(let index):
      return SeccompDecision(profile.rules[index].action, .rule(index, conditions: []))
    case .alternatives(let rules):
      let held = rules.first { profile.rules[$0].conditions.allSatisfy { $0.holds(for: arguments) } }
      guard let held else { return SeccompDecision(profile.defaultAction, .noRule) }
      return SeccompDecision(profile.rules[held].action, .rule(held, conditions: profile.rules[held].conditions))
    case nil:
      let newest = table.newest(verdicts.keys, on: architecture)
      guard let newest, number > newest else { return SeccompDecision(profile.defaultAction, .noRule) }
      return SeccompDecision(table.newerCalls, .newerCall)
    }
  }

  private func multiplexed(
    _ multiplexer: SeccompRuleTable.Multiplexer, _ first: UInt64
  ) -> SeccompDecision? {
    // The kernel takes an int, and so does the filter.
    let number = UInt32(truncatingIfNeeded: first)
    guard let name = multiplexer.calls.first(where: { $0.number == number })?.name, let rule = table.hidden(name) else {
      return nil
    }
    let action = rule.map { table.profile.rules[$0].action } ?? table.profile.defaultAction
    return SeccompDecision(action, .multiplexed(name, rule: rule))
  }
}
