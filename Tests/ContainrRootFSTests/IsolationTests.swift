import ContainrCore
import ContainrLaunch
import ContainrRootFS
import ContainrTestSupport
import Glibc
import SystemPackage
import Testing

@Suite(.enabled(if: geteuid() == 0, "needs user id 0")) struct IsolationTests {
  @Test(.requires(.file("/bin/busybox"))) func afterThePivotTheHostsRootIsGone() async throws {
    try await withFixture { fixture in
      try fixture.tree("", ["canary": "host"])
      let root = try plain(try fixture.tree("root", program: true))
      let canary = fixture.directory.appending("canary").string
      let (output, _) = try await run(
        """
        cat \(canary) /../../../..\(canary) /proc/1/root\(canary) /proc/self/cwd/../../..\(canary) 2>/dev/null
        cd /; cd ../../..; pwd; ls
        wc -l </proc/self/mountinfo; cut -d' ' -f5 /proc/self/mountinfo | sort | tr '\\n' ' '
        """, in: root)
      // Without a cgroup to show, the default mounts but one.
      #expect(output == "/\nbin\ndev\nproc\nsys\n7\n/ /dev /dev/mqueue /dev/pts /dev/shm /proc /sys ")
    }
  }

  @Test(.requires(.file("/bin/busybox"))) func chrootConfinesPathLookup() async throws {
    try await withFixture { fixture in
      try fixture.tree("", ["canary": "host"])
      let root = try plain(try fixture.tree("root", ["inside": "root"], program: true)) { $0.change = .chroot }
      let canary = fixture.directory.appending("canary").string
      let (output, _) = try await run(
        "cat \(canary) /../../../..\(canary) 2>/dev/null; cat /inside /../../inside; cd ../..; pwd; ls", in: root)
      #expect(output == "rootroot/\nbin\ndev\ninside\nproc\nsys\n")
    }
  }

  @Test(.requires(.file("/bin/busybox"))) func aReadOnlyRootRefusesWritesAndItsMountsDoNot() async throws {
    try await withFixture { fixture in
      let root = try plain(try fixture.tree("root", ["n": "1"], program: true)) {
        $0.isReadOnly = true
        $0.mounts.append(.tmpfs(at: try RootedPath("/tmp")))
      }
      let (output, _) = try await run("(echo x >/n) 2>&1 | grep -o 'Read-only'; echo 2 >/tmp/n; cat /n /tmp/n", in: root)
      #expect(output == "Read-only\n12\n")
    }
  }

  @Test(.requires(.file("/bin/busybox")), arguments: ["proc", "sys", "dev"])
  func aLinkWhereADefaultMountBelongsIsRefused(name: String) async throws {
    try await withFixture { fixture in
      let path = try fixture.tree("root", ["elsewhere/": ""], program: true)
      try fixture.link(path.appending(name), to: "/elsewhere")
      let error = await #expect(throws: ContainrError.self) { try await run("true", in: try plain(path)) }
      #expect(error?.code == .pathEscape)
    }
  }

  @Test(.requires(.file("/bin/busybox"))) func aLinkInTheWayOfABindMountLeadsNowhereOutOfTheRoot() async throws {
    try await withFixture { fixture in
      let outside = try fixture.tree("outside", ["canary": "host"])
      let data = try fixture.tree("data", ["n": "data"])
      let path = try fixture.tree("root", program: true)
      try fixture.link(path.appending("absolute"), to: outside.string)
      try fixture.link(path.appending("relative"), to: "../../../../../.." + outside.string + "/two")
      let root = try plain(path) {
        $0.mounts.append(.bind(from: data, to: try RootedPath("/absolute/one")))
        $0.mounts.append(.bind(from: data, to: try RootedPath("/relative")))
      }
      let (output, _) = try await run("cat /absolute/one/n /relative/n \(outside)/one/n \(outside)/two/n", in: root)
      #expect(output == "datadatadatadata")
      #expect(try fixture.contents(outside) == ["canary": "host"])
    }
  }

  @Test(.requires(.file("/bin/busybox"))) func aLinkToNowhereIsFollowedInsideTheRootAndItsTargetMade() async throws {
    try await withFixture { fixture in
      let file = try fixture.tree("host", ["resolv.conf": "nameserver"]).appending("resolv.conf")
      let path = try fixture.tree("root", ["etc/": ""], program: true)
      try fixture.link(path.appending("etc/resolv.conf"), to: "../run/systemd/resolve/stub.conf")
      try fixture.link(path.appending("etc/loop"), to: "loop")
      try fixture.link(path.appending("first"), to: "/second/deeper")
      try fixture.link(path.appending("second"), to: "third")
      var root = try plain(path) {
        $0.mounts.append(.bind(from: file, to: try RootedPath("/etc/resolv.conf")))
        $0.mounts.append(.tmpfs(at: try RootedPath("/first/x")))
      }
      let (output, _) = try await run("cat /etc/resolv.conf /run/systemd/resolve/stub.conf; ls -d /third/deeper/x", in: root)
      #expect(output == "nameservernameserver/third/deeper/x\n")
      root.mounts.append(.bind(from: file, to: try RootedPath("/etc/loop/x")))
      let error = await #expect(throws: ContainrError.self) { try await run("true", in: root) }
      #expect(error?.systemCall?.errno == .tooManySymbolicLinkLevels)
    }
  }
}
