import ContainrCore

/// A profile's rules by call: what the compiler and ``SeccompProfile/explain(syscall:arguments:on:in:)`` both go by.
struct SeccompRuleTable {
  /// What decides a call.
  enum Verdict: Hashable {
    /// A rule without conditions; its index in the profile.
    case always(Int)
    /// Rules with conditions, the first that holds, else the default.
    case alternatives([Int])
    /// A rule that says what the default says.
    case byDefault(Int)
  }

  let profile: SeccompProfile
  /// What decides each name.
  private(set) var verdicts: [String: Verdict] = [:]

  /// Sorts the rules that `counts` lets in.
  ///
  /// - Throws: `SECCOMP` for malformed rules.
  init(
    of profile: SeccompProfile, where counts: (SeccompRule) -> Bool = { _ in true }
  ) throws(ContainrError) {
    self.profile = profile
    try Self.check(profile.defaultAction)
    if let action = profile.newerCalls { try Self.check(action) }
    for (index, rule) in profile.rules.enumerated() where counts(rule) {
      try Self.check(rule.action)
      for condition in rule.conditions where condition.argument > 5 {
        throw ContainrError(
          .seccomp, SeccompProfile.activity, hint: "a system call has the arguments 0 to 5, not \(condition.argument)")
      }
      for name in rule.names { add(index, rule, to: name) }
    }
  }

  private mutating func add(_ index: Int, _ rule: SeccompRule, to name: String) {
    let known = verdicts[name]
    if rule.action == profile.defaultAction {
      if known == nil { verdicts[name] = .byDefault(index) }
      return
    }
    switch known {
    // Engines allow a call to all and refuse it again to those without a capability: the first counts, as in libseccomp.
    case .always: break
    case .alternatives(let rules) where !rule.conditions.isEmpty: verdicts[name] = .alternatives(rules + [index])
    default: verdicts[name] = rule.conditions.isEmpty ? .always(index) : .alternatives([index])
    }
  }

  private static func check(_ action: SeccompAction) throws(ContainrError) {
    guard case .errno(let number) = action, number > 4095 else { return }
    throw ContainrError(.seccomp, SeccompProfile.activity, hint: "an error number is 0 to 4095, not \(number)")
  }

  // MARK: Numbers

  /// The verdicts by number, of the calls that an architecture has.
  func verdicts(on architecture: SeccompArchitecture) -> [UInt32: Verdict] {
    var result: [UInt32: Verdict] = [:]
    for (name, verdict) in verdicts {
      if let number = SystemCallTable.number(of: name, on: architecture) { result[number] = verdict }
    }
    return result
  }

  /// The highest number of a call that the rules name; nil where they name none.
  func newest(_ numbers: some Sequence<UInt32>, on architecture: SeccompArchitecture) -> UInt32? {
    let base = architecture == .x32 ? SystemCallTable.x32Bit : 0
    // ARM has a few calls of its own far above the others: they are not what newness is measured by.
    return numbers.filter { $0 &- base < 0xf_0000 }.max()
  }

  /// The action for calls newer than ``newest(_:on:)``.
  var newerCalls: SeccompAction { profile.newerCalls ?? profile.defaultAction }

  // MARK: Calls behind one call, of 32-bit x86 (linux/net.h, linux/ipc.h)

  /// A call whose first argument says what call is meant, with the others in memory where no filter sees them.
  struct Multiplexer {
    var name: String
    var number: UInt32
    var calls: [(number: UInt32, name: String)]
  }

  static let multiplexers = [
    Multiplexer(
      name: "socketcall", number: 102,
      calls: [
        (1, "socket"), (2, "bind"), (3, "connect"), (4, "listen"), (5, "accept"), (6, "getsockname"), (7, "getpeername"),
        (8, "socketpair"), (9, "send"), (10, "recv"), (11, "sendto"), (12, "recvfrom"), (13, "shutdown"), (14, "setsockopt"),
        (15, "getsockopt"), (16, "sendmsg"), (17, "recvmsg"), (18, "accept4"), (19, "recvmmsg"), (20, "sendmmsg"),
      ]),
    Multiplexer(
      name: "ipc", number: 117,
      calls: [
        (1, "semop"), (2, "semget"), (3, "semctl"), (4, "semtimedop"), (11, "msgsnd"), (12, "msgrcv"), (13, "msgget"),
        (14, "msgctl"), (21, "shmat"), (22, "shmdt"), (23, "shmget"), (24, "shmctl"),
      ]),
  ]

  /// The index of the multiplexer that a number of 32-bit x86 is, unless a rule without conditions names it.
  func multiplexer(_ number: UInt32) -> Int? {
    guard let index = Self.multiplexers.firstIndex(where: { $0.number == number }) else { return nil }
    if case .always = verdicts[Self.multiplexers[index].name] { return nil }
    return index
  }

  /// The rule for a call behind a multiplexer: where it has conditions, which nobody can check there, the first that refuses;
  /// nil for the default.
  func hidden(_ name: String) -> Int?? {
    switch verdicts[name] {
    case nil: nil
    case .always(let index): .some(index)
    case .byDefault: .some(nil)
    case .alternatives(let rules):
      profile.defaultAction.letsThrough ? .some(rules.first { !profile.rules[$0].action.letsThrough }) : .some(nil)
    }
  }
}
