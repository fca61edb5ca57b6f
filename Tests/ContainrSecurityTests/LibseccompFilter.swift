import CSeccomp
import ContainrCore
import Glibc

@testable import ContainrSecurity

/// The same profile, compiled by libseccomp alone: another author's reading of the rules.
enum LibseccompFilter {
  struct Refused: Error { let what: String, result: CInt }

  /// Compiles as runc does: rules that say what the default says are left out, and so are unknown names.
  static func compile(_ profile: SeccompProfile, for machine: SeccompArchitecture = .native) throws -> FilterSimulator {
    guard let context = seccomp_init(value(profile.defaultAction)) else { throw Refused(what: "init", result: 0) }
    defer { seccomp_release(context) }
    func check(_ result: CInt, _ what: String) throws {
      guard result >= 0 || result == -EEXIST else { throw Refused(what: what, result: result) }
    }
    try check(seccomp_attr_set(context, SCMP_FLTATR_CTL_OPTIMIZE, 2), "optimize")
    try check(seccomp_attr_set(context, SCMP_FLTATR_ACT_BADARCH, 0x8000_0000), "bad architecture")
    let wanted = profile.architectures.isEmpty ? [machine] : profile.architectures
    for architecture in wanted where architecture != .native {
      try check(seccomp_arch_add(context, architecture.rawValue), "architecture")
    }
    if !wanted.contains(.native) {
      try check(seccomp_arch_remove(context, SeccompArchitecture.native.rawValue), "native")
    }
    for rule in profile.rules where rule.action != profile.defaultAction {
      let comparisons = rule.conditions.map(comparison)
      for name in rule.names {
        let number = seccomp_syscall_resolve_name(name)
        guard number != __NR_SCMP_ERROR else { continue }
        try check(
          seccomp_rule_add_array(context, value(rule.action), number, UInt32(comparisons.count), comparisons), name)
      }
    }
    var template = Array("/tmp/containr-filter-XXXXXX".utf8CString)
    let file = OwnedDescriptor(owning: mkstemp(&template))
    unlink(template)
    try check(seccomp_export_bpf(context, file.rawValue), "export")
    lseek(file.rawValue, 0, SEEK_SET)
    return FilterSimulator(try FileContents.read(file, "reading the exported filter"))
  }

  private static func value(_ action: SeccompAction) -> UInt32 {
    switch action {
    case .killProcess: 0x8000_0000
    case .killThread: 0
    case .trap: 0x0003_0000
    case .errno(let number): 0x0005_0000 | UInt32(number)
    case .notify: 0x7fc0_0000
    case .trace(let number): 0x7ff0_0000 | UInt32(number)
    case .log: 0x7ffc_0000
    case .allow: 0x7fff_0000
    }
  }

  private static func comparison(_ condition: SeccompCondition) -> scmp_arg_cmp {
    var result = scmp_arg_cmp(arg: UInt32(condition.argument), op: SCMP_CMP_EQ, datum_a: condition.value, datum_b: 0)
    switch condition.comparison {
    case .equal: result.op = SCMP_CMP_EQ
    case .notEqual: result.op = SCMP_CMP_NE
    case .less: result.op = SCMP_CMP_LT
    case .lessOrEqual: result.op = SCMP_CMP_LE
    case .greater: result.op = SCMP_CMP_GT
    case .greaterOrEqual: result.op = SCMP_CMP_GE
    case .maskedEqual(let mask):
      result.op = SCMP_CMP_MASKED_EQ
      (result.datum_a, result.datum_b) = (mask, condition.value)
    }
    return result
  }
}

extension SystemCallTable {
  static func isNewerThanLibseccomp(_ number: UInt32, on architecture: SeccompArchitecture) -> Bool {
    guard let text = seccomp_syscall_resolve_num_arch(architecture.rawValue, CInt(bitPattern: number)) else {
      return name(of: number, on: architecture) != nil
    }
    free(text)
    return false
  }
}
