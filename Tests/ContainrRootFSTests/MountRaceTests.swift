import CContainrLinux
import ContainrCore
import ContainrLaunch
import ContainrRootFS
import ContainrTestSupport
import Glibc
import SystemPackage
import Testing

/// A kind of mount, as a race attaches it many times in one plan.
struct RacedMount: CustomTestStringConvertible, Sendable {
  let testDescription: String
  /// Whether a link on the way to the mount point is followed inside the root. Where it is not, a start that meets the link
  /// fails.
  let followsLinks: Bool
  /// Makes the mount, from a directory with the file `n` in it.
  let make: @Sendable (FilePath, RootedPath) throws -> Mount

  private init(
    _ name: String, followsLinks: Bool, _ make: @escaping @Sendable (FilePath, RootedPath) throws -> Mount
  ) {
    testDescription = name
    self.followsLinks = followsLinks
    self.make = make
  }

  /// Those that this kernel can mount: memory takes id maps from Linux 6.3 on.
  static let here = all.filter { kind in
    guard kind.testDescription == "id-mapped bind" else { return true }
    if case .success(let version) = Result(catching: { try KernelVersion.current() }) { return version >= KernelVersion(6, 3) }
    return false
  }

  private static let all = [
    RacedMount("bind of a directory", followsLinks: true) { Mount(.bind(source: $0, recursive: true), at: $1) },
    RacedMount("bind of a file", followsLinks: true) {
      Mount(.bind(source: $0.appending("n"), recursive: false), at: $1, attributes: .readOnly)
    },
    RacedMount("id-mapped bind", followsLinks: true) { source, destination in
      var mount = Mount(.bind(source: source, recursive: true), at: destination)
      let range = [MountIDMap.Range(containerID: 0, hostID: 1000, count: 10)]
      mount.idMapping = .own(MountIDMap(users: range, groups: range))
      return mount
    },
    RacedMount("slave bind", followsLinks: true) { Mount(.bind(source: $0, recursive: true), at: $1, propagation: .slave) },
    RacedMount("tmpfs", followsLinks: true) { .tmpfs(at: $1) },
    RacedMount("tmpfs with a copy", followsLinks: true) { _, destination in
      var mount = Mount.tmpfs(at: destination)
      mount.copiesUp = true
      return mount
    },
    RacedMount("overlay", followsLinks: true) {
      Mount(.overlay(OverlayRoot(layers: [$0.appending("sub"), "/usr/share"], writableLayer: .none)), at: $1)
    },
    RacedMount("ramfs", followsLinks: true) { Mount(.fileSystem(type: "ramfs", source: nil), at: $1) },
    RacedMount("proc", followsLinks: false) { Mount(.proc, at: $1) },
    RacedMount("sysfs", followsLinks: false) { Mount(.sysfs, at: $1) },
    RacedMount("devpts", followsLinks: false) { Mount(.devpts, at: $1) },
    RacedMount("mqueue", followsLinks: false) { Mount(.mqueue, at: $1) },
    RacedMount("cgroup", followsLinks: false) { Mount(.fileSystem(type: "cgroup2", source: nil), at: $1) },
  ]
}

/// Mount points that somebody swaps for links out of the root while they are used.
///
/// A round is a swap. Starts go on until there were enough, and attach many mounts each. A mount that left the root would
/// not be among the container's mounts, because the old root is gone by then: their number is compared.
@Suite(.serialized, .enabled(if: geteuid() == 0, "needs user id 0")) struct MountRaceTests {
  /// What a race needs on disk: a host directory that must stay as it is, what is mounted, and a root with the swapped
  /// names in /volume.
  private struct Scene {
    let fixture: Fixture
    let outside: FilePath
    let data: FilePath
    let root: FilePath

    init(_ fixture: Fixture, source: FilePath) throws {
      self.fixture = fixture
      outside = try fixture.tree("outside", ["canary": "host", "m/": "", "n": "host"])
      data = source
      root = try fixture.tree("root", ["proc/": "", "volume/target/sub/": "", "volume/target/copied": "x"], program: true)
      try fixture.link(root.appending("volume/link"), to: outside.string)
      // Where the link leads inside the root, so that a start that meets it goes on.
      try FileTree.makeDirectories(FilePath(root.string + outside.string), mode: 0o755)
    }

    func isUntouched() throws -> Bool {
      try fixture.contents(outside) == ["canary": "host", "m/": "", "n": "host"]
        && fixture.contents(data) == ["n": "data", "sub/": ""]
    }
  }

  /// Starts containers until the paths were swapped often enough; how many came up.
  private func race(
    _ scene: Scene, rests: Bool, _ root: RootFS, script: String, expecting output: String,
    after: (inout LaunchPlan, RootFSSlots) throws -> Void = { _, _ in }
  ) async throws -> (starts: Int, started: Int) {
    let volume = scene.root.appending("volume")
    let swapper = try Swapper(volume.appending("target"), volume.appending("link"), rests: rests)
    var starts = 0
    var started = 0
    var codes: Set<ContainrError.Code> = []
    // A failure is fine; a container that came up wrong is not.
    while swapper.count < raceRounds || starts < 20 {
      starts += 1
      do {
        let result = try await run(script, in: root, after: after)
        #expect(result.output == output)
        started += 1
      } catch let error as ContainrError {
        codes.insert(error.code)
      }
    }
    _ = swapper.stop()
    #expect(codes.isSubset(of: [.pathEscape, .rootfsMount, .rootfsDevice, .ioFailure]))
    return (starts, started)
  }

  @Test(.requires(.file("/bin/busybox")), arguments: RacedMount.here)
  func cve_2021_30465_cve_2024_45310_noMountLeavesTheRoot(kind: RacedMount) async throws {
    try await withFixture { fixture in
      let source = try fixture.tree("data")
      // Memory, which takes id maps whatever the disk is.
      try #require(mount("memory", source.string, "tmpfs", 0, nil) == 0)
      defer { umount2(source.string, CInt(MNT_DETACH)) }
      try fixture.tree("data", ["n": "data", "sub/": ""])
      let scene = try Scene(fixture, source: source)
      let count = kind.followsLinks ? 40 : 8
      let root = try plain(scene.root) {
        $0.mounts = [Mount(.proc, at: .proc)]
        $0.devices = []
        for number in 0..<count {
          $0.mounts.append(try kind.make(source, try RootedPath("/volume/target/\(kind.testDescription)/m\(number % 4)")))
        }
      }
      let (starts, started) = try await race(
        scene, rests: !kind.followsLinks, root, script: "wc -l </proc/self/mountinfo", expecting: "\(count + 2)\n")
      #expect(started > 0, "none of \(starts) came up")
      #expect(try scene.isUntouched())
    }
  }

  @Test(.requires(.file("/bin/busybox")))
  func cve_2021_30465_cve_2024_45310_nothingIsMadeOutsideOfTheRoot() async throws {
    try await withFixture { fixture in
      let scene = try Scene(fixture, source: try fixture.tree("data", ["n": "data", "sub/": ""]))
      let root = try plain(scene.root) {
        $0.mounts = [Mount(.proc, at: .proc)]
        $0.devices = []
      }
      let (_, started) = try await race(scene, rests: false, root, script: "echo up", expecting: "up\n") { plan, slots in
        for number in 0..<40 {
          plan.append(.makeDirectory(root: slots.root, path: "/volume/target/d\(number)/deep/er", mode: 0o777))
          plan.append(.symbolicLink(root: slots.root, path: "/volume/target/l/\(number)", target: "x"))
          plan.append(
            .device(root: slots.root, path: "/volume/target/dev/\(number)", mode: 0o020666, device: cl_makedev(1, 3)))
        }
      }
      #expect(started > 0)
      #expect(try scene.isUntouched())
    }
  }

  @Test(.requires(.file("/bin/busybox")), arguments: ["proc", "sys"])
  func cve_2019_16884_cve_2019_19921_cve_2023_27561_cve_2023_28642_aSwappedTargetNeverTakesAWriteToTheKernel(
    name: String
  ) async throws {
    try await withFixture { fixture in
      let fake = ["tree/sys/kernel/hostname": "fake", "tree/self/attr/exec": "fake"]
      let path = try fixture.tree("root", ["sys/": "", "proc/": ""], program: true)
      try fixture.tree("root", fake)
      try fixture.link(path.appending("link"), to: "/tree")
      let root = try plain(path) {
        $0.mounts = [Mount(.proc, at: .proc), Mount(.sysfs, at: .sys, attributes: .readOnly)]
        $0.devices = []
      }
      let swapper = try Swapper(path.appending(name), path.appending("link"), rests: true)
      var (starts, started) = (0, 0)
      while swapper.count < raceRounds || starts < 20 {
        starts += 1
        do {
          // The names are swapped below the running container, too: what it asks the kernel for needs no path.
          let result = try await run(
            "hostname", in: root,
            after: { plan, slots in
              plan.append(.writeProc(try #require(slots.proc), path: "sys/kernel/hostname", text: "real"))
            })
          #expect(result.output == "real\n")
          started += 1
        } catch let error as ContainrError {
          // Walls in the swapped-in tree, or a link where the mount belongs.
          #expect(error.code == .pathEscape || error.code == .rootfsMount, "\(error)")
        }
      }
      _ = swapper.stop()
      #expect(started > 0, "none of \(starts) came up")
      for (file, text) in fake { #expect(try fixture.text(FilePath(path.string + "/" + file)) == text) }
    }
  }
}
