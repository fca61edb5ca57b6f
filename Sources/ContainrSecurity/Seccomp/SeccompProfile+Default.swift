extension SeccompProfile {
  /// The profile of a container that holds `capabilities`.
  ///
  /// It lets through what programs in containers rely on, which is what Docker's documented default lets through, with these
  /// decisions:
  ///
  /// - A call that only the holder of a capability can use is open to containers that hold it: with `CAP_SYS_ADMIN` mounts,
  ///   `unshare`, `setns` and `clone` with new namespaces; with `CAP_SYS_MODULE` kernel modules; and so on.
  /// - Without `CAP_SYS_ADMIN`, `clone` is refused with any `CLONE_NEW*` flag. The flags of `clone3` lie in memory, where no
  ///   filter sees them, so it answers `ENOSYS`, at which C libraries use `clone`.
  /// - `ptrace` and `process_vm_*` are open: since Linux 4.8 a tracer cannot get past a filter.
  /// - `personality` may ask, and set the values that Docker documents: Linux, 32-bit Linux, each with or without `UNAME26`.
  /// - A socket may have any family but `AF_VSOCK`, which would reach the hypervisor, `AF_ALG`, a wide way into the kernel's
  ///   cryptography that programs in containers do without, and those above 47, which no kernel has. 32-bit x86 must use
  ///   `socket(2)` itself, as every C library does since Linux 4.3, not `socketcall(2)`.
  /// - Keyrings, `kexec`, swap and `io_uring` stay closed with any capability.
  /// - Calls that are known and not open answer `EPERM`; newer ones than the profile knows answer `ENOSYS`, so that a newer C
  ///   library falls back.
  public static func containerDefault(for capabilities: CapabilitySet = .dockerDefault) -> SeccompProfile {
    var open = ContainerSystemCalls.open
    // A call may have several keys, one of which is enough.
    var unlocked: Set<String> = []
    for gate in ContainerSystemCalls.gated where capabilities.contains(gate.capability) { unlocked.formUnion(gate.names) }
    let locked = Set(ContainerSystemCalls.gated.flatMap(\.names)).subtracting(unlocked)
    open += unlocked.sorted()

    var rules = [SeccompRule(.allow, open)]
    for value: UInt32 in [0, 0x0008, 0x2_0000, 0x2_0008, 0xffff_ffff] {
      rules.append(SeccompRule(.allow, ["personality"], when: [.low32(of: 0, equals: value)]))
    }
    // Every int below 48 but 38 and 40, as prefixes: a "not equal" of 64 bits could be met by setting the upper half.
    for (mask, value): (UInt64, UInt64) in [
      (0xffff_ffe0, 0), (0xffff_fffc, 32), (0xffff_fffe, 36), (0xffff_ffff, 39), (0xffff_ffff, 41), (0xffff_fffe, 42),
      (0xffff_fffc, 44),
    ] {
      let family = SeccompCondition(argument: 0, .maskedEqual(mask: mask), value)
      rules.append(SeccompRule(.allow, ["socket", "socketpair"], when: [family]))
    }
    if !unlocked.contains("clone") {
      rules.append(SeccompRule(.allow, ["clone"], when: [.noBits(of: newNamespaceFlags, in: 0)]))
      rules.append(SeccompRule(.errno(38), ["clone3"]))
    }
    // These say what the default says. They are here for the reader, and to be known as no newer calls.
    let closed = ContainerSystemCalls.closed + locked.subtracting(["clone", "clone3"]).sorted()
    rules.append(SeccompRule(.errno(1), closed))
    return SeccompProfile(defaultAction: .errno(1), newerCalls: .errno(38), rules: rules)
  }

  /// To be raised with any change of ``containerDefault(for:)``: cached filters are named after it.
  static let containerDefaultRevision = 2

  /// `CLONE_NEW*` of mnt, cgroup, uts, ipc, user, pid, net. `CLONE_NEWTIME` has the bits of an exit signal in `clone(2)`.
  private static let newNamespaceFlags: UInt64 = 0x7e02_0000
}
