import CContainrLinux
import CSeccomp
import ContainrCore
import Glibc
import SystemPackage

extension SeccompFilter {
  /// Compiles a profile. Keep the result with a ``SeccompFilterCache``: compiling takes longer than starting a process.
  ///
  /// Calls are found by a binary search; libseccomp knows their numbers on each architecture and compiles what has conditions.
  /// A rule that lets a call through is left out where libseccomp does not know the name, which can only refuse more; a rule
  /// that refuses an unknown name is an error.
  ///
  /// - Throws: `SECCOMP` for a malformed profile or one too long for the kernel.
  public init(compiling profile: SeccompProfile) throws(ContainrError) {
    try Self.checkErrorNumber(profile.defaultAction)
    if let action = profile.newerCalls { try Self.checkErrorNumber(action) }
    guard profile.architectures.first == .native else {
      throw ContainrError(.seccomp, Self.activity, hint: "the machine's own architecture must be the first of the profile's")
    }
    guard let context = seccomp_init(profile.defaultAction.returnValue) else {
      throw .errno(.noMemory, .seccomp, Self.activity, call: "seccomp_init(3)")
    }
    defer { seccomp_release(context) }
    try Self.checked(seccomp_attr_set(context, SCMP_FLTATR_CTL_OPTIMIZE, 2), "seccomp_attr_set(3)", "choosing a binary tree")
    try Self.checked(
      seccomp_attr_set(context, SCMP_FLTATR_ACT_BADARCH, SeccompAction.killProcess.returnValue), "seccomp_attr_set(3)",
      "setting the action for other architectures")
    for architecture in profile.architectures.dropFirst() {
      try Self.checked(
        seccomp_arch_add(context, architecture.rawValue), "seccomp_arch_add(3)",
        "adding the architecture \(architecture.rawValue)")
    }
    var unconditional: [String: SeccompAction] = [:]
    for rule in profile.rules where rule.conditions.isEmpty { try Self.collect(rule, of: profile, into: &unconditional) }
    var conditional: Set<String> = []
    for rule in profile.rules where !rule.conditions.isEmpty {
      let added = try Self.add(rule, of: profile, to: context, except: unconditional)
      conditional.formUnion(added)
    }
    let dispatch = SeccompDispatch(of: profile, unconditional: unconditional, conditional: conditional)
    let bytes = dispatch.program.bytes + (try Self.export(context))
    guard let filter = SeccompFilter(bytes: bytes) else {
      throw ContainrError(
        .seccomp, Self.activity,
        hint: "it has \(bytes.count / 8) instructions; the kernel takes \(Self.maximumInstructionCount)")
    }
    self = filter
  }

  private static let activity = "compiling the seccomp profile"

  /// The number of a call on this machine, or a negative one that libseccomp keeps for calls of other architectures; nil for a
  /// name that it does not know where that can only refuse more.
  private static func number(
    of name: String, in rule: SeccompRule, of profile: SeccompProfile
  ) throws(ContainrError) -> CInt? {
    let number = name.utf8.contains(0) ? __NR_SCMP_ERROR : seccomp_syscall_resolve_name(name)
    guard number == __NR_SCMP_ERROR else { return number }
    if rule.action.letsThrough || rule.action == profile.defaultAction { return nil }
    throw ContainrError(.seccomp, activity, hint: "libseccomp knows no system call \"\(name)\"")
  }

  private static func collect(
    _ rule: SeccompRule, of profile: SeccompProfile, into actions: inout [String: SeccompAction]
  ) throws(ContainrError) {
    try checkErrorNumber(rule.action)
    for name in rule.names where try number(of: name, in: rule, of: profile) != nil {
      guard actions.updateValue(rule.action, forKey: name) ?? rule.action == rule.action else {
        throw ContainrError(.seccomp, activity, hint: "two rules without conditions disagree about \(name)")
      }
    }
  }

  /// Gives a rule to libseccomp, and returns the names that it knows.
  private static func add(
    _ rule: SeccompRule, of profile: SeccompProfile, to context: scmp_filter_ctx, except unconditional: [String: SeccompAction]
  ) throws(ContainrError) -> [String] {
    try checkErrorNumber(rule.action)
    let comparisons = try rule.conditions.map { condition throws(ContainrError) in try comparison(condition) }
    var added: [String] = []
    for name in rule.names where unconditional[name] == nil {
      guard let number = try number(of: name, in: rule, of: profile) else { continue }
      added.append(name)
      // libseccomp refuses a rule that says what the default says.
      if rule.action == profile.defaultAction { continue }
      let result = seccomp_rule_add_array(
        context, rule.action.returnValue, number, CUnsignedInt(comparisons.count), comparisons)
      try checked(result, "seccomp_rule_add_array(3)", "adding the rule of \(name)")
    }
    return added
  }

  private static func checkErrorNumber(_ action: SeccompAction) throws(ContainrError) {
    guard case .errno(let number) = action, !(1...4095).contains(number) else { return }
    throw ContainrError(.seccomp, activity, hint: "an error number is 1 to 4095, not \(number)")
  }

  private static func comparison(_ condition: SeccompCondition) throws(ContainrError) -> scmp_arg_cmp {
    guard condition.argument < 6 else {
      throw ContainrError(.seccomp, activity, hint: "a system call has the arguments 0 to 5, not \(condition.argument)")
    }
    var first = condition.value
    var second: UInt64 = 0
    let operation: scmp_compare
    switch condition.comparison {
    case .equal: operation = SCMP_CMP_EQ
    case .notEqual: operation = SCMP_CMP_NE
    case .less: operation = SCMP_CMP_LT
    case .lessOrEqual: operation = SCMP_CMP_LE
    case .greater: operation = SCMP_CMP_GT
    case .greaterOrEqual: operation = SCMP_CMP_GE
    case .maskedEqual(let mask):
      operation = SCMP_CMP_MASKED_EQ
      (first, second) = (mask, condition.value)
    }
    return scmp_arg_cmp(arg: CUnsignedInt(condition.argument), op: operation, datum_a: first, datum_b: second)
  }

  /// The program as libseccomp writes it: 2.5 can write to a descriptor only.
  private static func export(_ context: scmp_filter_ctx) throws(ContainrError) -> [UInt8] {
    let file = OwnedDescriptor(
      owning: try check(cl_memfd_create("seccomp", 1), .seccomp, "memfd_create(2)", "exporting the seccomp filter"))
    try checked(seccomp_export_bpf(context, file.rawValue), "seccomp_export_bpf(3)", "exporting the seccomp filter")
    guard lseek(file.rawValue, 0, SEEK_SET) == 0 else {
      throw .errno(.current, .seccomp, "exporting the seccomp filter", call: "lseek(2)")
    }
    return try FileContents.read(file, limit: 1 << 20, "exporting the seccomp filter", code: .seccomp)
  }

  private static func checked(_ result: CInt, _ call: String, _ doing: @autoclosure () -> String) throws(ContainrError) {
    guard result < 0 else { return }
    throw ContainrError(
      .seccomp, "\(activity): \(doing())", systemCall: SystemCall(call, Errno(rawValue: -result)),
      hint: "libseccomp refuses it; a rule may name an argument once only")
  }
}
