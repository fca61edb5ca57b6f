import CContainrLinux
import ContainrCore
import ContainrTestSupport
import Glibc
import SystemPackage
import Testing

@testable import ContainrCgroups

@Suite("Changed device rules on the kernel", .serialized, .requires(.root, .controller([.unified, .devices])))
struct DeviceExchangeTests {
  private func unified() throws -> CgroupLayout { CgroupLayout(unified: try CgroupLayout.detect().unified) }

  private func programs(_ cgroup: Cgroup) throws -> [UInt32] {
    let place = try #require(cgroup.unified)
    return try DeviceProgram.attached(
      to: OwnedDescriptor.open(FilePath(place.path), flags: O_RDONLY | O_DIRECTORY, code: .cgroupLimit), place)
  }

  @Test("A device program is exchanged for another: one is attached before and after, and it is a new one")
  func exchanged() throws {
    try withCgroup(controllers: .unified, layout: try unified()) {
      $0.devices = DeviceRule.containerDefaults
    } _: { (cgroup) throws in
      let before = try programs(cgroup)
      #expect(before.count == 1)
      try cgroup.update(CgroupResources { $0.devices = DeviceRule.everything })
      let after = try programs(cgroup)
      #expect(after.count == 1)
      #expect(after != before)
    }
  }

  @Test("While rules are exchanged, what neither allows is never allowed, and what both allow always is")
  func noMomentWithout() throws {
    try withCgroup(controllers: .unified, layout: try unified()) {
      $0.devices = DeviceRule.containerDefaults
    } _: { (cgroup) throws in
      // Ends with 1 where /dev/zero is refused and with 2 where /dev/kmsg is not.
      let inmate = try Inmate(
        "while :; do (: < /dev/zero) || exit 1; (: < /dev/kmsg) && exit 2; done", in: cgroup)
      #expect(try eventually { try cgroup.processes().contains(inmate.pid) })
      for round in 0..<400 {
        let zero = DeviceRule(allow: true, .character, 1, 5)
        try cgroup.update(CgroupResources { $0.devices = round % 2 == 0 ? [zero] : DeviceRule.containerDefaults })
      }
      #expect(try programs(cgroup).count == 1)
      try cgroup.kill()
      #expect(inmate.wait() == 137)
    }
  }

  @Test("The program of another stays attached beside, and both must allow")
  func others() throws {
    try withCgroup(controllers: .unified, layout: try unified()) {
      $0.devices = DeviceRule.everything
    } _: { (cgroup) throws in
      let place = try #require(cgroup.unified)
      let directory = try OwnedDescriptor.open(
        FilePath(place.path), flags: O_RDONLY | O_DIRECTORY, code: .cgroupLimit)
      // r0 = major is not 1; under another name than this library's: systemd's, say.
      let code: [BPFInstruction] = [
        .load32(.r4, from: .r1, offset: 4), .move(.r0, 1), .jumpUnlessEqual(.r4, 1, by: 1), .move(.r0, 0), .exit,
      ]
      let words = code.map(\.encoded)
      let other = OwnedDescriptor(
        owning: try check(
          words.withUnsafeBufferPointer { cl_bpf_device_load_named($0.baseAddress, UInt32($0.count), "other") }, .cgroupLimit,
          "bpf(2)", "loading"))
      try check(cl_bpf_device_attach(directory.rawValue, other.rawValue), .cgroupLimit, "bpf(2)", "attaching")
      #expect(try Inmate(": < /dev/zero", in: cgroup).wait() != 0)
      try cgroup.update(CgroupResources { $0.devices = DeviceRule.containerDefaults })
      #expect(try programs(cgroup).count == 1)
      #expect(try Inmate(": < /dev/zero", in: cgroup).wait() != 0)
      #expect(try Inmate(": < /dev/ptmx", in: cgroup).wait() == 0)
    }
  }

  @Test("Rules of version 1 that are refused halfway are put back", .requires(.cgroupV1("devices")))
  func takenBackV1() throws {
    let zero = DeviceRule(allow: true, .character, 1, 5)
    let null = DeviceRule(allow: true, .character, 1, 3)
    try withCgroup(controllers: .devices) {
      $0.devices = [zero, null]
    } _: { (cgroup) throws in
      let parent = try Cgroup.adopt(try #require(cgroup.path.parent), layout: cgroup.layout)
      func list() throws -> Set<String> {
        let text = try FileContents.textIfPresent(FilePath("\(try #require(cgroup.directory(.devices)))/devices.list")) ?? ""
        return Set(text.split(separator: "\n").map(String.init))
      }
      let before = try list()
      #expect(before == ["c 1:5 rwm", "c 1:3 rwm"])
      // The parent takes kmsg from those below.
      let deny = try #require(parent.places.first { $0.controllers.contains(.devices) }).directory
      try deny.write("devices.deny", "c 1:11 rwm")
      let error = #expect(throws: ContainrError.self) {
        try cgroup.update(CgroupResources { $0.devices = [zero, DeviceRule(allow: true, .character, 1, 11)] })
      }
      #expect(error?.code == .permissionDenied)
      #expect(try list() == before)
    }
  }
}
