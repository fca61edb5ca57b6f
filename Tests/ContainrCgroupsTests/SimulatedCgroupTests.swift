import ContainrCore
import ContainrTestSupport
import SystemPackage
import Testing

@testable import ContainrCgroups

@Suite("Cgroups on a simulated machine")
struct SimulatedCgroupTests {
  static func resources() throws -> CgroupResources {
    var resources = CgroupResources()
    resources.memory.limit = .mebibytes(64)
    resources.memory.limitWithSwap = .mebibytes(96)
    resources.memory.reservation = .mebibytes(32)
    resources.cpu.quota = try CPUQuota(cpus: 0.5)
    resources.cpu.shares = 512
    resources.pids.limit = 20
    return resources
  }

  @Test("Version 1 limits go to the files of their controllers")
  func v1() async throws {
    try await withFakeMachine(.v1) { machine in
      let cgroup = try Cgroup.create(
        try CgroupPath("containr/a"), layout: try machine.layout(), resources: try Self.resources())
      let root = "/sys/fs/cgroup"
      #expect(try machine.text("\(root)/memory/containr/a/memory.limit_in_bytes") == "67108864")
      #expect(try machine.text("\(root)/memory/containr/a/memory.memsw.limit_in_bytes") == "100663296")
      #expect(try machine.text("\(root)/memory/containr/a/memory.soft_limit_in_bytes") == "33554432")
      #expect(try machine.text("\(root)/cpu,cpuacct/containr/a/cpu.cfs_quota_us") == "50000")
      #expect(try machine.text("\(root)/cpu,cpuacct/containr/a/cpu.shares") == "512")
      #expect(try machine.text("\(root)/pids/containr/a/pids.max") == "20")
      // Nothing asked for cpuset, and the named hierarchy carries no controller.
      #expect(try !machine.exists("\(root)/cpuset/containr"))
      #expect(try !machine.exists("\(root)/systemd/containr"))
      try cgroup.remove()
      #expect(try !machine.exists("\(root)/memory/containr/a"))
      try cgroup.remove()
    }
  }

  @Test("Version 2 limits go to one directory, with the controllers enabled in every directory above")
  func v2() async throws {
    try await withFakeMachine(.v2) { machine in
      var resources = try Self.resources()
      resources.memory.high = .mebibytes(48)
      let cgroup = try Cgroup.create(try CgroupPath("containr/a"), layout: try machine.layout(), resources: resources)
      let root = "/sys/fs/cgroup"
      #expect(cgroup.directories.map(\.string) == [machine.root.string + "\(root)/containr/a"])
      #expect(try machine.text("\(root)/cgroup.subtree_control") == "+cpu +memory +io +pids")
      #expect(try machine.text("\(root)/containr/cgroup.subtree_control") == "+cpu +memory +io +pids")
      #expect(try machine.text("\(root)/containr/a/cgroup.subtree_control") == nil)
      #expect(try machine.text("\(root)/containr/a/memory.max") == "67108864")
      #expect(try machine.text("\(root)/containr/a/memory.swap.max") == "33554432")
      #expect(try machine.text("\(root)/containr/a/memory.low") == "33554432")
      #expect(try machine.text("\(root)/containr/a/memory.high") == "50331648")
      #expect(try machine.text("\(root)/containr/a/cpu.max") == "50000 100000")
      #expect(try machine.text("\(root)/containr/a/cpu.weight") == "59")
      #expect(try machine.text("\(root)/containr/a/pids.max") == "20")
      let limits = try cgroup.limits()
      #expect(limits.memory.limit == .mebibytes(64))
      #expect(limits.memory.limitWithSwap == .mebibytes(96))
      #expect(limits.cpu.quota == resources.cpu.quota)
      #expect(limits.pids.limit == 20)
    }
  }

  @Test("On a hybrid machine each controller gets its directory on the version that has it")
  func hybrid() async throws {
    try await withFakeMachine(.hybrid) { machine in
      let cgroup = try Cgroup.create(
        try CgroupPath("a"), layout: try machine.layout(), controllers: [.memory, .hugetlb, .unified])
      #expect(cgroup.directories.count == 2)
      #expect(cgroup.directory(.memory)?.string.hasSuffix("/memory/a") == true)
      #expect(cgroup.directory(.hugetlb)?.string.hasSuffix("/unified/a") == true)
      #expect(try machine.text("/sys/fs/cgroup/unified/cgroup.subtree_control") == "+hugetlb")
      let join = try cgroup.join()
      #expect(join.tasks.count == 1)
      #expect(join.directory != nil)
    }
  }

  @Test("Where one directory cannot be made, those made before are gone again")
  func undoneDirectories() async throws {
    try await withFakeMachine(.v1) { machine in
      let layout = try machine.layout()
      try FileTree.remove(FilePath(machine.root.string + "/sys/fs/cgroup/freezer"))
      let error = #expect(throws: ContainrError.self) { try Cgroup.create(try CgroupPath("containr/a"), layout: layout) }
      #expect(error?.code == .cgroupCreate)
      for name in ["cpu,cpuacct", "memory", "pids", "devices"] {
        #expect(try !machine.exists("/sys/fs/cgroup/\(name)/containr"))
      }
    }
  }

  @Test("An existing cgroup is refused, unless it is to be taken over")
  func existing() async throws {
    try await withFakeMachine(.v1) { machine in
      let layout = try machine.layout()
      let path = try CgroupPath("containr/a")
      let first = try Cgroup.create(path, layout: layout)
      let error = #expect(throws: ContainrError.self) { try Cgroup.create(path, layout: layout) }
      #expect(error?.code == .cgroupCreate)
      #expect(error?.systemCall?.errno == .fileExists)
      #expect(try machine.exists("/sys/fs/cgroup/memory/containr/a"))
      _ = try Cgroup.create(path, layout: layout, adopting: true) { $0.pids.limit = 3 }
      #expect(try machine.text("/sys/fs/cgroup/pids/containr/a/pids.max") == "3")
      #expect(try Cgroup.adopt(path, layout: layout).directories == first.directories)
      let missing = #expect(throws: ContainrError.self) { try Cgroup.adopt(try CgroupPath("containr/b"), layout: layout) }
      #expect(missing?.code == .cgroupCreate)
    }
  }

  @Test("A limit whose controller is not there is an error that names the controller")
  func missingController() async throws {
    try await withFakeMachine(.hybrid) { machine in
      var layout = try machine.layout()
      layout.v1.removeAll { $0.controllers.contains(.pids) }
      let error = #expect(throws: ContainrError.self) {
        try Cgroup.create(try CgroupPath("a"), layout: layout) { $0.pids.limit = 5 }
      }
      #expect(error?.code == .cgroupControllerMissing)
      #expect(error?.hint?.contains("pids") == true)
      #expect(try !machine.exists("/sys/fs/cgroup/memory/a"))
    }
  }

  @Test("A new version 1 cgroup denies all devices, then allows those of the rules")
  func deviceFiles() async throws {
    try await withFakeMachine(.v1) { machine in
      _ = try Cgroup.create(try CgroupPath("a"), layout: try machine.layout()) { $0.devices = DeviceRule.containerDefaults }
      #expect(try machine.text("/sys/fs/cgroup/devices/a/devices.deny") == "a")
      #expect(try machine.text("/sys/fs/cgroup/devices/a/devices.allow")?.hasPrefix("c *:* mb *:* mc 1:3 rwm") == true)
    }
  }
}
