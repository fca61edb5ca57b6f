extension Capability {
  /// Change the owner and group of any file.
  public static let chown = Capability(number: 0)
  /// Pass over permission checks on files.
  public static let dacOverride = Capability(number: 1)
  /// Read any file and search any directory; `open_by_handle_at(2)`.
  public static let dacReadSearch = Capability(number: 2)
  /// Act as the owner of any file.
  public static let fowner = Capability(number: 3)
  /// Keep set-id bits when a file changes.
  public static let fsetid = Capability(number: 4)
  /// Signal any process.
  public static let kill = Capability(number: 5)
  /// Change group ids.
  public static let setgid = Capability(number: 6)
  /// Change user ids.
  public static let setuid = Capability(number: 7)
  /// Drop from the bounding set and raise inheritable capabilities.
  public static let setpcap = Capability(number: 8)
  /// Set the immutable and append-only file attributes.
  public static let linuxImmutable = Capability(number: 9)
  /// Bind ports below 1024.
  public static let netBindService = Capability(number: 10)
  /// Broadcast and listen to multicast; unused by the kernel.
  public static let netBroadcast = Capability(number: 11)
  /// Configure the network.
  public static let netAdmin = Capability(number: 12)
  /// Use raw and packet sockets.
  public static let netRaw = Capability(number: 13)
  /// Lock memory.
  public static let ipcLock = Capability(number: 14)
  /// Pass over permission checks on System V IPC.
  public static let ipcOwner = Capability(number: 15)
  /// Load and unload kernel modules.
  public static let sysModule = Capability(number: 16)
  /// Reach I/O ports and raw devices.
  public static let sysRawio = Capability(number: 17)
  /// Use `chroot(2)` and join mount namespaces.
  public static let sysChroot = Capability(number: 18)
  /// Trace any process.
  public static let sysPtrace = Capability(number: 19)
  /// Switch process accounting.
  public static let sysPacct = Capability(number: 20)
  /// Mount, make namespaces, and much else.
  public static let sysAdmin = Capability(number: 21)
  /// Reboot and load another kernel.
  public static let sysBoot = Capability(number: 22)
  /// Raise priorities and choose scheduling policies.
  public static let sysNice = Capability(number: 23)
  /// Pass over resource limits.
  public static let sysResource = Capability(number: 24)
  /// Set the clock.
  public static let sysTime = Capability(number: 25)
  /// Configure terminals; `vhangup(2)`.
  public static let sysTtyConfig = Capability(number: 26)
  /// Make device nodes.
  public static let mknod = Capability(number: 27)
  /// Take leases on any file.
  public static let lease = Capability(number: 28)
  /// Write to the audit log.
  public static let auditWrite = Capability(number: 29)
  /// Configure auditing.
  public static let auditControl = Capability(number: 30)
  /// Set file capabilities.
  public static let setfcap = Capability(number: 31)
  /// Pass over mandatory access control.
  public static let macOverride = Capability(number: 32)
  /// Configure mandatory access control.
  public static let macAdmin = Capability(number: 33)
  /// Read and clear the kernel log.
  public static let syslog = Capability(number: 34)
  /// Wake the system by a timer.
  public static let wakeAlarm = Capability(number: 35)
  /// Keep the system from suspending.
  public static let blockSuspend = Capability(number: 36)
  /// Read the audit log.
  public static let auditRead = Capability(number: 37)
  /// Observe performance (Linux 5.8).
  public static let perfmon = Capability(number: 38)
  /// Use BPF (Linux 5.8).
  public static let bpf = Capability(number: 39)
  /// Checkpoint and restore (Linux 5.9).
  public static let checkpointRestore = Capability(number: 40)
}
