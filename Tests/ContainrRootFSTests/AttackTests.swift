import CContainrLinux
import ContainrCore
import ContainrLaunch
import ContainrRootFS
import ContainrTestSupport
import Glibc
import SystemPackage
import Testing

/// What went wrong elsewhere, as fixtures. The races are in `RaceTests` and `MountRaceTests`.
@Suite(.enabled(if: geteuid() == 0, "needs user id 0")) struct AttackTests {
  @Test(
    .requires(.file("/bin/busybox")),
    arguments: ["/proc", "/sys", "/proc/self", "/sys/fs/cgroup"], ["proc", "sysfs", "cgroup2"])
  func cve_2019_16884_cve_2019_19921_cve_2023_28642_anImagesLinkNeverMovesAFileSystemOfTheKernels(
    place: String, type: String
  ) async throws {
    try await withFixture { fixture in
      let path = try fixture.tree("root", ["elsewhere/fs/cgroup/": "", "elsewhere/self/": ""], program: true)
      let name = place.split(separator: "/")[0]
      try fixture.link(path.appending(String(name)), to: "/elsewhere")
      let root = try plain(path) {
        $0.mounts = [try Mount(ociType: type, source: nil, destination: place, options: [])]
        $0.devices = []
      }
      let error = await #expect(throws: ContainrError.self) { try await run("true", in: root) }
      #expect(error?.code == .pathEscape)
    }
  }

  @Test(.requires(.file("/bin/busybox"))) func cve_2026_41579_cve_2026_47766_aLinkAtDevIsRefusedOrStaysInside() async throws {
    try await withFixture { fixture in
      let outside = try fixture.tree("outside", ["null": "host"])
      let path = try fixture.tree("root", program: true)
      try fixture.link(path.appending("dev"), to: outside.string)
      var root = try plain(path) { $0.mounts = [Mount.defaults[1]] }
      #expect(await #expect(throws: ContainrError.self) { try await run("true", in: root) }?.code == .pathEscape)
      // Below the link: a mount of the kernel's is refused as well.
      root.mounts = [Mount(.devpts, at: .devPts)]
      #expect(await #expect(throws: ContainrError.self) { try await run("true", in: root) }?.code == .pathEscape)
      // Without a mount at /dev, nodes and what masks need are made and found behind the link, inside.
      try fixture.tree("root", ["secret": "secret"])
      root.mounts = []
      root.maskedPaths = ["/secret"]
      let (output, _) = try await run("stat -c '%n %t:%T' /dev/null \(outside)/null /secret", in: root)
      #expect(output == "/dev/null 1:3\n\(outside)/null 1:3\n/secret 1:3\n")
      #expect(try fixture.contents(outside) == ["null": "host"])
    }
  }

  @Test(.requires(.file("/bin/busybox")), arguments: ["file", "link", "zero", "missing"])
  func cve_2025_31133_cve_2025_62161_onlyTheNullDeviceItselfMasks(what: String) async throws {
    try await withFixture { fixture in
      let path = try fixture.tree("root", ["secret": "secret", "dev/": ""], program: true)
      let null = path.appending("dev/null")
      switch what {
      case "file": try fixture.tree("root", ["dev/null": "mine"])
      case "link": try fixture.link(null, to: "/proc/sys/kernel/core_pattern")
      case "zero": try #require(mknod(null.string, S_IFCHR | 0o666, 0x105) == 0)
      default: break
      }
      let root = try plain(path) {
        $0.mounts = [Mount(.proc, at: .proc)]
        $0.devices = []
        $0.maskedPaths = ["/secret"]
      }
      let error = await #expect(throws: ContainrError.self) { try await run("cat /secret", in: root) }
      #expect(error != nil && error?.code != .internalError)
    }
  }

  @Test(.requires(.file("/bin/busybox"))) func cve_2025_52881_cve_2025_62596_aWriteToProcReachesTheKernelOrNothing()
    async throws
  {
    try await withFixture { fixture in
      let fake = try fixture.tree("fake", ["sys/kernel/hostname": "fake", "hostname": "fake"])
      let path = try fixture.tree("root", program: true)
      let write = { (plan: inout LaunchPlan, slots: RootFSSlots) in
        plan.append(.writeProc(try #require(slots.proc), path: "sys/kernel/hostname", text: "real"))
      }
      // A volume over all of /proc: the write goes to the container's own procfs below it.
      let whole = try plain(path) { $0.mounts.append(.bind(from: fake, to: .proc)) }
      #expect(try await run("hostname", in: whole, after: write).output == "real\n")
      // Over a directory or the very file: the way there leads through another mount.
      for place in ["/proc/sys", "/proc/sys/kernel", "/proc/sys/kernel/hostname"] {
        let source = place.hasSuffix("hostname") ? fake.appending("hostname") : fake.appending("sys")
        let root = try plain(path) { $0.mounts.append(.bind(from: source, to: try RootedPath(place))) }
        let error = await #expect(throws: ContainrError.self) { try await run("true", in: root, after: write) }
        #expect(error?.systemCall?.errno == .improperLink)
      }
      // What is no procfs at all is not written to.
      let error = await #expect(throws: ContainrError.self) {
        try await run("true", in: try plain(path)) { plan in
          let slot = plan.inherit(owning: try OwnedDescriptor.open(fake, flags: O_RDONLY | O_DIRECTORY))
          plan.append(.writeProc(slot, path: "sys/kernel/hostname", text: "real"))
        }
      }
      #expect(error?.systemCall?.errno == .improperLink)
      #expect(try fixture.contents(fake)["sys/kernel/hostname"] == "fake")
      #expect(try fixture.contents(fake)["hostname"] == "fake")
    }
  }

  /// Every mount below /sys, as it says itself whether it can be written to.
  private let mountsOfSys = "awk '$5 ~ /^\\/sys/ {print substr($6, 1, 2)}' /proc/self/mountinfo | sort -u"

  @Test(.requires(.file("/bin/busybox"))) func cve_2023_25809_theCgroupTreeIsReadOnlyInAUserNamespace() async throws {
    try await withFixture { fixture in
      chmod(fixture.directory.string, 0o755)
      let root = try plain(try fixture.tree("root", ["proc/": "", "sys/": "", "dev/": ""], program: true)) {
        $0.mounts = [Mount(.proc, at: .proc)] + Mount.defaults.filter { $0.kind == .sysfs || $0.kind == .cgroup }
        $0.devices = []
      }
      // With a sysfs of its own, and with the host's, which brings the host's cgroup trees along.
      for ownsNetworkNamespace in [true, false] {
        let output = try await runMapped(
          "\(mountsOfSys); grep -c cgroup /proc/self/mountinfo; (: >>/sys/fs/cgroup/cgroup.procs) 2>&1 | grep -q create || echo writable",
          in: root
        ) {
          $0.showsUnifiedCgroup = true
          $0.ownsNetworkNamespace = ownsNetworkNamespace
        }
        let lines = output.split(separator: "\n")
        #expect(lines.first == "ro" && lines.count == 2, "\(output)")
        #expect(lines.last != "0")
      }
    }
  }

  @Test(.requires(.file("/bin/busybox"), .cgroupV1("memory"))) func cve_2022_0492_noReleaseAgentCanBeWritten() async throws {
    try await withFixture { fixture in
      let root = try plain(try fixture.tree("root", program: true))
      var context = RootFSContext()
      context.cgroupHierarchies = [["memory"]]
      context.showsUnifiedCgroup = true
      // Opened, and nothing written: it is the host's. The caller's own root has every capability here.
      let (output, _) = try await run(
        { plan in
          plan.namespaceFlags = UInt64(UInt32(CL_CLONE_NEWNS | CL_CLONE_NEWPID | CL_CLONE_NEWNET))
          let slots = try plan.append(rootFS: root, context: context)
          plan.appendChangeOfRoot(root, slots: slots)
        }, paths: ["/bin/busybox"],
        arguments: [
          "sh", "-c",
          """
          test -d /sys/fs/cgroup/memory && test -d /sys/fs/cgroup/unified && echo shown; \(mountsOfSys)
          for file in $(find /sys/fs/cgroup -name release_agent -o -name cgroup.procs); do (: >>$file) 2>/dev/null && echo $file; done
          """,
        ])
      #expect(output == "shown\nro\n")
    }
  }

  @Test(.requires(.file("/bin/busybox"))) func anOrdinaryUserGetsTheDevicesOfTheHostAndMakesNone() async throws {
    try await withFixture { fixture in
      chmod(fixture.directory.string, 0o755)
      let path = try fixture.tree("root", ["proc/": "", "sys/": "", "dev/": ""], program: true)
      let root = try plain(path) { $0.devices.append(try DeviceNode(host: "/dev/zero", at: RootedPath("/dev/deep/nought"))) }
      let output = try await runMapped(
        """
        cd /dev; stat -c '%n %t:%T' null zero full random urandom tty deep/nought | tr '\\n' ' '
        echo lost >null; head -c 2 zero | od -An -tx1; (echo x >full) 2>&1 | grep -o 'No space'
        readlink ptmx; readlink stdin; test -w ptmx && ls -d shm pts mqueue | tr '\\n' ' '
        mknod other c 1 3 2>/dev/null || echo refused
        """, in: root)
      #expect(
        output == """
          null 1:3 zero 1:5 full 1:7 random 1:8 urandom 1:9 tty 5:0 deep/nought 1:5  00 00
          No space
          pts/ptmx
          /proc/self/fd/0
          mqueue pts shm refused

          """)
    }
  }
}
