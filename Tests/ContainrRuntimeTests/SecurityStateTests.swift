import CContainrLinux
import ContainrRuntime
import ContainrTestSupport
import Glibc
import SystemPackage
import Testing

@Suite(.requires(.root, .file("/bin/busybox"))) struct SecurityStateTests {
  /// Docker's 14, as /proc/self/status prints them.
  static let defaultCapabilities = "00000000a80425fb"

  @Test func aContainerHasTheFourteenDefaultCapabilitiesAFilterAndNoNewPrivileges() async throws {
    try await Fixture.with { fixture in
      let (status, _) = try await fixture.shell("cat /proc/self/status")
      #expect(field("CapEff", of: status) == Self.defaultCapabilities)
      #expect(field("CapPrm", of: status) == Self.defaultCapabilities)
      #expect(field("CapBnd", of: status) == Self.defaultCapabilities)
      #expect(field("CapInh", of: status) == "0000000000000000")
      #expect(field("CapAmb", of: status) == "0000000000000000")
      #expect(field("Seccomp", of: status) == "2")
      #expect(field("NoNewPrivs", of: status) == "1")
    }
  }

  // CVE-2022-29162, CVE-2022-27650, CVE-2025-27612
  @Test func cve_2022_29162_cve_2022_27650_cve_2025_27612_executedProgramsHaveTheSameWallsAsTheFirst() async throws {
    try await Fixture.with { fixture in
      try await fixture.withShell { container in
        let (status, _) = try await fixture.execute("cat /proc/self/status", in: container)
        #expect(field("CapEff", of: status) == Self.defaultCapabilities)
        #expect(field("CapBnd", of: status) == Self.defaultCapabilities)
        #expect(field("CapInh", of: status) == "0000000000000000")
        #expect(field("CapAmb", of: status) == "0000000000000000")
        #expect(field("Seccomp", of: status) == "2")
        #expect(field("NoNewPrivs", of: status) == "1")
      }
    }
  }

  @Test func anOrdinaryUserHasNoCapabilities() async throws {
    try await Fixture.with { fixture in
      let (status, _) = try await fixture.shell("cat /proc/self/status") {
        $0.process.user = try UserSpecification(parsing: "nobody")
      }
      #expect(field("CapEff", of: status) == "0000000000000000")
      #expect(field("CapPrm", of: status) == "0000000000000000")
      #expect(field("CapInh", of: status) == "0000000000000000")
      #expect(field("CapAmb", of: status) == "0000000000000000")
      #expect(field("CapBnd", of: status) == Self.defaultCapabilities)
    }
  }

  @Test func capabilitiesAreAddedAndDroppedByName() async throws {
    try await Fixture.with { fixture in
      let (dropped, _) = try await fixture.shell("cat /proc/self/status; chown 1 /tmp 2>/dev/null || echo refused") {
        $0.process.capabilities = try CapabilityAdjustment(add: ["NET_ADMIN"], drop: ["ALL"])
      }
      // CAP_NET_ADMIN is 12.
      #expect(field("CapEff", of: dropped) == "0000000000001000")
      #expect(field("CapBnd", of: dropped) == "0000000000001000")
      #expect(dropped.contains("refused"))
    }
  }

  @Test func anUnconfinedContainerHasNoFilter() async throws {
    try await Fixture.with { fixture in
      let (status, _) = try await fixture.shell("cat /proc/self/status") { $0.seccomp = .unconfined }
      #expect(field("Seccomp", of: status) == "0")
      #expect(field("NoNewPrivs", of: status) == "1")
    }
  }

  @Test func aFilterNeedsNoNoNewPrivileges() async throws {
    try await Fixture.with { fixture in
      let (status, _) = try await fixture.shell("cat /proc/self/status") { $0.process.noNewPrivileges = false }
      #expect(field("Seccomp", of: status) == "2")
      #expect(field("NoNewPrivs", of: status) == "0")
    }
  }

  @Test func aPrivilegedContainerHasWhatTheCallerHoldsAndMayMount() async throws {
    try await Fixture.with { fixture in
      let (status, _) = try await fixture.shell(
        "mount -t tmpfs none /tmp && echo mounted; cat /proc/self/status; stat -c 'keys %t:%T' /proc/keys"
      ) {
        $0.makePrivileged()
      }
      #expect(status.hasPrefix("mounted\n"))
      let held = String(try CapabilitySet.heldByCaller().rawValue, radix: 16)
      #expect(field("CapEff", of: status)?.drop { $0 == "0" } == held[...])
      #expect(field("Seccomp", of: status) == "0")
      #expect(field("NoNewPrivs", of: status) == "0")
      #expect(status.contains("keys 0:0"))
    }
  }

  @Test(arguments: [
    "mount -t tmpfs none /tmp", "mount -t proc proc /tmp", "mount -o remount,rw /proc/sys", "umount /proc/kcore",
    "umount -l /sys",
    "unshare -m true", "unshare -U true", "unshare -n true", "swapon /x", "chroot /proc/1/root/../.. mount -t tmpfs none /tmp",
    "hostname other", "nsenter -t 1 -m true", "reboot -f", "insmod /x",
  ])
  func whatNeedsMoreThanTheDefaultsIsRefused(_ command: String) async throws {
    try await Fixture.with { fixture in
      let (output, status) = try await fixture.shell("touch /x; \(command)")
      #expect(!status.isSuccess, "\(command): \(output)")
    }
  }

  // MARK: CVE-2022-36109

  @Test(arguments: [
    // user, additional groups, what `id` must print as uid, gid, groups
    ("", [], "0 0 0 10"), ("0", [], "0 0 0 10"), ("root", [], "0 0 0 10"), ("root:root", [], "0 0 0"), ("0:7", [], "0 7 7"),
    ("alice", [], "1000 1000 1000 20 30"), ("1000", [], "1000 1000 1000 20 30"), ("alice:staff", [], "1000 20 20"),
    ("4242", [], "4242 0 0"), ("4242:4343", [], "4242 4343 4343"), ("alice", ["50"], "1000 1000 1000 20 30 50"),
    ("alice", ["video"], "1000 1000 1000 20 30 44"),
  ])
  func cve_2022_36109_groupsAreThoseOfTheImagesFilesAndNoOthers(_ user: String, _ additional: [String], _ expected: String)
    async throws
  {
    try await Fixture.with {
      try write("root:x:0:0::/root:/bin/sh\nalice:x:1000:1000::/home/alice:/bin/sh\n", to: $0.appending("etc/passwd"))
      try write(
        "root:x:0:\nwheel:x:10:root\nstaff:x:20:alice\naudio:x:30:bob,alice\nvideo:x:44:\nalice:x:1000:\n",
        to: $0.appending("etc/group"))
    } _: { fixture, layer in
      var configuration = fixture.configuration(layers: [layer], "sh", "-c", "cat /proc/self/status")
      if !user.isEmpty { configuration.process.user = try UserSpecification(parsing: user) }
      configuration.process.additionalGroups = try additional.map { try AccountReference(parsing: $0) }
      let (status, _) = try await fixture.run(configuration)
      func ids(_ name: String) -> [Substring] {
        status.split(separator: "\n").first { $0.hasPrefix(name + ":") }?.dropFirst(name.count + 1).split { $0.isWhitespace }
          ?? []
      }
      let groups = Set(ids("Groups")).union(ids("Gid").prefix(1))
      let wanted = expected.split(separator: " ")
      #expect(Set(ids("Uid")) == [wanted[0]])
      #expect(Set(ids("Gid")) == [wanted[1]])
      #expect(groups == Set(wanted.dropFirst(2)), "\(status)")
    }
  }

  // MARK: CVE-2024-21626

  @Test func cve_2024_21626_noDescriptorButTheThreeStreamsReachesTheProgram() async throws {
    try await Fixture.with { fixture in
      // Descriptors that a careless embedder leaves open across exec.
      var leaks: [CInt] = []
      for _ in 0..<8 { leaks.append(open("/", O_RDONLY | O_DIRECTORY)) }
      defer { for leak in leaks { close(leak) } }
      let script = "for f in /proc/self/fd/*; do [ -e $f ] && echo ${f##*/}; done"
      let seen1 = try await fixture.shell(script).output
      #expect(seen1 == "0\n1\n2\n")
      try await fixture.withShell { container in
        let seen2 = try await fixture.execute(script, in: container).output
        #expect(seen2 == "0\n1\n2\n")
      }
    }
  }

  @Test func cve_2024_21626_aDescriptorOfTheRuntimeIsNoWorkingDirectory() async throws {
    try await Fixture.with { fixture in
      let leak = open("/", O_RDONLY | O_DIRECTORY)
      defer { close(leak) }
      try await fixture.withShell { container in
        for number in 3...64 {
          let directory = "/proc/self/fd/\(number)"
          do {
            let (output, _) = try await fixture.shell("ls -d /proc/[0-9]*") { $0.process.workingDirectory = directory }
            Issue.record("a container began in \(directory): \(output)")
          } catch let error as ContainrError {
            #expect([.workingDirectory, .pathEscape, .ioFailure, .containerStart].contains(error.code), "\(error)")
          }
          guard number < 24 else { continue }
          do {
            let (output, _) = try await fixture.execute("pwd", in: container) { $0.workingDirectory = directory }
            Issue.record("a program began in \(directory): \(output)")
          } catch let error as ContainrError {
            #expect([.workingDirectory, .pathEscape].contains(error.code), "\(error)")
          }
        }
      }
      let list1 = try fixture.state.list()
      #expect(list1.isEmpty)
    }
  }

  // MARK: CVE-2019-5736

  @Test func cve_2019_5736_theRuntimesOwnProgramCannotBeExecutedFromInside() async throws {
    let before = try Self.ownProgram()
    try await Fixture.with {
      try write("#!/proc/self/exe\n", to: $0.appending("bin/script"), mode: 0o755)
      try link($0.appending("bin/exe"), to: "/proc/self/exe")
      try link($0.appending("bin/thread"), to: "/proc/thread-self/exe")
    } _: { fixture, layer in
      for program in ["/proc/self/exe", "/bin/exe", "/bin/script", "/bin/thread", "exe", "script", "/proc/1/exe"] {
        let configuration = fixture.configuration(layers: [layer], program)
        let error = try await fixture.refusal(configuration)
        #expect(error.code == .commandNotExecutable, "\(program): \(error)")
      }
      var configuration = fixture.configuration(layers: [layer], "sleep", "1000")
      configuration.process.streams = StandardStreams(input: .null, output: .null, error: .null)
      try await withContainer(configuration, in: fixture.state) { container in
        for program in ["/proc/self/exe", "/bin/exe", "/bin/script", "/bin/thread"] {
          var process = ProcessConfiguration()
          process.arguments = [program]
          await #expect(throws: ContainrError.self, "\(program)") { try await container.execute(process) }
        }
      }
    }
    #expect(try Self.ownProgram() == before)
  }

  private static func ownProgram() throws -> [UInt64] {
    var status = stat()
    guard stat("/proc/self/exe", &status) == 0 else { throw Errno.current }
    // The time of the last change cannot be set back.
    return [
      UInt64(status.st_ino), UInt64(status.st_size), UInt64(status.st_ctim.tv_sec), UInt64(status.st_ctim.tv_nsec),
    ]
  }

  // A program of the runtime that has entered the container must not be open to those inside before it is theirs.
  @Test func processesInsideCannotSeeTheRuntime() async throws {
    try await Fixture.with { fixture in
      let (output, _) = try await fixture.shell("readlink /proc/1/exe; cat /proc/1/environ | tr '\\0' '\\n' | grep -c SWIFT")
      #expect(output == "/bin/busybox\n0\n" || output == "/bin/sh\n0\n")
    }
  }

  // MARK: CVE-2022-0811, sysctls

  @Test func kernelParametersOfTheContainersNamespacesAreSet() async throws {
    try await Fixture.with { fixture in
      let host = try FileContents.text("/proc/sys/kernel/msgmax")
      let (output, _) = try await fixture.shell("cat /proc/sys/kernel/msgmax /proc/sys/net/ipv4/ip_unprivileged_port_start") {
        $0.sysctls = ["kernel.msgmax": "4567", "net/ipv4/ip_unprivileged_port_start": "7"]
      }
      #expect(output == "4567\n7\n")
      #expect(try FileContents.text("/proc/sys/kernel/msgmax") == host)
    }
  }

  @Test(arguments: [
    ("kernel.shm_rmid_forced", "1+kernel.core_pattern=|/x\n"), ("kernel.shm_rmid_forced", "1\nkernel.core_pattern=|/x"),
    ("kernel.core_pattern", "|/x"), ("vm.overcommit_memory", "1"), ("net/../kernel/core_pattern", "core"),
    ("net/./core/somaxconn", "128"), ("fs/mqueue/../file-max", "5"), ("net..core", "1"),
    ("kernel/../vm/swappiness", "1"), ("", "1"), ("net/", "1"), ("fs.file-max", "5"), ("kernel.hostname", "x"),
    ("net.ipv4.ip_forward\0", "1"), ("/net/ipv4/ip_forward", "1"),
  ])
  func cve_2022_0811_kernelParametersOfTheHostAreRefused(_ name: String, _ value: String) async throws {
    try await Fixture.with { fixture in
      var configuration = fixture.configuration("true")
      configuration.sysctls = [name: value]
      let pattern = try FileContents.text("/proc/sys/kernel/core_pattern")
      defer { _ = Result { try FileContents.writeKernelFile(pattern, to: "/proc/sys/kernel/core_pattern", code: .ioFailure) } }
      let error = try await fixture.refusal(configuration)
      #expect(error.code == .invalidArgument || error.code == .containerStart || error.code == .pathEscape, "\(error)")
      #expect(try FileContents.text("/proc/sys/kernel/core_pattern") == pattern)
    }
  }

  @Test func networkParametersAreRefusedOnTheHostsNetwork() async throws {
    try await Fixture.with { fixture in
      var configuration = fixture.configuration("true")
      configuration.network = .host
      configuration.sysctls = ["net.ipv4.ip_forward": "1"]
      let seen3 = try await fixture.refusal(configuration).code
      #expect(seen3 == .invalidArgument)
    }
  }

  // MARK: CVE-2019-16884, CVE-2026-41579

  @Test(arguments: ["proc", "sys", "dev"], ["/tmp", "/etc", "../../../../tmp", "/proc/1/root"])
  func cve_2019_16884_cve_2019_19921_cve_2023_27561_cve_2026_41579_cve_2026_47766_aLinkWhereTheKernelsFilesGoIsRefused(
    _ name: String, _ target: String
  ) async throws {
    try await withTemporaryDirectory { root in
      try await Fixture.with { fixture in
        try FileTree.makeDirectories(root.appending("bin"), mode: 0o755)
        try write("", to: root.appending("etc/canary"))
        try FileContents.replace(
          root.appending("bin/busybox"), with: try FileContents.read("/bin/busybox"), mode: 0o755, durable: false)
        for directory in ["proc", "sys", "dev", "tmp"] where directory != name {
          try FileTree.makeDirectories(root.appending(directory), mode: 0o755)
        }
        try link(root.appending(name), to: target)
        var configuration = ContainerConfiguration(rootFS: RootFS(.directory(root)))
        configuration.process.arguments = ["/bin/busybox", "true"]
        configuration.process.streams = .captured
        let error = try await fixture.refusal(configuration)
        #expect(error.code == .pathEscape, "\(error)")
        #expect(try FileTree.names(in: root.appending("tmp")).isEmpty)
      }
    }
  }

  @Test func aLinkOfTheImageInDevCannotDivertADevice() async throws {
    try await Fixture.with { fixture in
      // /dev is a fresh tmpfs: what the image has there does not count.
      let (output, _) = try await fixture.shell(
        "stat -c %t:%T /dev/null; findmnt /dev >/dev/null 2>&1; grep -c ' /dev tmpfs\\| /dev .* tmpfs ' /proc/self/mountinfo")
      #expect(output == "1:3\n1\n")
    }
  }
}
