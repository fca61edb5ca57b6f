import ContainrCore
import ContainrTestSupport
import Glibc
import SystemPackage
import Testing

@testable import ContainrCgroups

/// What only a kernel with every controller on version 2 shows: `make test-qemu` has one.
@Suite("Controllers of version 2", .serialized, .requires(.root))
struct UnifiedControllerTests {
  @Test(
    "Processors and memory nodes given to a cgroup read back, and its processes have no other",
    .requires(.cgroupController("cpuset", .v2)))
  func processors() throws {
    try withCgroup(controllers: .cpuset) {
      $0.cpuset.cpus = [1]
      $0.cpuset.mems = [0]
    } _: { (cgroup) throws in
      #expect(try cgroup.limits().cpuset.cpus == [1])
      #expect(try cgroup.limits().cpuset.mems == [0])
      let inmate = try Inmate("exec sleep 600", in: cgroup)
      #expect(try eventually { try cgroup.processes().contains(inmate.pid) })
      let status = try FileContents.text(FilePath("/proc/\(inmate.pid)/status")).split(separator: "\n")
      #expect(status.contains("Cpus_allowed_list:\t1"))
      #expect(status.contains("Mems_allowed_list:\t0"))
      try cgroup.kill()
      #expect(inmate.wait() == 128 + SIGKILL)
    }
  }

  @Test(
    "A cgroup with the memory controller tells its pressure",
    .requires(.cgroupController("memory", .v2), .pressure))
  func memoryPressure() throws {
    try withCgroup(controllers: .memory) { (cgroup) throws in
      let directory = try #require(cgroup.directory(.memory))
      let lines = try FileContents.text(directory.appending("memory.pressure")).split(separator: "\n")
      #expect(lines.map { $0.prefix { $0 != " " } } == ["some", "full"])
      #expect(lines.allSatisfy { $0.contains(" total=") })
    }
  }

  @Test("A cgroup limits huge pages", .requires(.cgroupController("hugetlb", .v2), .hugepages))
  func hugePages() throws {
    try withCgroup(controllers: .memory) { (cgroup) throws in
      // The level that the root's cgroup.subtree_control has given every controller.
      let directory = try #require(cgroup.directory(.memory)).removingLastComponent()
      #expect(try FileContents.text(directory.appending("hugetlb.2MB.max")) == "max\n")
      #expect(try FileContents.text(directory.appending("hugetlb.2MB.current")) == "0\n")
    }
  }
}
