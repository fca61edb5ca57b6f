import CContainrLinux
import ContainrCore
import ContainrLaunch
import ContainrTestSupport
import Glibc
import SystemPackage
import Testing

@testable import ContainrSecurity

extension Requirement {
  static let appArmor = Requirement("a kernel that runs AppArmor") { AppArmor.isEnabled }
  static let noAppArmor = Requirement("a kernel without AppArmor") { !AppArmor.isEnabled }
  static let seLinux = Requirement("a kernel that runs SELinux with a policy") { SELinux.isEnabled }
  static let noSELinux = Requirement("a kernel without SELinux") { !SELinux.isEnabled }
}

/// Runs a shell script with labels asked for at its start, and gives what it printed.
private func shell(_ script: String, labels: [SecurityLabel]) async throws -> String {
  try await run(
    { plan in
      let procfs = plan.makeSlot()
      plan.append(.open(procfs, directory: .workingDirectory, path: "/proc", flags: CInt(CL_O_PATH) | O_DIRECTORY))
      for label in labels { plan.append(label: label, procfs: procfs) }
    }, paths: ["/bin/busybox"], arguments: ["sh", "-c", script]
  ).0
}

@Suite struct SecurityModuleTests {
  @Test func modulesAreThoseOfSecurityfsOrTheKernelsList() throws {
    let running = try SecurityModule.running()
    if access("/sys/kernel/security/lsm", F_OK) == 0 {
      let text = try FileContents.text("/sys/kernel/security/lsm")
      #expect(running?.map(\.rawValue).joined(separator: ",") == text.trimmed)
    }
    if let running { #expect(running.contains(SecurityModule(rawValue: "capability"))) }
    if let running {
      #expect(running.contains(.landlock) == (LandlockABI.ofKernel != nil))
      #expect(running.contains(.appArmor) == AppArmor.isEnabled)
      if let labelling = SecurityModule.labelling { #expect(running.contains(labelling)) }
    }
  }

  @Test func idsOfTheKernelHaveItsNames() {
    #expect(SecurityModule.named(104) == .appArmor && SecurityModule.named(101) == .seLinux)
    #expect(SecurityModule.named(110) == .landlock && SecurityModule.named(109) == .bpf)
    #expect(SecurityModule.named(999).rawValue == "999")
  }

  /// CVE-2019-16884, CVE-2025-52881: a label is written to a file of procfs only, and through no link or mount.
  @Test(.requires(.file("/bin/busybox"))) func cve_2025_52881_aLabelIsNotWrittenToWhatOnlyLooksLikeProcfs() async throws {
    try await withTemporaryDirectory { directory in
      try FileTree.makeDirectories(directory.appending("self/attr"))
      try FileContents.replace(directory.appending("self/attr/exec"), with: [], durable: false)
      let error = await #expect(throws: ContainrError.self) {
        try await run(
          { plan in
            let procfs = plan.makeSlot()
            plan.append(
              .open(procfs, directory: .workingDirectory, path: directory.string, flags: CInt(CL_O_PATH) | O_DIRECTORY))
            plan.append(
              label: SecurityLabel(module: .seLinux, attribute: "self/attr/exec", text: "a:b:c:s0"), procfs: procfs)
          }, paths: ["/bin/busybox"], arguments: ["true"])
      }
      #expect(error?.code == .securityModule)
      #expect(try FileContents.read(directory.appending("self/attr/exec")).isEmpty)
    }
  }
}

extension String {
  fileprivate var trimmed: String { String(prefix { $0 != "\n" }) }
}

@Suite struct AppArmorTests {
  @Test func profilesAreListedWithTheirModes() {
    let profiles = AppArmor.parse(profiles: "containr-default (enforce)\n/usr/bin/man (complain)\na (b) (kill)\n\nbroken\n")
    #expect(profiles == ["containr-default": .enforce, "/usr/bin/man": .complain, "a (b)": .kill])
  }

  @Test(.requires(.noAppArmor)) func aKernelWithoutItIsNamedAndTheDefaultDoesWithout() throws {
    #expect(try AppArmorConfiguration.automatic.resolve() == nil)
    #expect(try AppArmorConfiguration.unconfined.resolve() == nil)
    for configuration in [AppArmorConfiguration.profile("x"), .stacked("x"), .profile("containr-default")] {
      do {
        _ = try configuration.resolve()
        Issue.record("resolved")
      } catch { #expect(error.code == .securityModule && error.hint?.contains("AppArmor") == true) }
    }
    #expect(throws: ContainrError.self) { try AppArmor.load(.containerDefault) }
    #expect(throws: ContainrError.self) { try AppArmor.currentLabel() }
  }

  @Test(arguments: ["", "a b", "a\n", "\u{7f}"]) func aNameThatCannotBeIsRefused(text: String) {
    #expect(throws: ContainrError.self) { try AppArmorConfiguration(parsing: text) }
  }

  @Test func namesAreRead() throws {
    #expect(try AppArmorConfiguration(parsing: "unconfined") == .unconfined)
    #expect(try AppArmorConfiguration(parsing: "mine") == .profile("mine"))
  }

  @Test(.requires(.file("/usr/sbin/apparmor_parser"))) func theDefaultProfileCompilesAndOthersAreExplained() throws {
    #expect(try AppArmorProfile.containerDefault.compiled().count > 1000)
    do {
      _ = try AppArmorProfile(name: "bad", text: "profile bad { nonsense here }").compiled()
      Issue.record("compiled")
    } catch { #expect(error.code == .securityModule && error.hint?.contains("syntax error") == true) }
  }
}

@Suite(.serialized, .requires(.appArmor, .root, .file("/bin/busybox"), .file("/usr/sbin/apparmor_parser")))
struct RunningAppArmorTests {
  private func label(_ configuration: AppArmorConfiguration) throws -> SecurityLabel {
    try #require(try configuration.resolve())
  }

  @Test func theDefaultProfileIsLoadedAndEnforced() async throws {
    let label = try label(.automatic)
    #expect(try AppArmor.profiles()["containr-default"] == .enforce)
    #expect(try await shell("cat /proc/self/attr/current", labels: [label]) == "containr-default (enforce)\n")
    #expect(try await shell("cat /proc/self/attr/current", labels: []).hasPrefix("unconfined"))
    #expect(try AppArmor.currentLabel() == "unconfined")
  }

  @Test(arguments: [
    "mount -t tmpfs none /mnt", "echo 1 >/proc/sys/kernel/sysrq", "echo h >/proc/sysrq-trigger", "cat /sys/kernel/security/lsm",
    "mount -o remount,ro /proc", "umount -l /dev/shm", "kill -0 1",
    "for file in /sys/module/*/parameters/*; do echo 1 >$file; done",
  ])
  func rootWithAllCapabilitiesIsHeldByIt(command: String) async throws {
    let attempt = "(\(command)) 2>/tmp/containr-apparmor-errors && echo done || echo refused"
    #expect(try await shell(attempt, labels: [try label(.automatic)]) == "refused\n")
  }

  @Test func ordinaryWorkIsNotInItsWay() async throws {
    let script = """
      cd /tmp; mkdir -p containr-aa && cd containr-aa && echo text >file && cat file && ln -sf file link && rm -r /tmp/containr-aa
      sleep 100 & kill $! && cat /proc/1/comm >/dev/null && cat /proc/meminfo >/dev/null && echo 0 >/proc/self/oom_score_adj && echo all
      """
    #expect(try await shell(script, labels: [try label(.automatic)]) == "text\nall\n")
  }

  @Test func aProfileThatIsNotLoadedIsNamed() async throws {
    let label = try label(.profile("no-such-profile"))
    let error = await #expect(throws: ContainrError.self) { try await shell("true", labels: [label]) }
    #expect(error?.code == .securityModule && error?.hint?.contains("not loaded") == true)
  }

  @Test func profilesStack() async throws {
    let own = AppArmorProfile(
      name: "containr-test-stacked",
      text: "profile containr-test-stacked flags=(attach_disconnected) { file, capability, deny /tmp/containr-stacked w, }\n")
    try AppArmor.load(own)
    let script = "cat /proc/self/attr/current; (>/tmp/containr-stacked) 2>/dev/null || echo refused"
    #expect(try await shell(script, labels: [try label(.stacked(own.name))]).hasSuffix("refused\n"))
    try AppArmor.unload(own.name)
    #expect(try AppArmor.profiles()[own.name] == nil)
    #expect(throws: ContainrError.self) { try AppArmor.unload(own.name) }
  }
}

@Suite struct SELinuxTests {
  @Test func labelsAreReadAndPrinted() throws {
    let context = try SELinuxContext(parsing: "system_u:system_r:container_t:s0:c1,c2.c5")
    #expect(context.type == "container_t" && context.level == "s0:c1,c2.c5")
    #expect("\(context)" == "system_u:system_r:container_t:s0:c1,c2.c5")
    #expect(try SELinuxContext(parsing: "u:r:t").level == nil)
  }

  @Test(arguments: ["", "a:b", "a::c", "a:b:c:", "a b:c:d", "a:b:c\"", "a:b:c:s0\n", "a:b:c,d", "é:r:t"])
  func otherTextIsNoLabel(text: String) {
    do {
      _ = try SELinuxContext(parsing: text)
      Issue.record("read")
    } catch { #expect(error.code == .invalidArgument) }
  }

  @Test func labelOptionsAreApplied() throws {
    var configuration = SELinuxConfiguration.disabled
    try configuration.apply(option: "type:spc_t")
    try configuration.apply(option: "level:s0:c1,c2")
    #expect(configuration == SELinuxConfiguration(type: "spc_t", level: "s0:c1,c2"))
    try configuration.apply(option: "disable")
    #expect(configuration == .disabled)
    for option in ["type", "nonsense:x", ""] {
      #expect(throws: ContainrError.self) { try configuration.apply(option: option) }
    }
  }

  @Test func policyFilesAreRead() {
    #expect(SELinux.value("SELINUXTYPE", in: "# SELINUXTYPE= is\nSELINUX=enforcing\nSELINUXTYPE=default\n") == "default")
    #expect(SELinux.value("file", in: "ro_file = \"a\"\nfile = \"u:object_r:t:s0\"\n") == "u:object_r:t:s0")
    #expect(SELinux.value("none", in: "x=y") == nil)
  }

  @Test(.requires(.noSELinux)) func aKernelWithoutItIsNamedAndTheDefaultDoesWithout() throws {
    #expect(try SELinuxConfiguration.disabled.resolve() == nil)
    do {
      _ = try SELinuxConfiguration.container.resolve()
      Issue.record("resolved")
    } catch { #expect(error.code == .securityModule && error.hint?.contains("SELinux") == true) }
    #expect(throws: ContainrError.self) { try SELinux.currentContext() }
    #expect(throws: ContainrError.self) { try SELinux.isEnforcing() }
  }
}

@Suite(.requires(.seLinux, .root, .file("/bin/busybox"))) struct RunningSELinuxTests {
  // Debian's policy names container_t for containers and does not have it: svirt_t is its label for guests.
  @Test func aProcessAndItsKeysHaveTheLabel() async throws {
    let expected = "system_u:system_r:svirt_t:s0:c1,c2"
    let labels = try #require(try SELinuxConfiguration(SELinuxContext(parsing: expected)).resolve())
    let script = "tr -d '\\0' </proc/self/attr/current"
    #expect(try await shell(script, labels: [labels.keys, labels.process]) == expected)
    let own = try SELinux.currentContext().description
    #expect(own != expected)
    #expect(try await shell("tr -d '\\0' </proc/self/attr/current", labels: []).hasPrefix(own))
  }

  @Test func partsOfALabelCanBeNamed() async throws {
    let context = try SELinuxConfiguration(type: "svirt_t", level: "s0:c7,c9").processContext()
    #expect(context?.description == "system_u:system_r:svirt_t:s0:c7,c9")
  }

  @Test func aLabelThatThePolicyDoesNotKnowIsRefused() throws {
    do {
      _ = try SELinuxConfiguration(type: "no_such_type_t").resolve()
      Issue.record("resolved")
    } catch { #expect(error.code == .securityModule && error.hint?.contains("no such label") == true) }
  }
}
