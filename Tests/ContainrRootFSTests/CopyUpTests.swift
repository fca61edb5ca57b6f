import CContainrLinux
import ContainrCore
import ContainrLaunch
import ContainrRootFS
import ContainrTestSupport
import Glibc
import SystemPackage
import Testing

/// New memory that begins with what the image has at the place (`tmpcopyup`).
@Suite(.enabled(if: geteuid() == 0, "needs user id 0")) struct CopyUpTests {
  private func memory(_ options: [String] = []) throws -> Mount {
    try Mount(ociType: "tmpfs", source: "tmpfs", destination: "/var/data", options: ["tmpcopyup"] + options)
  }

  @Test(.requires(.file("/bin/busybox"))) func memoryBeginsWithWhatTheImageHasAndTheImageStaysAsItIs() async throws {
    try await withFixture { fixture in
      try fixture.tree("", ["canary": "host"])
      let path = try fixture.tree(
        "root", ["var/data/file": "text", "var/data/deep/er/inner": "inner", "var/data/empty/": ""], program: true)
      let data = path.appending("var/data")
      for number in 0..<200 {
        try FileContents.replace(data.appending("deep/a-name-of-some-length-\(number)"), with: "x".utf8, durable: false)
      }
      try fixture.link(data.appending("link"), to: fixture.directory.appending("canary").string)
      try #require(mkfifo(data.appending("pipe").string, 0o640) == 0)
      try #require(mknod(data.appending("device").string, S_IFCHR | 0o600, 0x105) == 0)
      try #require(chown(data.appending("file").string, 5, 6) == 0 && chmod(data.appending("file").string, 0o4751) == 0)
      try #require(chown(data.string, 7, 8) == 0 && chmod(data.string, 0o2770) == 0)
      var times = [timespec(tv_sec: 1000, tv_nsec: 0), timespec(tv_sec: 2000, tv_nsec: 0)]
      try #require(utimensat(AT_FDCWD, data.appending("file").string, &times, 0) == 0)
      try #require(utimensat(AT_FDCWD, data.appending("empty").string, &times, 0) == 0)
      let before = try fixture.contents(path)
      let root = try plain(path) { $0.mounts.append(try memory()) }
      let (output, _) = try await run(
        """
        cd /var/data; stat -c '%n %F %a %u:%g %Y' file empty | tr '\\n' ';'; stat -c '%F %a %u:%g' . pipe; stat -c '%t:%T' device
        cat file deep/er/inner; echo; readlink link | grep -o canary; cat deep/a-name-* | wc -c
        grep ' /var/data ' /proc/mounts | cut -d' ' -f3; rm -r deep file; echo changed >new
        """, in: root)
      #expect(
        output == """
          file regular file 4751 5:6 2000;empty directory 755 0:0 2000;directory 2770 7:8
          fifo 640 0:0
          1:5
          textinner
          canary
          200
          tmpfs

          """)
      #expect(try fixture.contents(path) == before.merging(["dev/": "", "proc/": "", "sys/": ""]) { first, _ in first })
    }
  }

  @Test(.requires(.file("/bin/busybox"))) func theLayersOfAnOverlayAreCopiedAsTheyShow() async throws {
    try await withFixture { fixture in
      let layers = [
        try fixture.tree("base", ["var/data/a": "base", "var/data/b": "base", "var/data/gone": "base"], program: true),
        try fixture.tree("top", ["var/data/b": "top", "var/data/c": "top"]),
      ]
      try #require(mknod(layers[1].appending("var/data/gone").string, S_IFCHR, 0) == 0)
      let stack = OverlayRoot(
        layers: layers,
        writableLayer: .directories(upper: try fixture.tree("upper"), work: try fixture.tree("work"), durable: false))
      let root = RootFS(.overlay(stack)) { $0.mounts.append(Mount.defaults[0]) }
      var copied = root
      copied.mounts.append(try memory(["mode=711", "ro"]))
      let (output, _) = try await run(
        "cd /var/data; for n in *; do echo $n $(cat $n); done; stat -c %a .; (touch x) 2>&1 | grep -o 'Read-only'", in: copied)
      #expect(output == "a base\nb top\nc top\n711\nRead-only\n")
    }
  }

  @Test(.requires(.file("/bin/busybox"))) func aPlaceThatIsMissingIsEmptyAndOneTooDeepIsRefused() async throws {
    try await withFixture { fixture in
      let path = try fixture.tree("root", program: true)
      let root = try plain(path) { $0.mounts.append(try memory()) }
      let (output, _) = try await run("ls -a /var/data | wc -l; stat -c %a /var/data", in: root)
      #expect(output == "2\n1777\n")
      try fixture.tree("root/var/data/" + Array(repeating: "d", count: 63).joined(separator: "/"))
      let (deep, _) = try await run("find /var/data | wc -l", in: root)
      #expect(deep == "64\n")
      try fixture.tree("root/var/data/" + Array(repeating: "d", count: 64).joined(separator: "/"))
      let error = await #expect(throws: ContainrError.self) { try await run("true", in: root) }
      #expect(error?.systemCall?.errno == .argListTooLong)
      #expect(error?.hint == "tmpcopyup copies trees of at most 64 levels")
    }
  }

  @Test(.requires(.file("/bin/busybox"))) func moreThanTheMemoryTakesIsAnErrorAndNoHalfCopy() async throws {
    try await withFixture { fixture in
      let path = try fixture.tree("root", ["var/data/big": String(repeating: "x", count: 300_000)], program: true)
      let root = try plain(path) { $0.mounts.append(try memory(["size=64k"])) }
      let error = await #expect(throws: ContainrError.self) { try await run("true", in: root) }
      #expect(error?.code == .resourceExhausted)
      #expect(error?.activity == "copying up /var/data")
    }
  }
}
