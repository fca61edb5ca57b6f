import ContainrCore
import ContainrTestSupport
import Glibc
import SystemPackage
import Testing

@testable import ContainrCgroups

@Suite("Detection of the cgroup layout")
struct CgroupLayoutTests {
  @Test("A machine with version 1 mounts only is v1, each controller at its mount")
  func v1() throws {
    let layout = try CgroupLayout(mountInfo: FakeMachine.v1)
    #expect(layout.kind == .v1)
    #expect(layout.controllers == [.cpu, .cpuacct, .memory, .pids, .devices, .freezer, .cpuset])
    #expect(layout.version(of: .memory) == .v1)
    #expect(layout.version(of: .blkio) == nil)
    #expect(layout.v1.first?.mountPoint == "/sys/fs/cgroup/cpu,cpuacct")
    #expect(layout.v1.first?.controllers == [.cpu, .cpuacct])
  }

  @Test("A machine with the version 2 mount only is v2, with the controllers that its root offers")
  func v2() async throws {
    try await withFakeMachine(.v2) { machine in
      let layout = try machine.layout()
      #expect(layout.kind == .v2)
      #expect(layout.version(of: .memory) == .v2)
      #expect(layout.version(of: .blkio) == .v2)
      #expect(layout.version(of: .freezer) == .v2)
      #expect(layout.version(of: .devices) == .v2)
      #expect(layout.version(of: .hugetlb) == nil)
    }
  }

  @Test("A machine with both is hybrid, and each controller is on the version that has it")
  func hybrid() async throws {
    try await withFakeMachine(.hybrid) { machine in
      let layout = try machine.layout()
      #expect(layout.kind == .hybrid)
      #expect(layout.version(of: .memory) == .v1)
      #expect(layout.version(of: .hugetlb) == .v2)
      #expect(layout.version(of: .unified) == .v2)
    }
  }

  @Test("Without a cgroup mount there is no layout")
  func none() throws {
    #expect(try CgroupLayout(mountInfo: Array("23 1 0:2 / / rw - ext4 /dev/vda rw\n".utf8)).kind == .none)
    #expect(try CgroupLayout(mountInfo: []).kind == .none)
  }

  @Test("Mounts that lie under another mount do not count")
  func covered() throws {
    let covered = FakeMachine.v1 + Array("90 31 0:99 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n".utf8)
    #expect(try CgroupLayout(mountInfo: covered).kind == .none)
    let over = FakeMachine.v1 + Array("90 33 0:99 / /sys/fs/cgroup/memory rw - tmpfs tmpfs rw\n".utf8)
    #expect(try CgroupLayout(mountInfo: over).version(of: .memory) == nil)
    #expect(try CgroupLayout(mountInfo: over).version(of: .pids) == .v1)
  }

  @Test("A mount of the whole hierarchy is preferred to one of a part, and escapes in mount points are undone")
  func wholeFirst() throws {
    let text = """
      23 1 0:2 / / rw - ext4 /dev/vda rw
      40 23 0:40 /docker/a /mnt/part rw - cgroup cgroup rw,memory
      41 23 0:40 / /mnt/with\\040space rw shared:3 master:4 - cgroup cgroup rw,memory

      """
    let layout = try CgroupLayout(mountInfo: Array(text.utf8))
    #expect(layout.v1.map(\.mountPoint) == ["/mnt/with space"])
  }

  @Test(
    "Malformed lines of a mount table are passed over",
    arguments: ["", "x", "1 2", "1 2 3 4 5 6 -", "1 2 3:4 / /a rw - cgroup"])
  func malformed(_ line: String) throws {
    #expect(try CgroupLayout(mountInfo: Array(line.utf8)).kind == .none)
    #expect(try CgroupLayout(mountInfo: Array((line + "\n").utf8) + FakeMachine.v1).kind == .v1)
  }

  @Test("The machine's own layout agrees with its directories", .requires(.cgroupV1("memory")))
  func real() throws {
    let layout = try CgroupLayout.detect()
    #expect(layout.version(of: .memory) == .v1)
    #expect(layout.delegatedControllers().isSubset(of: layout.controllers))
    #expect(layout.delegatedControllers().contains(.memory) == (geteuid() == 0))
    #expect(try layout.delegatedControllers(below: CgroupPath("containr-no-such")).isEmpty)
    #expect(layout.v1.allSatisfy { access($0.mountPoint + "/tasks", F_OK) == 0 })
  }

  @Test(
    "A path leaves no hierarchy",
    arguments: [
      "", "/", "..", "a/../b", "a//b", "./a", "a/", "cgroup.procs", "a/cgroup.x", "a\nb", String(repeating: "x", count: 256),
    ])
  func badPaths(_ text: String) {
    #expect(throws: ContainrError.self) { try CgroupPath(text) }
  }

  @Test("A path keeps its components, without a leading slash")
  func goodPaths() throws {
    #expect(try CgroupPath("/a/b..c").description == "a/b..c")
    #expect(try CgroupPath("a/b").parent == CgroupPath("a"))
    #expect(try CgroupPath("a").parent == nil)
    #expect(try CgroupPath(ContainerID("web")).description == "containr/web")
  }
}
