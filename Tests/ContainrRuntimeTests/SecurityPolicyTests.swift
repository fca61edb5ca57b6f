import CContainrLinux
import ContainrRuntime
import ContainrTestSupport
import Glibc
import SystemPackage
import Testing

extension Requirement {
  fileprivate static func landlock(_ version: Int) -> Requirement {
    Requirement("Landlock version \(version)") { (LandlockABI.ofKernel?.rawValue ?? 0) >= version }
  }
  fileprivate static let appArmor = Requirement("a kernel that runs AppArmor") { AppArmor.isEnabled }
  fileprivate static let noAppArmor = Requirement("a kernel without AppArmor") { !AppArmor.isEnabled }
  fileprivate static let seLinux = Requirement("a kernel that runs SELinux with a policy") { SELinux.isEnabled }
  fileprivate static let coreScheduling = Requirement("core scheduling") {
    do { return try SecurityMachine.current().hasCoreScheduling } catch { return false }
  }
}

@Suite(.requires(.root, .file("/bin/busybox"))) struct SecurityPolicyTests {
  /// Files may be made below /tmp only.
  private var rules: LandlockRuleset {
    var rules = LandlockRuleset(denying: [.makeFile, .makeDirectory, .makeCharacterDevice])
    rules.allow([.makeFile, .makeDirectory], below: "/tmp")
    return rules
  }
  private let script = """
    (>/tmp/new) && echo made; (>/new) 2>/dev/null || echo refused; mknod /tmp/null c 1 3 2>/dev/null || echo no device
    """

  @Test(.requires(.landlock(1)), arguments: [(true, "root"), (false, "root"), (true, "nobody"), (false, "nobody")])
  func landlockRulesHoldForTheFirstProgramAndThoseExecutedLater(noNewPrivileges: Bool, user: String) async throws {
    let expected = "made\nrefused\nno device\n"
    try await Fixture.with { fixture async throws in
      let change = { (configuration: inout ContainerConfiguration) in
        configuration.landlock = .ruleset(rules)
        configuration.process.noNewPrivileges = noNewPrivileges
        configuration.process.user = try UserSpecification(parsing: user)
        configuration.rootFS.mounts.append(.tmpfs(at: try RootedPath("/tmp")))
      }
      #expect(try await fixture.shell(script, change).output == expected)
      try await fixture.withShell(change) { container async throws in
        #expect(try await fixture.execute(script, in: container).output == expected)
      }
    }
  }

  @Test(.requires(.landlock(1))) func withoutTheRulesTheSameIsPossible() async throws {
    try await Fixture.with { fixture async throws in
      let output = try await fixture.shell(script) { $0.rootFS.mounts.append(.tmpfs(at: try RootedPath("/tmp"))) }.output
      #expect(output == "made\n")
    }
  }

  @Test("CVE-2020-15257: a container on the host's network is kept from its abstract sockets", .requires(.landlock(6)))
  func abstractSocketsOfTheHost() async throws {
    try await Fixture.with { fixture async throws in
      func scopes(_ change: @Sendable (inout ContainerConfiguration) -> Void) async throws -> [UInt64] {
        var configuration = fixture.configuration("true")
        change(&configuration)
        return try await withContainer(configuration, in: fixture.state) { container async throws in
          _ = try await container.wait()
          return await container.plan!.operations.compactMap {
            if case .landlockRuleset(_, files: 0, network: 0, let scopes) = $0 { scopes } else { nil }
          }
        }
      }
      #expect(try await scopes { $0.network = .host } == [1])
      #expect(
        try await scopes {
          $0.network = .host; $0.landlock = .off
        } == [])
      #expect(
        try await scopes {
          $0.network = .host; $0.makePrivileged()
        } == [])
      // With a network of its own there is nothing to reach, and the start does nothing more for it.
      #expect(try await scopes { _ in } == [])
    }
  }

  @Test func aStrictContainerHasNoCapabilityAndChangesNothing() async throws {
    try await Fixture.with { fixture async throws in
      let (output, _) = try await fixture.shell("cat /proc/self/status; (>/new) 2>&1") { $0.security = .strict }
      for set in ["CapEff", "CapPrm", "CapBnd", "CapInh", "CapAmb"] { #expect(field(set, of: output) == "0000000000000000") }
      #expect(field("Seccomp", of: output) == "2" && field("NoNewPrivs", of: output) == "1")
      #expect(output.contains("Read-only file system"))
    }
  }

  @Test func theRestrictedLevelOfKubernetesRefusesRoot() async throws {
    try await Fixture.with { fixture async throws in
      var configuration = fixture.configuration("id", "-u")
      configuration.security = .kubernetes(.restricted)
      let error = try await fixture.refusal(configuration)
      #expect(error.code == .invalidConfiguration && error.hint?.contains("user 0") == true)
      configuration.process.user = try UserSpecification(parsing: "65534")
      #expect(try await fixture.run(configuration).output == "65534\n")
    }
  }

  @Test func anOrdinaryUserHasItsAmbientCapabilitiesAndSoHavePrograms() async throws {
    try await Fixture.with { fixture async throws in
      let change = { (configuration: inout ContainerConfiguration) in
        configuration.process.user = try UserSpecification(parsing: "65534")
        configuration.process.ambientCapabilities = [.netBindService]
      }
      let expected = "0000000000000400"
      let (status, _) = try await fixture.shell("cat /proc/self/status", change)
      for set in ["CapEff", "CapPrm", "CapAmb"] { #expect(field(set, of: status) == expected) }
      try await fixture.withShell(change) { container async throws in
        let (status, _) = try await fixture.execute("cat /proc/self/status", in: container)
        for set in ["CapEff", "CapPrm", "CapAmb"] { #expect(field(set, of: status) == expected) }
      }
      var configuration = fixture.configuration("true")
      configuration.process.ambientCapabilities = [.sysAdmin]
      #expect(try await fixture.refusal(configuration).code == .capability)
    }
  }

  @Test(.requires(.coreScheduling)) func aContainerCanHaveACoreOfItsOwn() async throws {
    try await Fixture.with { fixture async throws in
      #expect(try await fixture.shell("echo here") { $0.hasOwnCore = true }.output == "here\n")
    }
  }

  @Test(.requires(.noAppArmor)) func aProfileByNameIsRefusedWhereTheKernelHasNone() async throws {
    try await Fixture.with { fixture async throws in
      var configuration = fixture.configuration("true")
      configuration.appArmor = .profile("mine")
      #expect(try await fixture.refusal(configuration).code == .securityModule)
    }
  }

  @Test(.requires(.appArmor, .file("/usr/sbin/apparmor_parser")))
  func theDefaultProfileConfinesTheFirstProgramAndThoseExecutedLater() async throws {
    let script = "cat /proc/self/attr/current"
    try await Fixture.with { fixture async throws in
      #expect(try await fixture.shell(script).output == "containr-default (enforce)\n")
      #expect(try await fixture.shell(script) { $0.makePrivileged() }.output.hasPrefix("unconfined"))
      // Not even with every capability.
      let all = try await fixture.shell("mount -t tmpfs none /tmp 2>&1 || echo refused") {
        $0.makePrivileged()
        $0.appArmor = .automatic
      }
      #expect(all.output.hasSuffix("refused\n"))
      try await fixture.withShell { container async throws in
        #expect(try await fixture.execute(script, in: container).output == "containr-default (enforce)\n")
      }
      var configuration = fixture.configuration("true")
      configuration.appArmor = .profile("no-such-profile")
      #expect(try await fixture.refusal(configuration).code == .securityModule)
    }
  }

  @Test(.requires(.seLinux)) func aLabelHoldsForTheFirstProgramAndThoseExecutedLater() async throws {
    let expected = "system_u:system_r:svirt_t:s0:c1,c2"
    let label = SELinuxConfiguration(try SELinuxContext(parsing: expected))
    let script = "tr -d '\\0' </proc/self/attr/current"
    try await Fixture.with { fixture async throws in
      #expect(try await fixture.shell(script) { $0.seLinux = label }.output == expected)
      #expect(try await fixture.shell(script).output != expected)
      try await fixture.withShell({ $0.seLinux = label }) { container async throws in
        #expect(try await fixture.execute(script, in: container).output == expected)
      }
    }
  }

  @Test func whatFellIsNamed() async throws {
    try await Fixture.with { fixture async throws in
      var configuration = fixture.configuration("true")
      #expect(configuration.fallenWalls.isEmpty && configuration.security == .default)
      configuration.rootFS.mounts.append(.bind(from: "/", to: try RootedPath("/host"), readOnly: true))
      #expect(configuration.fallenWalls == ["the host's root at /host"])
      configuration.makePrivileged()
      #expect(configuration.security == .privileged && configuration.fallenWalls.contains("all devices"))
      configuration.security = .default
      #expect(configuration.security == .default && configuration.resources.devices == DeviceRule.containerDefaults)
    }
  }
}
