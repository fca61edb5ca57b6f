import ContainrTestSupport
import Glibc
import SystemPackage
import Testing

@testable import ContainrCore

@Suite struct KernelVersionTests {
  @Test(arguments: [
    ("6.18.44-fc-v657", KernelVersion(6, 18, 44)), ("6.1.0-13-amd64", KernelVersion(6, 1)), ("4.19+", KernelVersion(4, 19)),
    ("5.15.", KernelVersion(5, 15)), ("3.10.0.123", KernelVersion(3, 10)),
  ])
  func readsWhatDistributionsPrint(release: String, version: KernelVersion) throws {
    #expect(try KernelVersion(parsing: release) == version)
  }

  @Test(arguments: ["", "6", "linux-6.1", ".6.1", "-1.2", "6.x"])
  func refusesWhatHasNoNumbers(release: String) {
    #expect(throws: ContainrError.self) { try KernelVersion(parsing: release) }
  }

  @Test func ordersByNumberNotByText() throws {
    #expect(KernelVersion(5, 9) < KernelVersion(5, 10))
    #expect(KernelVersion(6, 1, 99) < KernelVersion(6, 2))
    #expect(try KernelVersion.current() >= KernelVersion(5, 6))
  }
}

/// A machine made of files and answers.
struct FakeMachine {
  var release = "6.18.1"
  var userID: UInt32 = 0
  var capabilities = "000001ffffffffff"
  var files: [String: String] = [
    "/proc/filesystems": "nodev\tsysfs\nnodev\toverlay\n\text4\n",
    "/proc/sys/kernel/seccomp/actions_avail": "kill_process errno user_notif allow\n",
    "/proc/sys/user/max_user_namespaces": "96365\n",
    "/proc/cgroups":
      "#subsys_name\thierarchy\tnum_cgroups\tenabled\ncpu\t1\t1\t1\nmemory\t2\t1\t1\nrdma\t0\t1\t1\npids\t0\t1\t0\n",
    "/proc/self/mountinfo": "41 31 0:38 / /sys/fs/cgroup rw,relatime shared:4 - cgroup2 cgroup2 rw\n",
    "/sys/fs/cgroup/cgroup.controllers": "cpu memory\n",
    "/sys/kernel/security/lsm": "capability,landlock,apparmor\n",
    "/usr/bin/newuidmap": "", "/usr/bin/newgidmap": "",
  ]
  var namespaces = ["mnt", "uts", "ipc", "pid", "net", "user", "cgroup", "time"]
  var answers: [PreflightSource.Probe: CInt] = [
    .cloneIntoCgroup: -EBADF, .clone3: -EINVAL, .fsopen: -EFAULT, .mountSetAttributes: -EINVAL, .landlock: 7,
    .pidfdInformation: -ENODATA, .overlayOption("containr-no-such-option"): -EINVAL,
  ]

  func preflight() async throws -> Preflight {
    try await withTemporaryDirectory { root in
      var files = files
      files["/proc/self/status"] = "Name:\tx\nCapEff:\t\(capabilities)\n"
      for name in namespaces { files["/proc/self/ns/" + name] = "" }
      for (path, text) in files {
        let path = FilePath(root.string + path)
        try FileTree.makeDirectories(path.removingLastComponent())
        try FileContents.replace(path, with: text.utf8, durable: false)
        if path.lastComponent?.string.hasSuffix("idmap") == true { chmod(path.string, 0o4755) }
      }
      let answers = answers
      return try Preflight(
        of: PreflightSource(root: root, release: release, machine: "x86_64", userID: userID, probe: { answers[$0] ?? 0 }))
    }
  }
}

@Suite struct PreflightTests {
  @Test func aMachineWithEverythingHasEverything() async throws {
    let preflight = try await FakeMachine().preflight()
    for feature in preflight.features { #expect(feature.status == .available, "\(feature)") }
    #expect(Set(preflight.features.map(\.name)) == Set(KernelFeature.allCases))
    #expect(preflight.notes.isEmpty)
    #expect(preflight.securityModules == ["capability", "landlock", "apparmor"])
    try preflight.require(.sysAdmin, .netAdmin)
  }

  @Test func aMissingFeatureIsNamedWithTheKernelThatHasIt() async throws {
    var machine = FakeMachine()
    machine.release = "5.4.0-1-amd64"
    machine.answers[.openat2] = -ENOSYS
    machine.namespaces.removeAll { $0 == "time" }
    let preflight = try await machine.preflight()
    try preflight.require(.overlay, .pidNamespace)
    let error = try #require(throws: ContainrError.self) { try preflight.require(.overlay, .openat2) }
    #expect(error.code == .kernelUnsupported)
    #expect(
      error.description
        == "[KERNEL_UNSUPPORTED] looking for openat2: Linux 5.4 does not have it\n  hint: boot Linux 5.6 or newer")
    #expect(throws: ContainrError.self) { try preflight.require(.timeNamespace) }
  }

  @Test func whatHasAFallbackIsDegradedAndSatisfies() async throws {
    var machine = FakeMachine()
    machine.answers[.pidfdInformation] = -ENOTTY
    let preflight = try await machine.preflight()
    #expect(preflight[.pidfdInformation] == .degraded(fallback: "only the parent learns the exit status"))
    try preflight.require(.pidfdInformation)
  }

  @Test func aMissingCapabilityIsDeniedByName() async throws {
    var machine = FakeMachine()
    machine.capabilities = "000001fffeffffff"
    let root = try await machine.preflight()
    let error = try #require(throws: ContainrError.self) { try root.require(.sysAdmin, .sysResource) }
    #expect(error.code == .permissionDenied)
    #expect(error.activity == "looking for the capability CAP_SYS_RESOURCE of user 0")

    machine.capabilities = "0000000000000000"
    machine.userID = 1000
    let user = try await machine.preflight()
    let denied = try #require(throws: ContainrError.self) { try user.require(.sysAdmin) }
    #expect(denied.code == .permissionDenied)
    #expect(denied.hint?.contains("run as root") == true)
  }

  @Test(arguments: [
    ("/proc/sys/user/max_user_namespaces", "0"), ("/proc/sys/kernel/unprivileged_userns_clone", "0"),
    ("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1"),
  ])
  func aSysctlThatClosesUserNamespacesIsNamed(path: String, value: String) async throws {
    var machine = FakeMachine()
    machine.files[path] = value + "\n"
    let preflight = try await machine.preflight()
    let error = try #require(throws: ContainrError.self) { try preflight.require(.unprivilegedUserNamespaces) }
    #expect(error.code == .permissionDenied)
    let name = try #require(FilePath(path).lastComponent?.string)
    #expect(error.description.contains(name))
  }

  @Test func newuidmapMustBeInstalledAndSetUserID() async throws {
    var machine = FakeMachine()
    machine.files["/usr/bin/newgidmap"] = nil
    let preflight = try await machine.preflight()
    #expect(preflight[.idMapPrograms] == .missing(reason: "newgidmap is not installed", hint: "apt-get install uidmap"))
  }

  @Test func overlayOptionsAreAskedOfAKernelThatAnswersAndElseReadOffTheVersion() async throws {
    var machine = FakeMachine()
    machine.answers[.overlayOption("lowerdir+")] = -EINVAL
    #expect(try await machine.preflight()[.overlayLayerAppend] != .available)
    // Before 6.5 the context takes everything: its yes says nothing.
    machine = FakeMachine()
    machine.release = "6.1.0"
    machine.answers[.overlayOption("containr-no-such-option")] = 0
    let old = try await machine.preflight()
    #expect(old[.overlayLayerAppend] != .available)
    #expect(old[.overlayVolatile] == .available)
    // Without the privilege to ask, the version decides.
    machine = FakeMachine()
    machine.answers[.overlay] = -EPERM
    machine.answers[.overlayDescriptor] = -EPERM
    #expect(try await machine.preflight()[.overlayDescriptors] == .available)
    machine.files["/proc/filesystems"] = "nodev\tsysfs\n"
    let without = try await machine.preflight()
    #expect(throws: ContainrError.self) { try without.require(.overlay) }
  }

  @Test func cgroupLayoutIsPerController() async throws {
    var machine = FakeMachine()
    let unified = try await machine.preflight().cgroups
    #expect(unified.layout == .v2)
    #expect(unified.controllers.map(\.name) == ["cpu", "memory", "rdma"])
    #expect(unified.controllers.map(\.version) == [2, 2, nil])

    machine.files["/proc/self/mountinfo"] = """
      32 31 0:29 / /sys/fs/cgroup/cpu\\040a rw - cgroup cgroup rw,cpu
      33 31 0:30 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd
      41 31 0:38 / /sys/fs/cgroup rw,relatime - cgroup2 cgroup2 rw
      """
    machine.files["/sys/fs/cgroup/cgroup.controllers"] = "memory\n"
    let hybrid = try await machine.preflight().cgroups
    #expect(hybrid.layout == .hybrid)
    #expect(hybrid.controllers.map(\.version) == [1, 2, nil])
    #expect(hybrid.controllers.first?.mountPoint == "/sys/fs/cgroup/cpu a")

    machine.files["/proc/self/mountinfo"] = ""
    #expect(try await machine.preflight()[.cgroups] != .available)
  }

  @Test func tableAndJSONNameEveryFeature() async throws {
    var machine = FakeMachine()
    machine.answers[.landlock] = -EOPNOTSUPP
    let preflight = try await machine.preflight()
    for name in KernelFeature.allCases {
      #expect(preflight.description.contains("\n\(name.rawValue) "))
      #expect(preflight.json.contains("{\"name\":\"\(name.rawValue)\""))
    }
    #expect(preflight.description.contains("hint: add landlock to the kernel's lsm= parameter"))
    #expect(preflight.json.contains("\"cgroups\":{\"layout\":\"v2\",\"controllers\":[{\"name\":\"cpu\",\"version\":2,"))
  }

  @Test func theRunningMachineIsDescribedTruly() throws {
    let before = try openDescriptors(of: "[fscontext]")
    let preflight = try Preflight.current()
    #expect(try openDescriptors(of: "[fscontext]") == before)
    #expect(preflight.userID == geteuid())
    for name in ["mnt", "uts", "ipc", "pid", "net", "user", "cgroup", "time"] {
      let feature = try #require(KernelFeature(rawValue: "namespace.\(name)"))
      #expect((preflight[feature] == .available) == (access("/proc/self/ns/\(name)", F_OK) == 0))
    }
    // What the rest of the tests use anyway.
    try preflight.require(.openat2, .pidfd, .clone3)
  }
}

/// The number of this process's descriptors for files whose name contains a text. Other tests run at the same time, so a
/// count of all says nothing.
func openDescriptors(of text: String) throws -> Int {
  try FileTree.names(in: "/proc/self/fd").count { name in
    var buffer = [UInt8](repeating: 0, count: 4096)
    let count = readlink("/proc/self/fd/" + name, &buffer, buffer.count)
    return count > 0 && String(decoding: buffer[..<count], as: UTF8.self).contains(text)
  }
}
