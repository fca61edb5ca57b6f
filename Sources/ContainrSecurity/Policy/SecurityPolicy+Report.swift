import ContainrCore

extension SecurityPolicy {
  /// Every wall, whether it stands on a machine, and why.
  ///
  /// - Parameters:
  ///   - machine: what there is to build from, ``SecurityMachine/current()``.
  ///   - sharesNetwork: whether the container is on a network namespace of others.
  /// - Throws: `CAPABILITY`, `INVALID_CONFIGURATION` for capabilities that cannot be given.
  public func report(for machine: SecurityMachine, sharesNetwork: Bool = false) throws(ContainrError) -> SecurityReport {
    let granted = try capabilities.resolve(available: machine.capabilities)
    return SecurityReport(walls: [
      capabilityWall(granted, machine), userWall,
      noNewPrivileges
        ? .init("no new privileges", .on, "set-user-id programs and file capabilities give nothing")
        : .init("no new privileges", .off, "set-user-id programs give what the bounding set has"),
      seccompWall(machine, granted), landlockWall(machine, granted, sharesNetwork: sharesNetwork), appArmorWall(machine),
      seLinuxWall(machine),
      Self.paths("hidden paths", maskedPaths), Self.paths("read-only paths", readonlyPaths),
      hasReadonlyRoot
        ? .init("read-only root", .on, "changes go to volumes and memory only")
        : .init("read-only root", .off, "the root has a writable layer"),
      allowsAllDevices
        ? .init("devices", .off, "every device of the host, and writable sysfs and cgroups")
        : .init("devices", .on, "null, zero, full, random, urandom, tty and terminals of its own"),
      machine.hasKeyrings
        ? .init("keyring", .on, "a new session keyring") : .init("keyring", .unavailable, "the kernel has no keyrings"),
      .init("descriptors", .on, "closed above standard error"),
      .init("inspection", .on, "no process inside can look into what still holds anything of the host"),
      coreWall(machine),
    ])
  }

  private func capabilityWall(_ granted: CapabilitySet, _ machine: SecurityMachine) -> SecurityReport.Wall {
    if granted == machine.capabilities, capabilities.addsAll {
      return .init("capabilities", .off, "all \(granted.count) that this program holds")
    }
    let ambient = ambientCapabilities.isEmpty ? "" : "; ambient \(ambientCapabilities)"
    return .init("capabilities", .on, "\(granted.count) of \(machine.capabilities.count): \(granted)\(ambient)")
  }

  private var userWall: SecurityReport.Wall {
    requiresOrdinaryUser
      ? .init("ordinary user", .on, "user 0 is refused") : .init("ordinary user", .off, "user 0 is allowed")
  }

  private func seccompWall(_ machine: SecurityMachine, _ granted: CapabilitySet) -> SecurityReport.Wall {
    if seccomp == .unconfined { return .init("system calls", .off, "all of the kernel's can be reached") }
    guard machine.hasSeccomp else { return .init("system calls", .unavailable, "the kernel does not filter system calls") }
    return .init(
      "system calls", .on,
      seccomp == .containerDefault ? "the default filter for the granted capabilities" : "a filter of the caller's own")
  }

  private func landlockWall(
    _ machine: SecurityMachine, _ granted: CapabilitySet, sharesNetwork: Bool
  ) -> SecurityReport.Wall {
    guard let wanted = landlock.ruleset(sharesNetwork: sharesNetwork, capabilities: granted), !wanted.isEmpty else {
      return .init(
        "landlock", .off,
        landlock == .off
          ? "no rules"
          : granted.contains(.sysAdmin)
            ? "rules would be in the way of cap_sys_admin" : "a network namespace of its own needs no rules")
    }
    let (rules, missing) = wanted.supported(by: machine.landlock)
    let lost = missing.isEmpty ? "" : "; not known to this kernel: \(missing.joined(separator: ", "))"
    guard !rules.isEmpty else {
      return .init(
        "landlock", .unavailable, machine.landlock.map { "the kernel has version \($0)\(lost)" } ?? "the kernel has none")
    }
    let denied = [
      rules.deniedFiles.isEmpty ? nil : "\(rules.deniedFiles)", rules.deniedNetwork.isEmpty ? nil : "\(rules.deniedNetwork)",
      rules.scope.isEmpty ? nil : "beyond the container: \(rules.scope)",
    ].compactMap { $0 }
    let granting = rules.rules.isEmpty ? "" : " save by \(rules.rules.count) rules"
    return .init("landlock", .on, "denies \(denied.joined(separator: ", "))\(granting)\(lost)")
  }

  private func appArmorWall(_ machine: SecurityMachine) -> SecurityReport.Wall {
    switch appArmor {
    case .unconfined: return .init("apparmor", .off, "unconfined")
    case .automatic:
      if let obstacle = machine.appArmorObstacle { return .init("apparmor", .unavailable, obstacle) }
      return .init("apparmor", .on, AppArmorProfile.containerDefault.name)
    case .profile(let name): return .init("apparmor", .on, name)
    case .stacked(let name): return .init("apparmor", .on, "\(name), on top of this program's profile")
    }
  }

  private func seLinuxWall(_ machine: SecurityMachine) -> SecurityReport.Wall {
    guard seLinux.isEnabled else { return .init("selinux", .off, "the label of this program") }
    guard let enforces = machine.seLinuxEnforces else {
      return .init("selinux", .unavailable, "the kernel does not run SELinux: a start will fail")
    }
    let parts = [seLinux.user, seLinux.role, seLinux.type, seLinux.level].compactMap { $0 }
    let label = parts.isEmpty ? "the policy's label for containers" : parts.joined(separator: ":")
    return .init("selinux", enforces ? .on : .off, enforces ? label : "\(label); SELinux is permissive, it only logs")
  }

  private static func paths(_ name: String, _ paths: [String]) -> SecurityReport.Wall {
    .init(name, paths.isEmpty ? .off : .on, paths.isEmpty ? "none" : paths.joined(separator: " "))
  }

  private func coreWall(_ machine: SecurityMachine) -> SecurityReport.Wall {
    guard hasOwnCore else { return .init("own core", .off, "cores are shared with other programs") }
    return machine.hasCoreScheduling
      ? .init("own core", .on, "a core is shared with the container's own processes only")
      : .init("own core", .unavailable, "the kernel or the processor cannot: a start will fail")
  }
}
