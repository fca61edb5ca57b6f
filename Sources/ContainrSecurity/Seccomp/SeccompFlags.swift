/// How a filter is loaded (`seccomp(2)`, `SECCOMP_FILTER_FLAG_*`; runtime-spec config-linux.md#seccomp).
public struct SeccompFlags: OptionSet, Hashable, Sendable {
  /// The bits as the kernel has them.
  public let rawValue: UInt32

  /// Takes bits.
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// Every thread of the process gets the filter. A container's first process has one thread when it loads its filter.
  public static let threadSynchronization = SeccompFlags(rawValue: 1 << 0)
  /// Every action but ``SeccompAction/allow`` is written to the audit log, as far as `kernel.seccomp.actions_logged` says so.
  public static let log = SeccompFlags(rawValue: 1 << 1)
  /// Speculative execution stays as fast, and as readable for Spectre attacks, as without a filter.
  public static let speculationAllowed = SeccompFlags(rawValue: 1 << 2)
  /// Only a fatal signal interrupts a call that a supervisor has received (Linux 5.19). Needs ``SeccompAction/notify``.
  public static let waitKillable = SeccompFlags(rawValue: 1 << 5)

  /// The kernel gives a listener to who loads the filter. The compiler sets it where a profile notifies.
  static let newListener = SeccompFlags(rawValue: 1 << 3)
  /// A failed thread synchronization is an error number and no thread id: with a listener the kernel asks for it (Linux 5.7).
  static let threadSynchronizationError = SeccompFlags(rawValue: 1 << 4)

  static let names: [(name: String, flag: SeccompFlags)] = [
    ("SECCOMP_FILTER_FLAG_TSYNC", .threadSynchronization), ("SECCOMP_FILTER_FLAG_LOG", .log),
    ("SECCOMP_FILTER_FLAG_SPEC_ALLOW", .speculationAllowed), ("SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", .waitKillable),
  ]
}
