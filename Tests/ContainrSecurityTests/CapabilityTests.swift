import CContainrLinux
import ContainrCore
import ContainrSecurity
import ContainrTestSupport
import SystemPackage
import Testing

@Suite struct CapabilityTests {
  @Test func namesAreThoseOfLibcapInTheKernelsOrder() throws {
    #expect(CapabilitySet.named.count == 41)
    let names = CapabilitySet.named.map(\.name)
    #expect(names.first == "cap_chown" && names.last == "cap_checkpoint_restore")
    #expect(Capability.sysAdmin.name == "cap_sys_admin" && Capability.netBindService.ociName == "CAP_NET_BIND_SERVICE")
    for capability in CapabilitySet.named { #expect(try Capability(named: capability.name) == capability) }
  }

  @Test func memberNamesMatchTheKernelsNames() throws {
    let members: [(Capability, String)] = [
      (.dacReadSearch, "DAC_READ_SEARCH"), (.setpcap, "SETPCAP"), (.linuxImmutable, "LINUX_IMMUTABLE"),
      (.netAdmin, "NET_ADMIN"),
      (.ipcOwner, "IPC_OWNER"), (.sysRawio, "SYS_RAWIO"), (.sysPtrace, "SYS_PTRACE"), (.sysPacct, "SYS_PACCT"),
      (.sysResource, "SYS_RESOURCE"), (.sysTtyConfig, "SYS_TTY_CONFIG"), (.mknod, "MKNOD"), (.auditControl, "AUDIT_CONTROL"),
      (.setfcap, "SETFCAP"), (.macAdmin, "MAC_ADMIN"), (.syslog, "SYSLOG"), (.wakeAlarm, "WAKE_ALARM"),
      (.auditRead, "AUDIT_READ"), (.perfmon, "PERFMON"), (.bpf, "BPF"),
    ]
    for (member, name) in members { #expect(try Capability(named: name) == member) }
  }

  @Test(arguments: ["NET_ADMIN", "net_admin", "CAP_NET_ADMIN", "cap_net_admin", "Cap_Net_Admin"])
  func nameIsReadWithOrWithoutPrefixInAnyCase(name: String) throws {
    #expect(try Capability(named: name) == .netAdmin)
  }

  @Test(arguments: [
    "", "CAP_", "ALL", "NET_ADMI", "NET_ADMINX", "net admin", "12", "cap_12", "CAP_CAP_KILL", "kill,chown", "kill=ep", "kill\0",
    " kill",
    "ｋill",
  ])
  func unknownNameIsAnError(name: String) {
    #expect(throws: (any Error).self) { try Capability(named: name) }
    do { _ = try Capability(named: name) } catch { #expect(error.code == .capability) }
  }

  @Test func numberPastTheNamedOnesIsTolerated() {
    #expect(Capability(rawValue: 45)?.name == "45")
    #expect(Capability(rawValue: 64) == nil)
    #expect(CapabilitySet(rawValue: 1 << 63 | 1).description == "cap_chown,63")
  }

  @Test func kernelHasAtLeastTheCapabilitiesOfLinux5_9() throws {
    #expect(try Capability.lastOfKernel() >= .checkpointRestore)
    #expect(try CapabilitySet.ofKernel().isSuperset(of: .named))
  }
}

@Suite struct CapabilityResolutionTests {
  let all = CapabilitySet.named

  @Test func defaultsAreDockers14() {
    // 0xa80425fb is what /proc/1/status shows in a Docker container.
    #expect(CapabilitySet.dockerDefault.rawValue == 0xa804_25fb)
    #expect(CapabilitySet.dockerDefault.count == 14)
  }

  @Test func isExactlyDefaultsMinusDroppedPlusAdded() throws {
    let adjustment = try CapabilityAdjustment(add: ["SYS_TIME", "cap_chown"], drop: ["NET_RAW", "CHOWN"])
    let expected = CapabilitySet.dockerDefault.subtracting([.netRaw]).union([.sysTime])
    #expect(try adjustment.resolve(available: all) == expected)
    #expect(try CapabilityAdjustment().resolve(available: all) == .dockerDefault)
  }

  @Test func addAllIsEverythingButWhatIsDropped() throws {
    let adjustment = try CapabilityAdjustment(add: ["all"], drop: ["MKNOD"])
    #expect(try adjustment.resolve(available: all) == all.subtracting([.mknod]))
  }

  @Test func dropAllLeavesWhatIsAdded() throws {
    #expect(try CapabilityAdjustment(add: ["KILL"], drop: ["ALL"]).resolve(available: all) == [.kill])
    #expect(try CapabilityAdjustment(add: [], drop: ["ALL"]).resolve(available: all).isEmpty)
  }

  @Test func allOnBothSidesIsRefused() throws {
    let adjustment = try CapabilityAdjustment(add: ["ALL"], drop: ["ALL"])
    do { _ = try adjustment.resolve(available: all) } catch { #expect(error.code == .invalidConfiguration) }
    #expect(throws: ContainrError.self) { try adjustment.resolve(available: all) }
  }

  @Test func allIsCutToWhatTheCallerHolds() throws {
    let held = all.subtracting([.sysResource])
    #expect(try CapabilityAdjustment(addsAll: true).resolve(available: held) == held)
    #expect(try CapabilityAdjustment().resolve(available: [.chown]) == [.chown])
  }

  @Test func capabilityAskedForByNameThatTheCallerLacksIsAnError() throws {
    let adjustment = try CapabilityAdjustment(add: ["SYS_RESOURCE"])
    do {
      _ = try adjustment.resolve(available: all.subtracting([.sysResource]))
      Issue.record("resolved")
    } catch { #expect(error.code == .capability && error.activity.contains("cap_sys_resource")) }
  }

  @Test func rootHoldsWhatItIsGranted() throws {
    let sets = try Capabilities(granting: .dockerDefault, toUser: 0)
    #expect(sets.bounding == .dockerDefault && sets.effective == .dockerDefault && sets.permitted == .dockerDefault)
    #expect(sets.ambient.isEmpty)
  }

  @Test("CVE-2022-29162, CVE-2022-27650, CVE-2025-27612: inheritable capabilities are empty", arguments: [0, 1000] as [UInt32])
  func inheritableIsEmpty(uid: UInt32) throws {
    #expect(try Capabilities(granting: .named, toUser: uid).inheritable.isEmpty)
  }

  @Test func otherUsersHoldNothingButAmbientOnes() throws {
    let plain = try Capabilities(granting: .dockerDefault, toUser: 1000)
    #expect(plain.bounding == .dockerDefault && plain.effective.isEmpty && plain.permitted.isEmpty)
    let ambient = try Capabilities(granting: .dockerDefault, toUser: 1000, ambient: [.netBindService])
    #expect(ambient.ambient == [.netBindService] && ambient.permitted == [.netBindService])
    #expect(ambient.inheritable == [.netBindService] && ambient.effective == [.netBindService])
    #expect(throws: ContainrError.self) { try Capabilities(granting: .dockerDefault, toUser: 1000, ambient: [.sysAdmin]) }
  }

  @Test func callersSetsAreThoseThatTheKernelShows() throws {
    let status = try FileContents.text("/proc/self/status")
    func bits(_ key: String) -> UInt64? {
      status.split(separator: "\n").first { $0.hasPrefix(key) }.flatMap { UInt64($0.split(separator: "\t")[1], radix: 16) }
    }
    let sets = try Capabilities.ofCaller()
    #expect(sets.effective.rawValue == bits("CapEff") && sets.permitted.rawValue == bits("CapPrm"))
    #expect(sets.bounding.rawValue == bits("CapBnd") && sets.inheritable.rawValue == bits("CapInh"))
    #expect(sets.ambient.rawValue == bits("CapAmb"))
    #expect(try CapabilitySet.heldByCaller() == sets.permitted.intersection(sets.bounding))
  }
}
