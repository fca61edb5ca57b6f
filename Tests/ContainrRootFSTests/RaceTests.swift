import CContainrLinux
import ContainrCore
import ContainrLaunch
import ContainrRootFS
import ContainrTestSupport
import Glibc
import SystemPackage
import Testing

/// How many containers a race starts.
private let starts = max(300, raceRounds / 100)

@Suite(.serialized, .enabled(if: geteuid() == 0, "needs user id 0")) struct RaceTests {
  /// Starts containers while the paths are swapped, and says how many came up. One that fails says why: a failure is fine,
  /// a container that came up wrong is not.
  private func race(
    _ first: FilePath, _ second: FilePath, in root: RootFS, script: String, expecting output: String,
    before: (inout LaunchPlan) throws -> Void = { _ in },
    after: (inout LaunchPlan, RootFSSlots) throws -> Void = { _, _ in }
  ) async throws {
    let swapper = try Swapper(first, second)
    var started = 0
    var failed = 0
    for _ in 0..<starts {
      do {
        let result = try await run(script, in: root, before: before, after: after)
        #expect(result.output == output)
        started += 1
      } catch let error as ContainrError {
        #expect(error.code != .internalError, "\(error)")
        failed += 1
      }
    }
    let swaps = swapper.stop()
    #expect(swaps > starts, "the race did not take place: \(swaps) swaps, \(started) started, \(failed) failed")
  }

  @Test(.requires(.file("/bin/busybox")))
  func cve_2021_30465_aMountPointSwappedForALinkNeverLeadsOutOfTheRoot() async throws {
    try await withFixture { fixture in
      let outside = try fixture.tree("outside", ["canary": "host", "sub/": ""])
      let data = try fixture.tree("data", ["n": "data"])
      let path = try fixture.tree("root", ["volume/target/": "", "proc/": ""], program: true)
      let volume = path.appending("volume")
      try fixture.link(volume.appending("link"), to: outside.string)
      let root = try plain(path) {
        $0.mounts.append(.bind(from: data, to: try RootedPath("/volume/target/sub")))
        $0.mounts.append(.tmpfs(at: try RootedPath("/volume/target/memory")))
        $0.mounts.append(Mount(.mqueue, at: try RootedPath("/volume/target/queue")))
        $0.mounts.append(.bind(from: data.appending("n"), to: try RootedPath("/volume/target/file")))
        $0.maskedPaths = ["/volume/target/sub"]
        $0.readonlyPaths = ["/volume/target"]
      }
      try await race(
        volume.appending("target"), volume.appending("link"), in: root, script: "echo up", expecting: "up\n",
        after: { plan, slots in
          plan.append(.makeDirectory(root: slots.root, path: "/volume/target/made/deep", mode: 0o777))
        })
      #expect(try fixture.contents(outside) == ["canary": "host", "sub/": ""])
      #expect(try fixture.contents(data) == ["n": "data"])
    }
  }

  @Test(.requires(.file("/bin/busybox")), arguments: [true, false])
  func cve_2025_31133_aSwappedNullDeviceNeverBecomesAMask(isLink: Bool) async throws {
    try await withFixture { fixture in
      // A /dev that somebody else can write to, such as a volume.
      let devices = try fixture.tree("devices", ["file": "evil", "canary": "host"])
      try #require(mknod(devices.appending("null").string, S_IFCHR | 0o666, 0x103) == 0)
      try fixture.link(devices.appending("link"), to: "/proc/sys/kernel/hostname")
      let root = try plain(try fixture.tree("root", ["secret": "secret"], program: true)) {
        $0.mounts = [Mount(.proc, at: .proc), .bind(from: devices, to: .dev)]
        $0.maskedPaths = ["/secret"]
      }
      try await race(
        devices.appending("null"), devices.appending(isLink ? "link" : "file"), in: root,
        script: "stat -c '%t:%T' /secret", expecting: "1:3\n")
      #expect(try fixture.text(devices.appending("canary")) == "host")
    }
  }

  @Test(.requires(.file("/bin/busybox")))
  func cve_2025_52565_aSwappedConsoleNeverPutsTheTerminalElsewhere() async throws {
    try await withFixture { fixture in
      let devices = try fixture.tree("devices", ["console": "", "pts/": ""])
      try fixture.link(devices.appending("link"), to: "/canary")
      let path = try fixture.tree("root", ["canary": "inside"], program: true)
      let root = try plain(path) {
        $0.mounts = [Mount(.proc, at: .proc), .bind(from: devices, to: .dev), Mount(.devpts, at: .devPts)]
      }
      try await race(
        devices.appending("console"), devices.appending("link"), in: root,
        script: "cat /canary; grep -c canary /proc/self/mountinfo", expecting: "inside0\n",
        after: { plan, slots in
          let (controller, terminal, console) = (plan.makeSlot(), plan.makeSlot(), plan.makeSlot())
          plan.append(
            .terminal(
              devpts: try #require(slots.devpts), controller: controller, terminal: terminal, rows: 24, columns: 80))
          plan.append(.bind(console, directory: terminal, recursive: false))
          plan.append(.attach(console, root: slots.root, path: "/dev/console"))
        })
      #expect(try fixture.text(path.appending("canary")) == "inside")
    }
  }
}
