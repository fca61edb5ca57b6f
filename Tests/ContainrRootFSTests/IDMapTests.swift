import CContainrLinux
import ContainrCore
import ContainrLaunch
import ContainrRootFS
import ContainrTestSupport
import Glibc
import SystemPackage
import Testing

/// Mounts that show files with other ids. tmpfs takes maps from Linux 6.3 on, and every machine has it.
@Suite(.enabled(if: geteuid() == 0, "needs user id 0")) struct IDMapTests {
  private let map = MountIDMap(
    users: [.init(containerID: 0, hostID: 1000, count: 100)], groups: [.init(containerID: 0, hostID: 2000, count: 100)])

  /// Memory on the host with a file of somebody's, and memory below it.
  private func withFiles<Result>(
    _ fixture: Fixture, isolation: isolated (any Actor)? = #isolation, _ body: (FilePath) async throws -> Result
  ) async throws -> Result {
    chmod(fixture.directory.string, 0o755)
    let data = try fixture.tree("data")
    try #require(mount("memory", data.string, "tmpfs", 0, "mode=755") == 0)
    defer { umount2(data.string, CInt(MNT_DETACH)) }
    try fixture.tree("data", ["zero": "0", "three": "3", "far": "x", "below/": ""])
    try #require(mount("memory", data.string + "/below", "tmpfs", 0, "mode=755") == 0)
    try fixture.tree("data/below", ["zero": "0"])
    try #require(chown(data.appending("three").string, 3, 4) == 0 && chown(data.appending("far").string, 500, 500) == 0)
    return try await body(data)
  }

  @Test(.requires(.file("/bin/busybox"), .kernel(6, 3)), arguments: [false, true])
  func aBindShowsAndMakesFilesWithMappedIds(isRecursive: Bool) async throws {
    try await withFixture { fixture in
      try await withFiles(fixture) { data in
        let root = try plain(try fixture.tree("root", program: true)) {
          $0.mounts.append(
            try Mount(
              ociType: "bind", source: data.string, destination: "/m", options: ["rbind", isRecursive ? "ridmap" : "idmap"],
              idMap: map))
          $0.mounts.append(try Mount(ociType: "bind", source: data.string, destination: "/second", options: ["ro"], idMap: map))
        }
        let (output, _) = try await run(
          """
          cd /m; stat -c '%n %u:%g' zero three far below/zero; stat -c %u /second/zero
          (touch root) 2>/dev/null || echo 'root is nobody here'; chmod 777 . 2>/dev/null; grep ' /m ' /proc/self/mountinfo | grep -c shared
          """, in: root)
        #expect(
          output == """
            zero 1000:2000
            three 1003:2004
            far 65534:65534
            below/zero \(isRecursive ? "1000:2000" : "0:0")
            1000
            root is nobody here
            0

            """)
        // On the host all is as it was.
        var status = stat()
        #expect(stat(data.appending("three").string, &status) == 0 && status.st_uid == 3)
      }
    }
  }

  @Test(.requires(.file("/bin/busybox"), .kernel(6, 3)))
  func aContainerWithAUserNamespaceOwnsWhatRootOwnsOnDisk() async throws {
    try await withFixture { fixture in
      try await withFiles(fixture) { data in
        let root = try plain(
          try fixture.tree("root", ["dev/": "", "proc/": "", "sys/": "", "m/": "", "plain/": ""], program: true)
        ) {
          $0.mounts = [
            Mount(.proc, at: .proc),
            try Mount(ociType: "bind", source: data.string, destination: "/m", options: ["rbind", "ridmap"]),
            try Mount(ociType: "bind", source: data.string, destination: "/plain", options: ["rbind"]),
          ]
          $0.devices = []
        }
        let range = MountIDMap.Range(containerID: 0, hostID: 100_000, count: 65536)
        let output = try await runMapped(
          "stat -c %u:%g /m/zero /m/three /m/below/zero /plain/zero; echo new >/m/new; cat /m/new", in: root, host: 100_000,
          count: 65536
        ) { $0.idMap = MountIDMap(users: [range], groups: [range]) }
        #expect(output == "0:0\n3:4\n0:0\n65534:65534\nnew\n")
        var status = stat()
        #expect(stat(data.appending("new").string, &status) == 0 && status.st_uid == 0)
      }
    }
  }

  @Test(.requires(.file("/bin/busybox"), .kernel(6, 3))) func newMemoryTakesAMapToo() async throws {
    try await withFixture { fixture in
      let root = try plain(try fixture.tree("root", program: true)) {
        $0.mounts.append(try Mount(ociType: "tmpfs", source: nil, destination: "/m", options: ["mode=755"], idMap: map))
      }
      let (output, _) = try await run("stat -c %u:%g /m", in: root)
      #expect(output == "1000:2000\n")
    }
  }

  @Test(.requires(.file("/bin/busybox"), .kernel(5, 12))) func aFileSystemThatTakesNoMapIsRefusedWithATypedError() async throws
  {
    try await withFixture { fixture in
      let root = try plain(try fixture.tree("root", program: true)) {
        $0.mounts.append(try Mount(ociType: "bind", source: "/proc", destination: "/m", options: [], idMap: map))
      }
      let error = await #expect(throws: ContainrError.self) { try await run("true", in: root) }
      #expect(error?.code == .unsupported)
      #expect(error?.hint?.hasPrefix("idmap:") == true)
      let new = try plain(try fixture.tree("root", program: true)) {
        $0.mounts.append(try Mount(ociType: "ramfs", source: nil, destination: "/m", options: [], idMap: map))
      }
      #expect(await #expect(throws: ContainrError.self) { try await run("true", in: new) }?.code == .unsupported)
    }
  }

  @Test func aMapThatTheKernelRefusesIsNamed() async throws {
    try await withFixture { fixture in
      let wrong = MountIDMap(
        users: [.init(containerID: 0, hostID: 0, count: 0)], groups: [.init(containerID: 0, hostID: 0, count: 1)])
      for (map, code) in [
        (wrong, ContainrError.Code.idMapping), (MountIDMap(users: [], groups: []), .invalidConfiguration),
      ] {
        let root = try plain(try fixture.tree("root")) {
          $0.mounts.append(
            try Mount(ociType: "bind", source: fixture.directory.string, destination: "/m", options: [], idMap: map))
        }
        #expect(await #expect(throws: ContainrError.self) { try await run("true", in: root) }?.code == code)
      }
    }
  }
}
