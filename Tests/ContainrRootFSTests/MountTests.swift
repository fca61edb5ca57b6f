import CContainrLinux
import ContainrCore
import ContainrLaunch
import ContainrRootFS
import ContainrTestSupport
import Glibc
import SystemPackage
import Testing

@Suite(.enabled(if: geteuid() == 0, "needs user id 0")) struct MountTests {
  @Test(.requires(.file("/bin/busybox"))) func theSpecialFileSystemsAreThere() async throws {
    try await withFixture { fixture in
      let root = try plain(try fixture.tree("root", program: true))
      let (output, _) = try await run(
        """
        while read -r source place type options rest; do
          case $place in /) continue;; esac
          echo "$place $type $(echo $options | tr , '\\n' | grep -xE 'ro|rw|nosuid|nodev|noexec' | tr '\\n' ' ')"
        done </proc/mounts | sort
        (touch /sys/x) 2>&1 | grep -o 'Read-only'
        df -k /dev/shm | tail -1 | awk '{print $2}'
        cat /proc/1/comm; true
        """, in: root)
      #expect(
        output == """
          /dev tmpfs rw nosuid\u{20}
          /dev/mqueue mqueue rw nosuid nodev noexec\u{20}
          /dev/pts devpts rw nosuid noexec\u{20}
          /dev/shm tmpfs rw nosuid nodev noexec\u{20}
          /proc proc rw nosuid nodev noexec\u{20}
          /sys sysfs ro nosuid nodev noexec\u{20}
          Read-only
          65536
          busybox

          """)
    }
  }

  @Test(.requires(.file("/bin/busybox"))) func devHasItsNodesAndLinks() async throws {
    try await withFixture { fixture in
      let (output, _) = try await run(
        """
        cd /dev; stat -c '%n %t:%T %a %F' null zero full random urandom tty
        for name in fd stdin stdout stderr ptmx core; do echo "$name $(readlink $name)"; done
        echo lost >null; head -c 4 zero | od -An -tx1; (echo x >full) 2>&1 | grep -o 'No space'; head -c 8 urandom | wc -c
        test -w ptmx && ls -d shm pts mqueue
        """, in: try plain(try fixture.tree("root", program: true)))
      #expect(
        output == """
          null 1:3 666 character special file
          zero 1:5 666 character special file
          full 1:7 666 character special file
          random 1:8 666 character special file
          urandom 1:9 666 character special file
          tty 5:0 666 character special file
          fd /proc/self/fd
          stdin /proc/self/fd/0
          stdout /proc/self/fd/1
          stderr /proc/self/fd/2
          ptmx pts/ptmx
          core /proc/kcore
           00 00 00 00
          No space
          8
          mqueue
          pts
          shm

          """)
    }
  }

  @Test(.requires(.file("/bin/busybox"))) func aDeviceOfTheHostIsAddedBelowADirectoryThatIsMissing() async throws {
    try await withFixture { fixture in
      let root = try plain(try fixture.tree("root", program: true)) {
        var device = try DeviceNode(host: "/dev/zero", at: RootedPath("/dev/deep/er/nought"))
        device.mode = 0o640
        device.gid = 7
        $0.devices.append(device)
      }
      let (output, _) = try await run("stat -c '%t:%T %a %u:%g' /dev/deep/er/nought", in: root)
      #expect(output == "1:5 640 0:7\n")
      #expect(throws: ContainrError.self) { try DeviceNode(host: "/etc/passwd") }
    }
  }

  @Test(.requires(.file("/bin/busybox"))) func aRootWithoutAMountAtDevGetsItsDevicesInItself() async throws {
    try await withFixture { fixture in
      let path = try fixture.tree("root", ["dev/": ""], program: true)
      try #require(mknod(path.appending("dev/null").string, S_IFCHR | 0o600, 0x103) == 0)
      var root = try plain(path) { $0.mounts = [Mount(.proc, at: .proc)] }
      root.devices.removeAll { $0.path.description == "/dev/tty" }
      let (output, _) = try await run("cd /dev; stat -c '%n %t:%T' *", in: root)
      #expect(output == "full 1:7\nnull 1:3\nrandom 1:8\nurandom 1:9\nzero 1:5\n")
      // What stands there and is no such device is not taken for it.
      try fixture.tree("root", ["dev/tty": "text"])
      root.devices = DeviceNode.defaults
      let error = await #expect(throws: ContainrError.self) { try await run("true", in: root) }
      #expect(error?.code == .rootfsDevice)
    }
  }

  @Test(.requires(.file("/bin/busybox"))) func masksHideAndReadOnlyPathsRefuseWrites() async throws {
    try await withFixture { fixture in
      let path = try fixture.tree(
        "root", ["secret": "1", "secrets/file": "2", "vault/file": "2", "fixed/file": "3", "open": "4"], program: true)
      try fixture.link(path.appending("alias"), to: "/open")
      let root = try plain(path) {
        $0.maskedPaths = ["/secret", "/secrets", "/vault", "/missing/path", "/open/below", "/proc/version", "/proc/scsi"]
        $0.readonlyPaths = ["/fixed", "/proc/sys", "/missing"]
      }
      let (output, _) = try await run(
        """
        cat /secret; ls /secrets /vault | grep -v ':$' | grep .; stat -c '%t:%T' /secret /proc/version; cat /fixed/file /open; echo
        for path in /secrets/x /vault/x /fixed/x /proc/sys/kernel/hostname; do (echo x >$path) 2>&1 | grep -o 'Read-only'; done
        """, in: root)
      #expect(output == "1:3\n1:3\n34\nRead-only\nRead-only\nRead-only\nRead-only\n")
    }
  }

  @Test(.requires(.file("/bin/busybox"))) func memoryHasASizeAndAMissingMountPointIsMade() async throws {
    try await withFixture { fixture in
      let root = try plain(try fixture.tree("root", program: true)) {
        $0.mounts.append(.tmpfs(at: try RootedPath("/not/there/yet"), size: .mebibytes(1), mode: 0o700))
      }
      let (output, _) = try await run(
        """
        cd /not/there/yet; stat -c %a .; df -k . | tail -1 | awk '{print $2}'
        dd if=/dev/zero of=big bs=1M count=2 2>&1 | grep -o 'No space'
        """, in: root)
      #expect(output == "700\n1024\nNo space\n")
    }
  }

  @Test(.requires(.file("/bin/busybox"))) func aBindIsWritableOrReadOnlyWithAllBelowIt() async throws {
    try await withFixture { fixture in
      let data = try fixture.tree("data", ["n": "1", "below/": ""])
      let file = try fixture.tree("host", ["file": "text"]).appending("file")
      let root = try plain(try fixture.tree("root", program: true)) {
        $0.mounts.append(.bind(from: data, to: try RootedPath("/rw")))
        $0.mounts.append(.bind(from: data, to: try RootedPath("/ro"), readOnly: true))
        $0.mounts.append(Mount(.bind(source: data, recursive: false), at: try RootedPath("/flat"), attributes: .noExec))
        $0.mounts.append(.bind(from: file, to: try RootedPath("/a/new/file"), readOnly: true))
      }
      let (output, _) = try await run(
        """
        echo 2 >/rw/made; echo 3 >/rw/below/made
        for path in /ro/x /ro/below/x /a/new/file; do (echo x >$path) 2>&1 | grep -o 'Read-only'; done
        cat /ro/made /ro/below/made /a/new/file; ls /flat/below; grep ' /flat ' /proc/mounts | grep -o noexec
        """, in: root,
        before: { plan in
          // Something mounted below the source, where only this container sees it.
          plan.append(.propagation(.private))
          let below = plan.makeSlot()
          plan.append(.mount(below, type: "tmpfs"))
          plan.append(.attachOnHost(below, path: data.appending("below").string))
        })
      #expect(output == "Read-only\nRead-only\nRead-only\n2\n3\ntextnoexec\n")
      #expect(try fixture.contents(data) == ["n": "1", "below/": "", "made": "2\n"])
    }
  }

  @Test(.requires(.file("/bin/busybox"))) func threeHundredMountsFitIntoAPlan() async throws {
    try await withFixture { fixture in
      let data = try fixture.tree("data", ["n": "x"])
      let root = try plain(try fixture.tree("root", program: true)) {
        for number in 0..<300 { $0.mounts.append(.bind(from: data, to: try RootedPath("/m/\(number)"))) }
      }
      let (output, _) = try await run("cat /m/*/n | wc -c", in: root)
      #expect(output == "300\n")
    }
  }

  @Test(
    .requires(.file("/bin/busybox")),
    arguments: [(MountPropagation.private, ""), (.slave, "master"), (.shared, "shared")])
  func propagationConnectsABindWithTheHostAsAskedFor(propagation: MountPropagation, tag: String) async throws {
    try await withFixture { fixture in
      let data = try fixture.tree("data")
      try #require(mount("memory", data.string, "tmpfs", 0, nil) == 0)
      try #require(mount(nil, data.string, nil, UInt(MS_SHARED), nil) == 0)
      let root = try plain(try fixture.tree("root", program: true)) {
        $0.mounts.append(
          Mount(.bind(source: data, recursive: true), at: try RootedPath("/data"), propagation: propagation))
      }
      let (output, _) = try await run("grep ' /data ' /proc/self/mountinfo | grep -oE 'master|shared'", in: root)
      #expect(output == (tag.isEmpty ? "" : tag + "\n"))
      #expect(umount2(data.string, 2) == 0)
    }
  }

  @Test(.requires(.file("/bin/busybox"))) func aRelativeSourceIsRefused() async throws {
    try await withFixture { fixture in
      let root = try plain(try fixture.tree("root", program: true)) {
        $0.mounts.append(.bind(from: "etc", to: try RootedPath("/x")))
      }
      let error = await #expect(throws: ContainrError.self) { try await run("true", in: root) }
      #expect(error?.code == .invalidConfiguration)
    }
  }
}
