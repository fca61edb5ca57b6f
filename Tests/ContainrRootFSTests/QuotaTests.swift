import CContainrLinux
import ContainrCore
import ContainrRootFS
import ContainrTestSupport
import Glibc
import SystemPackage
import Testing

@Suite struct DirectoryUsageTests {
  @Test(.requires(.program("du"), .program("find"))) func countsWhatDiskUsageCounts() async throws {
    try await withFixture { fixture in
      let tree = try fixture.tree("tree", ["a": String(repeating: "x", count: 100_000), "b/c": "text", "empty/": ""])
      try #require(Glibc.link(tree.appending("a").string, tree.appending("b/again").string) == 0)
      try fixture.link(tree.appending("out"), to: "/usr")
      try #require(mkfifo(tree.appending("pipe").string, 0o600) == 0)
      let usage = try DirectoryUsage(of: tree)
      // tree, a, b, b/c, empty, out, pipe: the second name of a is the same file.
      #expect(usage.inodes == 7)
      let (text, _) = try await run(
        { _ in }, paths: ["/usr/bin/du"], arguments: ["du", "-s", "--block-size=1", tree.string])
      #expect(text.split(separator: "\t").first.flatMap { UInt64($0) } == usage.space.bytes)
    }
  }

  @Test func aTreeDeeperThanAnyPathIsCounted() async throws {
    try await withFixture { fixture in
      var current = try OwnedDescriptor.open(try fixture.tree("deep"), flags: O_RDONLY | O_DIRECTORY)
      for _ in 0..<3000 {
        try #require(mkdirat(current.rawValue, "deep", 0o755) == 0)
        current = OwnedDescriptor(
          owning: try check(cl_openat(current.rawValue, "deep", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0), .ioFailure, "", ""))
      }
      #expect(try DirectoryUsage(of: fixture.directory.appending("deep")).inodes == 3001)
    }
  }
}

extension Requirement {
  /// A kernel and tools with which a file system with project quotas can be made and mounted.
  static let projectQuota = Requirement("project quotas of ext4") { isProjectQuotaThere }

  private static let isProjectQuotaThere: Bool = {
    guard geteuid() == 0, access("/proc/sys/fs/quota", F_OK) == 0 else { return false }
    return system(
      """
      exec >/dev/null 2>&1
      d=$(mktemp -d) && truncate -s 16M $d/i && mkfs.ext4 -q -O quota,project -E quotatype=prjquota $d/i && mkdir $d/m \
      && mount -o loop,prjquota $d/i $d/m; s=$?; umount $d/m; rm -rf $d; exit $s
      """) == 0
  }()
}

@Suite(.serialized, .enabled(if: geteuid() == 0, "needs user id 0")) struct ProjectQuotaTests {
  @Test(.requires(.projectQuota)) func aLayerHoldsNoMoreThanItsQuota() async throws {
    try await withFixture { fixture in
      chmod(fixture.directory.string, 0o755)
      let disk = try fixture.tree("disk")
      let image = fixture.directory.appending("image")
      let command = """
        truncate -s 32M \(image) && mkfs.ext4 -q -O quota,project -E quotatype=prjquota \(image) \
        && mount -o loop,prjquota \(image) \(disk)
        """
      try #require(system(command) == 0)
      defer { umount2(disk.string, CInt(MNT_DETACH)) }
      let layer = try fixture.tree("disk/layer")
      let other = try fixture.tree("disk/other")
      let quota = ProjectQuota(project: 42, space: .mebibytes(1), inodes: 20)
      try quota.apply(to: layer)
      #expect(try ProjectQuota.project(of: layer) == 42)
      #expect(try ProjectQuota.project(of: other) == nil)
      // The superuser of the first user namespace is not held back (CAP_SYS_RESOURCE): somebody else writes.
      chmod(layer.string, 0o777)
      chmod(other.string, 0o777)
      let script = { (place: FilePath) in
        "cd \(place); dd if=/dev/zero of=big bs=64k count=32 2>&1 | grep -o 'quota exceeded'; ls; rm -f big; "
          + "for n in $(seq 40); do touch f$n 2>/dev/null || break; done; ls | wc -l"
      }
      let limited = try await asNobody(script(layer))
      #expect(limited == "quota exceeded\nbig\n19\n")
      #expect(try await asNobody(script(other)) == "big\n40\n")
      let usage = try ProjectQuota.usage(ofProject: 42, at: disk)
      #expect(usage.inodes == 20)
      #expect(usage.space <= .mebibytes(1))
    }
  }

  private func asNobody(_ script: String) async throws -> String {
    try await run(
      { plan in plan.append(.ids(uid: 65534, gid: 65534)) }, paths: ["/bin/sh"], arguments: ["sh", "-c", script]
    ).0
  }

  @Test func whereThereAreNoProjectQuotasTheErrorSaysSo() async throws {
    try await withFixture { fixture in
      let place = try fixture.tree("place")
      try #require(mount("memory", place.string, "tmpfs", 0, nil) == 0)
      defer { umount2(place.string, CInt(MNT_DETACH)) }
      let error = #expect(throws: ContainrError.self) { try ProjectQuota(project: 1, inodes: 1).apply(to: place) }
      #expect(error?.code == .unsupported)
      let usage = #expect(throws: ContainrError.self) { try ProjectQuota.usage(ofProject: 1, at: place) }
      #expect(usage?.code == .unsupported, "\(usage?.summary ?? "")")
      #expect(#expect(throws: ContainrError.self) { try ProjectQuota(project: 0).apply(to: place) }?.code == .invalidArgument)
    }
  }
}
