import CContainrLinux
import ContainrCore

extension CapabilitySet {
  /// The 14 capabilities that Docker gives a container by default.
  public static let dockerDefault: CapabilitySet = [
    .auditWrite, .chown, .dacOverride, .fowner, .fsetid, .kill, .mknod, .netBindService, .netRaw, .setfcap, .setgid,
    .setpcap, .setuid, .sysChroot,
  ]

  /// The 41 capabilities that have a name here; the kernel may have more, see ``ofKernel()``.
  public static let named = CapabilitySet(rawValue: (1 << 41) - 1)

  /// Every capability of the running kernel.
  ///
  /// - Throws: as ``Capability/lastOfKernel()`` does.
  public static func ofKernel() throws(ContainrError) -> CapabilitySet {
    let last = try Capability.lastOfKernel()
    return CapabilitySet(rawValue: last.rawValue == 63 ? .max : (1 << (UInt64(last.rawValue) + 1)) - 1)
  }

  /// What the caller can hand to a child in its own user namespace: its permitted set, cut to its bounding set.
  ///
  /// A child in a new user namespace starts with every capability there, whatever this says (`user_namespaces(7)`).
  ///
  /// - Throws: `CAPABILITY` where `capget(2)` fails.
  public static func heldByCaller() throws(ContainrError) -> CapabilitySet {
    var sets = cl_capability_sets()
    try check(cl_capability_read(&sets), .capability, "capget(2)", "reading the capabilities of this process")
    return CapabilitySet(rawValue: sets.permitted & sets.bounding)
  }
}
