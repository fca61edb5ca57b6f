import ContainrCore
import ContainrSecurity
import Testing

@Suite struct SecurityPolicyTests {
  private let machine: SecurityMachine = {
    var machine = SecurityMachine()
    machine.capabilities = .named
    machine.landlock = LandlockABI(rawValue: 7)
    return machine
  }()

  @Test func defaultsAreSecure() throws {
    let policy = SecurityPolicy.default
    #expect(try policy.capabilities.resolve(available: .named) == .dockerDefault)
    #expect(policy.noNewPrivileges && policy.seccomp == .containerDefault && !policy.allowsAllDevices)
    #expect(policy.maskedPaths == MaskedPaths.default && policy.readonlyPaths == ReadonlyPaths.default)
    #expect(policy.fallenWalls.isEmpty && SecurityPolicy.strict.fallenWalls.isEmpty)
    #expect(SecurityPolicy.kubernetes(.restricted).fallenWalls.isEmpty)
  }

  @Test func strictAndRestrictedGiveNoCapability() throws {
    for policy in [SecurityPolicy.strict, .kubernetes(.restricted)] {
      #expect(try policy.capabilities.resolve(available: .named).isEmpty)
      #expect(policy.noNewPrivileges)
    }
    #expect(SecurityPolicy.kubernetes(.restricted).requiresOrdinaryUser)
    #expect(SecurityPolicy.strict.hasReadonlyRoot)
    let baseline = try SecurityPolicy.kubernetes(.baseline).capabilities.resolve(available: .named)
    #expect(baseline == CapabilitySet.dockerDefault.subtracting([.netRaw]))
  }

  @Test func whatFellIsNamed() {
    var policy = SecurityPolicy.privileged
    #expect(
      policy.fallenWalls == [
        "all capabilities", "no system call filter", "new privileges by set-user-id programs", "no AppArmor profile",
        "no Landlock rules", "no hidden paths", "no read-only paths", "all devices",
      ])
    policy = .default
    policy.capabilities.added = [.sysAdmin, .netAdmin]
    policy.maskedPaths.removeAll { $0 == "/proc/kcore" }
    #expect(policy.fallenWalls == ["capabilities cap_sys_admin", "shown /proc/kcore"])
    policy = .default
    policy.maskedPaths.append("/proc/more")
    policy.capabilities.dropped = [.kill]
    #expect(policy.fallenWalls.isEmpty)
  }

  @Test func aReportNamesEveryWallItsStateAndWhy() throws {
    let report = try SecurityPolicy.default.report(for: machine, sharesNetwork: true)
    #expect(report["capabilities"]?.state == .on && report["capabilities"]?.reason.hasPrefix("14 of 41: cap_chown,") == true)
    #expect(report["system calls"]?.state == .on && report["no new privileges"]?.state == .on)
    #expect(report["landlock"]?.reason == "denies beyond the container: abstract_unix_socket")
    #expect(report["apparmor"]?.state == .on && report["selinux"]?.state == .off)
    #expect(report["own core"]?.state == .off && report["hidden paths"]?.reason.contains("/proc/kcore") == true)
    #expect(Set(report.walls.map(\.name)).count == report.walls.count)
  }

  @Test func wallsOfAPrivilegedContainerAreOff() throws {
    let report = try SecurityPolicy.privileged.report(for: machine)
    for name in [
      "capabilities", "system calls", "no new privileges", "landlock", "apparmor", "hidden paths", "read-only paths", "devices",
    ] {
      #expect(report[name]?.state == .off, "\(name)")
    }
  }

  @Test func whatTheMachineCannotIsUnavailableAndSaysWhy() throws {
    var poor = machine
    poor.landlock = LandlockABI(rawValue: 5)
    poor.appArmorObstacle = "no parser"
    poor.hasSeccomp = false
    poor.hasKeyrings = false
    var policy = SecurityPolicy.default
    policy.hasOwnCore = true
    policy.seLinux = .container
    let report = try policy.report(for: poor, sharesNetwork: true)
    for name in ["landlock", "apparmor", "system calls", "keyring", "own core", "selinux"] {
      #expect(report[name]?.state == .unavailable, "\(name)")
    }
    #expect(report["apparmor"]?.reason == "no parser")
    #expect(report["landlock"]?.reason.contains("version 5") == true)
  }

  @Test func aReportPrintsAsATableAndAsJSON() throws {
    let report = SecurityReport(walls: [.init("a wall", .on, "it \"stands\"\n"), .init("b", .unavailable, "no")])
    #expect(report.description == "a wall  on           it \"stands\"\\n\nb       unavailable  no")
    #expect(
      report.json
        == #"[{"name":"a wall","state":"on","reason":"it \"stands\"\n"},{"name":"b","state":"unavailable","reason":"no"}]"#)
  }

  @Test func thisMachineCanBeReportedOn() throws {
    let current = try SecurityMachine.current()
    #expect(current.landlock == LandlockABI.ofKernel)
    #expect((current.appArmorObstacle == nil) <= AppArmor.isEnabled)
    #expect(try SecurityPolicy.default.report(for: current).walls.count > 10)
  }
}

private func <= (left: Bool, right: Bool) -> Bool { !left || right }
