import CContainrLinux
import ContainrCore
import ContainrLaunch
import ContainrRootFS
import ContainrTestSupport
import Glibc
import SystemPackage
import Testing

@Suite(.enabled(if: geteuid() == 0, "needs user id 0")) struct MountKindTests {
  /// A mount of the host for the time of a test, with one more below it.
  private func withHostMounts<Result>(
    at directory: FilePath, flags: UInt = 0, isolation: isolated (any Actor)? = #isolation,
    _ body: () async throws -> Result
  ) async throws -> Result {
    try #require(mount("memory", directory.string, "tmpfs", 0, nil) == 0)
    defer { umount2(directory.string, CInt(MNT_DETACH)) }
    let below = directory.appending("below")
    try FileTree.makeDirectories(below, mode: 0o755)
    try #require(mount("memory", below.string, "tmpfs", 0, nil) == 0)
    try FileContents.replace(below.appending("n"), with: "below".utf8, mode: 0o644, durable: false)
    for path in [directory, below] {
      try #require(mount(nil, path.string, nil, UInt(MS_SHARED), nil) == 0)
      if flags != 0 { try #require(mount(nil, path.string, nil, UInt(MS_REMOUNT | MS_BIND) | flags, nil) == 0) }
    }
    return try await body()
  }

  private func bind(_ source: FilePath, _ options: [String], at destination: String) throws -> Mount {
    try Mount(ociType: "bind", source: source.string, destination: destination, options: options)
  }

  /// Prints the options of the mount at each path, and what follows them up to the hyphen.
  private func options(of paths: [String]) -> String {
    paths.map { "grep ' \($0) ' /proc/self/mountinfo | tail -1 | cut -d' ' -f6; " }.joined()
  }

  @Test(.requires(.file("/bin/busybox"))) func aBindHasEveryAttributeThatItIsGiven() async throws {
    let cases = [
      (["ro"], "ro,relatime"), (["nosuid", "nodev", "noexec"], "rw,nosuid,nodev,noexec,relatime"),
      (["noatime"], "rw,noatime"), (["nodiratime"], "rw,nodiratime,relatime"), (["strictatime"], "rw"),
      (["nosymfollow"], "rw,relatime,nosymfollow"), (["noatime", "relatime"], "rw,relatime"), ([], "rw,relatime"),
    ]
    try await withFixture { fixture in
      let data = try fixture.tree("data")
      // The directory's own mount may have attributes.
      try await withHostMounts(at: data) {
        let root = try plain(try fixture.tree("root", program: true)) {
          for (index, one) in cases.enumerated() { $0.mounts.append(try bind(data, one.0, at: "/m\(index)")) }
        }
        let (output, _) = try await run(options(of: cases.indices.map { "/m\($0)" }), in: root)
        #expect(output.split(separator: "\n").map(String.init) == cases.map(\.1))
      }
    }
  }

  @Test(.requires(.file("/bin/busybox"))) func attributesOfTheSourceAreKeptOrTakenAway() async throws {
    try await withFixture { fixture in
      let data = try fixture.tree("data")
      try await withHostMounts(at: data, flags: UInt(MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME)) {
        let root = try plain(try fixture.tree("root", program: true)) {
          $0.mounts.append(try bind(data, [], at: "/kept"))
          $0.mounts.append(try bind(data, ["rbind", "rw", "suid", "dev", "exec", "relatime"], at: "/top"))
          $0.mounts.append(try bind(data, ["rbind", "rrw", "rsuid", "rdev", "rexec", "ratime"], at: "/all"))
        }
        let (output, _) = try await run(options(of: ["/kept", "/top", "/top/below", "/all", "/all/below"]), in: root)
        let closed = "ro,nosuid,nodev,noexec,noatime"
        #expect(output == "\(closed)\nrw,relatime\n\(closed)\nrw,relatime\nrw,relatime\n")
      }
    }
  }

  @Test(.requires(.file("/bin/busybox"))) func recursiveFormsReachWhatIsBelowAndOthersDoNot() async throws {
    try await withFixture { fixture in
      let data = try fixture.tree("data")
      try await withHostMounts(at: data) {
        let root = try plain(try fixture.tree("root", program: true)) {
          $0.mounts.append(try bind(data, ["rbind", "ro"], at: "/top"))
          $0.mounts.append(try bind(data, ["rbind", "rro", "rnosuid"], at: "/all"))
          $0.mounts.append(try bind(data, ["rbind", "rro", "rw"], at: "/below"))
        }
        let (output, _) = try await run(
          options(of: ["/top", "/top/below", "/all", "/all/below", "/below", "/below/below"]), in: root)
        #expect(
          output == "ro,relatime\nrw,relatime\nro,nosuid,relatime\nro,nosuid,relatime\nrw,relatime\nro,relatime\n")
      }
    }
  }

  @Test(
    .requires(.file("/bin/busybox")),
    arguments: [
      ("private", "|"), ("rprivate", "|"), ("rslave", "master|master"), ("rshared", "shared|shared"),
      ("unbindable", "unbindable|"), ("runbindable", "unbindable|unbindable"),
      // Never a peer of the host's below a mount that is none.
      ("slave", "master|master"), ("shared", "shared|shared"),
    ])
  func propagationIsThatOfTheOption(option: String, tags: String) async throws {
    try await withFixture { fixture in
      let data = try fixture.tree("data")
      try await withHostMounts(at: data) {
        let root = try plain(try fixture.tree("root", program: true)) {
          $0.mounts.append(try bind(data, ["rbind", option], at: "/m"))
        }
        let tag = { (path: String) in "grep ' \(path) ' /proc/self/mountinfo | grep -oE 'shared|master|unbindable'" }
        let (output, _) = try await run("echo \"$(\(tag("/m")))|$(\(tag("/m/below")))\"", in: root)
        #expect(output == tags + "\n")
      }
    }
  }

  @Test(
    .requires(.file("/bin/busybox")),
    arguments: [
      (MountPropagation.private, ""), (.slave, "master\n"), (.shared, "shared\n"), (.unbindable, "unbindable\n"),
    ])
  func theRootHasThePropagationThatItIsGiven(propagation: MountPropagation, tag: String) async throws {
    try await withFixture { fixture in
      let path = try fixture.tree("root")
      try await withHostMounts(at: path) {
        try fixture.tree("root", program: true)
        let root = try plain(path) { $0.propagation = propagation }
        let (output, _) = try await run(
          "grep ' / / ' /proc/self/mountinfo | grep -oE 'shared|master|unbindable'; true", in: root)
        #expect(output == tag)
      }
    }
  }

  @Test(.requires(.file("/bin/busybox"))) func fileSystemsGetTheirOptions() async throws {
    try await withFixture { fixture in
      let base = try fixture.tree("base", ["a": "base"])
      let top = try fixture.tree(String(repeating: "long/", count: 60), ["b": "top"])
      let root = try plain(try fixture.tree("root", program: true)) {
        $0.mounts.append(
          try Mount(
            ociType: "tmpfs", source: nil, destination: "/t", options: ["uid=7", "gid=8", "nr_inodes=2", "mode=750", "ro"]))
        $0.mounts.append(try Mount(ociType: "proc", source: nil, destination: "/p", options: ["hidepid=2", "subset=pid"]))
        $0.mounts.append(try Mount(ociType: "ramfs", source: "ramfs", destination: "/r", options: ["mode=711"]))
        $0.mounts.append(
          Mount(
            .overlay(OverlayRoot(layers: [base, top], writableLayer: .none)), at: try RootedPath("/o"), attributes: .noExec))
        $0.mounts.append(
          try Mount(
            ociType: "overlay", source: "overlay", destination: "/l",
            options: ["lowerdir=\(top.string):\(base.string)", "nodev"]))
        $0.mounts.append(try Mount(ociType: "devpts", source: nil, destination: "/terminals", options: ["ptmxmode=0600"]))
      }
      let (output, _) = try await run(
        """
        stat -c '%u:%g %a' /t; (touch /t/x) 2>&1 | grep -o 'Read-only'; df -i /t | tail -1 | awk '{print $2}'
        ls /p | grep -vE '^[0-9]+$' | tr '\\n' ' '; grep ' /p ' /proc/mounts | grep -oE 'hidepid=[a-z0-9]*'
        stat -c %a /r; cat /o/a /o/b /l/a /l/b; echo; stat -c %a /terminals/ptmx
        \(options(of: ["/o", "/l"]))
        """, in: root)
      #expect(
        output == """
          7:8 750
          Read-only
          2
          self thread-self hidepid=invisible
          711
          basetopbasetop
          600
          rw,noexec,relatime
          rw,nodev,relatime

          """)
    }
  }

  @Test(.requires(.file("/bin/busybox"))) func whatTheKernelDoesNotKnowIsNamed() async throws {
    try await withFixture { fixture in
      let path = try fixture.tree("root", program: true)
      let cases: [(String, [String], ContainrError.Code, String)] = [
        ("nosuchfs", [], .kernelUnsupported, "this kernel has no file system nosuchfs: see /proc/filesystems"),
        ("tmpfs", ["colour=red"], .rootfsMount, "the kernel says: tmpfs: Unknown parameter 'colour'"),
      ]
      for (type, options, code, hint) in cases {
        let root = try plain(path) {
          $0.mounts.append(try Mount(ociType: type, source: nil, destination: "/m", options: options))
        }
        let error = await #expect(throws: ContainrError.self) { try await run("true", in: root) }
        #expect(error?.code == code)
        #expect(error?.hint == hint)
      }
    }
  }

  @Test(.requires(.file("/bin/busybox"))) func aRemountChangesWhatIsNamedAndNothingElse() async throws {
    try await withFixture { fixture in
      var root = try plain(try fixture.tree("root", program: true)) {
        $0.mounts.append(try Mount(ociType: nil, source: nil, destination: "/dev/shm", options: ["remount", "ro", "size=1m"]))
        $0.mounts.append(try Mount(ociType: nil, source: nil, destination: "/sys", options: ["remount", "exec"]))
      }
      let (output, _) = try await run(
        options(of: ["/dev/shm", "/sys"]) + "df -k /dev/shm | tail -1 | awk '{print $2}'", in: root)
      #expect(output == "ro,nosuid,nodev,noexec,relatime\nro,nosuid,nodev,relatime\n1024\n")
      root.mounts.append(try Mount(ociType: nil, source: nil, destination: "/bin", options: ["remount", "ro"]))
      let error = await #expect(throws: ContainrError.self) { try await run("true", in: root) }
      #expect(error?.code == .rootfsMount)
    }
  }

  @Test(.requires(.file("/bin/busybox")), arguments: [true, false])
  func aWritableLayerIsSyncedWhereItIsDurableAndNeverElse(isDurable: Bool) async throws {
    try await withFixture { fixture in
      let layer = OverlayRoot.WritableLayer.directories(
        upper: try fixture.tree("upper"), work: try fixture.tree("work"), durable: isDurable)
      let stack = OverlayRoot(layers: [try fixture.tree("base", program: true)], writableLayer: layer)
      let (output, _) = try await run("grep ' / overlay' /proc/mounts | grep -o volatile; true", in: RootFS(.overlay(stack)))
      #expect(output == (isDurable ? "" : "volatile\n"))
      // The mark that the kernel leaves of a mount that it did not sync.
      #expect((access(fixture.directory.appending("work/work/incompat/volatile").string, F_OK) == 0) == !isDurable)
      try FileTree.remove(fixture.directory.appending("work/work/incompat"))
      try await withMountedRootFS(.overlay(stack), at: fixture.directory.appending("place")) { _ in
        let isVolatile = try fixture.mounts().contains { $0.contains("volatile") }
        #expect(isVolatile == !isDurable)
      }
    }
  }
}
