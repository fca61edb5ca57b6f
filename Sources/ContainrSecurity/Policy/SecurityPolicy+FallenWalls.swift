extension SecurityPolicy {
  /// Capabilities with which a process reaches beyond its container: by mounts, modules, raw devices, other processes'
  /// memory, other files, or the kernel's own settings.
  static let farReaching: CapabilitySet = [
    .sysAdmin, .sysModule, .sysRawio, .sysPtrace, .sysBoot, .sysTime, .dacReadSearch, .macAdmin, .macOverride, .syslog, .bpf,
    .perfmon, .linuxImmutable,
  ]

  /// What stands in ``default`` and has fallen here, as phrases for one line of a log. Empty for what is at least as safe.
  public var fallenWalls: [String] {
    var fallen: [String] = []
    if capabilities.addsAll {
      fallen.append("all capabilities")
    } else {
      let reaching = capabilities.added.intersection(Self.farReaching)
      if !reaching.isEmpty { fallen.append("capabilities \(reaching)") }
    }
    if seccomp == .unconfined { fallen.append("no system call filter") }
    if !noNewPrivileges { fallen.append("new privileges by set-user-id programs") }
    if appArmor == .unconfined { fallen.append("no AppArmor profile") }
    if landlock == .off { fallen.append("no Landlock rules") }
    // A comparison of two equal arrays is one of their addresses.
    if maskedPaths != MaskedPaths.default {
      let shown = Set(MaskedPaths.default).subtracting(maskedPaths)
      if !shown.isEmpty {
        fallen.append(maskedPaths.isEmpty ? "no hidden paths" : "shown \(shown.sorted().joined(separator: " "))")
      }
    }
    if readonlyPaths != ReadonlyPaths.default {
      let writable = Set(ReadonlyPaths.default).subtracting(readonlyPaths)
      if !writable.isEmpty {
        fallen.append(readonlyPaths.isEmpty ? "no read-only paths" : "writable \(writable.sorted().joined(separator: " "))")
      }
    }
    if allowsAllDevices { fallen.append("all devices") }
    return fallen
  }
}
