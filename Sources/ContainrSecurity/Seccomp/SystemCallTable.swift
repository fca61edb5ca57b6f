import CSeccomp
import Glibc

/// Numbers of system calls by name: libseccomp's tables, and what the kernel got since they were written.
enum SystemCallTable {
  /// The bit that x32 numbers have.
  static let x32Bit: UInt32 = 0x4000_0000

  /// The number of a call; nil where the architecture does not have it, or nobody knows the name.
  static func number(of name: String, on architecture: SeccompArchitecture) -> UInt32? {
    // What is behind a NUL byte libseccomp would not see.
    guard !name.utf8.contains(0) else { return nil }
    // For calls that 32-bit x86 can multiplex, libseccomp answers with numbers of its own, below 0.
    if architecture == .x86, let direct = multiplexed[name] { return direct }
    let number = seccomp_syscall_resolve_name_arch(architecture.rawValue, name)
    if number >= 0 { return UInt32(number) }
    if architecture == .x86_64, let own = newerOfX86[name] { return own }
    guard let newer = newer[name] else { return nil }
    return architecture == .x32 ? newer | x32Bit : newer
  }

  /// The name of a call; nil for a number that no call has.
  static func name(of number: UInt32, on architecture: SeccompArchitecture) -> String? {
    if let text = seccomp_syscall_resolve_num_arch(architecture.rawValue, CInt(bitPattern: number)) {
      defer { free(text) }
      return String(cString: text)
    }
    let plain = architecture == .x32 ? number & ~x32Bit : number
    guard architecture != .x32 || number & x32Bit != 0 else { return nil }
    if architecture == .x86_64, let own = newerOfX86.first(where: { $0.value == number }) { return own.key }
    return newer.first { $0.value == plain }?.key
  }

  /// Whether any architecture has a call of this name.
  static func isKnown(_ name: String) -> Bool {
    guard !name.utf8.contains(0) else { return false }
    return seccomp_syscall_resolve_name(name) != __NR_SCMP_ERROR || newer[name] != nil || newerOfX86[name] != nil
  }

  /// Since Linux 5.1 a new call has one number on every architecture (`scripts/syscall.tbl`; here up to Linux 6.18).
  private static let newer: [String: UInt32] = [
    "set_mempolicy_home_node": 450, "cachestat": 451, "fchmodat2": 452, "map_shadow_stack": 453, "futex_wake": 454,
    "futex_wait": 455, "futex_requeue": 456, "statmount": 457, "listmount": 458, "lsm_get_self_attr": 459,
    "lsm_set_self_attr": 460, "lsm_list_modules": 461, "mseal": 462, "setxattrat": 463, "getxattrat": 464,
    "listxattrat": 465, "removexattrat": 466, "open_tree_attr": 467, "file_getattr": 468, "file_setattr": 469,
  ]

  /// Calls of 64-bit x86 alone (`arch/x86/entry/syscalls/syscall_64.tbl`).
  private static let newerOfX86: [String: UInt32] = ["uretprobe": 335, "uprobe": 336]

  /// The direct calls of 32-bit x86 (Linux 4.3) that `socketcall(2)` and `ipc(2)` do as well.
  private static let multiplexed: [String: UInt32] = {
    var numbers: [String: UInt32] = [:]
    // From recvmmsg to msgctl.
    for number in UInt32(337)...402 {
      guard let text = seccomp_syscall_resolve_num_arch(SeccompArchitecture.x86.rawValue, CInt(number)) else { continue }
      defer { free(text) }
      numbers[String(cString: text)] = number
    }
    return numbers
  }()
}
