import ContainrCore
import ContainrTestSupport
import Glibc
import Testing

/// A probe that always says no would skip its tests on every kernel, and nobody would notice.
@Suite("What tests require")
struct RequirementTests {
  private static func lane(_ kernel: String) -> Bool {
    getenv("CONTAINR_KERNEL_LANE").map { String(cString: $0) } == kernel
  }

  @Test(
    "Debian's kernel has every controller, pressure, huge pages, project quotas and Landlock",
    .enabled(if: lane("qemu"), "is for the kernel lane under QEMU"),
    arguments: [
      .cgroupController("cpuset", .v2), .cgroupController("hugetlb", .v2), .cgroupController("memory", .v2),
      .cgroupController("io", .v2), .cgroupController("rdma", .v2), .cgroupController("misc", .v2), .pressure, .hugepages,
      .projectQuota, .landlock(abi: 5), .capability(.sysResource), .fileSystem("ext4"), .fileSystem("xfs"),
      .fileSystem("btrfs"), .fileSystem("overlay"), .root, .kernel(6, 12), .program("unshare"),
    ] as [Requirement])
  func kernelOfQEMU(requirement: Requirement) {
    #expect(requirement.isMet(), "\(requirement.name)")
  }

  @Test("A security module is found where the kernel was booted with it, and nowhere else", arguments: ["apparmor", "selinux"])
  func securityModules(name: String) throws {
    let requirement = name == "apparmor" ? Requirement.apparmor : .selinux
    guard let booted = getenv("CONTAINR_KERNEL_LANE_LSM") else { return }
    #expect(requirement.isMet() == (String(cString: booted) == name))
  }

  @Test("What is nowhere is not met")
  func nowhere() {
    #expect(!Requirement.cgroupController("no-such-controller", .v1).isMet())
    #expect(!Requirement.cgroupController("no-such-controller", .v2).isMet())
    #expect(!Requirement.landlock(abi: 1000).isMet())
    #expect(!Requirement.fileSystem("no-such-file-system").isMet())
    #expect(!Requirement.kernel(100, 0).isMet())
  }
}
