import CContainrLinux
import ContainrCore
import ContainrTestSupport
import Glibc
import SystemPackage
import Testing

@testable import ContainrCgroups

extension Requirement {
  /// A controller on one of the versions.
  static func controller(_ controller: CgroupControllers, on version: ContainrCgroups.CgroupVersion) -> Requirement {
    Requirement("the cgroup controller \(controller) on \(version)") {
      do { return try CgroupLayout.detect().version(of: controller) == version } catch { return false }
    }
  }

  /// A file of new cgroups of a controller: what the kernel was built with.
  static func cgroupFile(_ controller: CgroupControllers, _ names: String...) -> Requirement {
    Requirement("a cgroup file \(names[0])") {
      var found = false
      do {
        try withCgroup(controllers: controller, "probe" + names[0].filter(\.isLetter)) { found = names.contains(where: $0.has) }
      } catch { return false }
      return found
    }
  }
}

extension Cgroup {
  fileprivate func has(_ name: String) -> Bool { directories.contains { access("\($0)/\(name)", F_OK) == 0 } }
}

@Suite("Limits on the kernel", .serialized, .requires(.root, .controller([.memory, .cpu, .pids])))
struct KernelLimitTests {
  /// The number of a whole disk.
  private func disk() throws -> DeviceNumber? {
    for name in try FileTree.names(in: "/sys/block").sorted() {
      if let text = try FileContents.textIfPresent(FilePath("/sys/block/\(name)/dev")),
        let number = DeviceNumber(text.prefix { $0 != "\n" })
      {
        return number
      }
    }
    return nil
  }

  private func change(_ cgroup: Cgroup, _ configure: (inout CgroupResources) throws -> Void) throws {
    var resources = CgroupResources()
    try configure(&resources)
    try cgroup.update(resources)
  }

  @Test("What limits() reads is a set of limits that can be written as it is")
  func roundTrip() throws {
    try withCgroup {
      $0.memory.limit = .mebibytes(64)
      $0.cpu.quota = try CPUQuota(cpus: 0.5)
      $0.pids.limit = 30
    } _: { (cgroup) throws in
      let before = try cgroup.limits()
      #expect(before.memory.limit == .mebibytes(64) && before.pids.limit == 30)
      try cgroup.update(before)
      #expect(try cgroup.limits() == before)
    }
  }

  @Test("Limits of memory, swap, CPU time and processes are taken off a living cgroup by max")
  func takenOff() throws {
    try withCgroup {
      $0.memory.limit = .mebibytes(64)
      $0.memory.reservation = .mebibytes(8)
      $0.cpu.quota = try CPUQuota(cpus: 0.5)
      $0.pids.limit = 30
    } _: { (cgroup) throws in
      if cgroup.has("memory.memsw.limit_in_bytes") || cgroup.has("memory.swap.max") {
        try change(cgroup) { $0.memory.limitWithSwap = .mebibytes(96) }
        #expect(try cgroup.limits().memory.limitWithSwap == .mebibytes(96))
      }
      try change(cgroup) {
        $0.memory.limit = .max
        $0.memory.limitWithSwap = cgroup.has("memory.swap.max") ? .max : nil
        $0.cpu.quota = .max
        $0.pids.limit = .max
      }
      let limits = try cgroup.limits()
      #expect(limits.memory.limit == .max)
      // Version 1 would keep memory below it: it goes with the limit.
      #expect(limits.memory.limitWithSwap == nil || limits.memory.limitWithSwap == .max)
      #expect(limits.cpu.quota == .max)
      #expect(limits.pids.limit == .max)
      #expect(limits.memory.reservation == .mebibytes(8))
    }
  }

  @Test("The limits of memory that only version 1 has are read back", .requires(.controller(.memory, on: .v1)))
  func memoryV1() throws {
    try withCgroup {
      $0.memory.swappiness = 10
      $0.memory.disableOOMKiller = true
      $0.memory.kernelTCP = .mebibytes(1)
    } _: { (cgroup) throws in
      #expect(try cgroup.limits().memory.swappiness == 10)
      #expect(try cgroup.limits().memory.disableOOMKiller == true)
      #expect(try cgroup.limits().memory.kernelTCP == .mebibytes(1))
      try change(cgroup) { $0.memory.disableOOMKiller = false }
      #expect(try cgroup.limits().memory.disableOOMKiller == false)
    }
  }

  @Test(
    "Without the OOM killer a process past the limit waits until there is room", .requires(.controller(.memory, on: .v1)))
  func noOOMKiller() throws {
    try withCgroup {
      $0.memory.limit = .mebibytes(8)
      $0.memory.disableOOMKiller = true
    } _: { (cgroup) throws in
      let inmate = try Inmate("head -c 16m /dev/zero | tail -c 16m | wc -c > /dev/null", in: cgroup)
      let directory = try #require(cgroup.directory(.memory))
      #expect(
        try eventually {
          try FileContents.textIfPresent(FilePath("\(directory)/memory.oom_control"))?.contains("under_oom 1") == true
        })
      try change(cgroup) { $0.memory.limit = .mebibytes(64) }
      #expect(inmate.wait() == 0)
      #expect(try cgroup.oomKills() == 0)
    }
  }

  @Test(
    "The limits of memory that only version 2 has are read back, and oom.group takes all",
    .requires(.controller(.memory, on: .v2)))
  func memoryV2() throws {
    try withCgroup {
      $0.memory.limit = .mebibytes(16)
      $0.memory.high = .mebibytes(12)
      $0.memory.min = .mebibytes(2)
      $0.memory.reservation = .mebibytes(4)
      $0.memory.oomGroup = true
    } _: { (cgroup) throws in
      let memory = try cgroup.limits().memory
      #expect(memory.high == .mebibytes(12) && memory.min == .mebibytes(2) && memory.reservation == .mebibytes(4))
      #expect(memory.oomGroup == true)
      try change(cgroup) { $0.memory.high = .max }
      let bystander = try Inmate("exec sleep 600", in: cgroup)
      let greedy = try Inmate("exec tail /dev/zero", in: cgroup)
      #expect(greedy.wait() == 137)
      #expect(bystander.wait() == 137)
    }
  }

  @Test("A burst follows its quota up and down", .requires(.cgroupFile(.cpu, "cpu.cfs_burst_us", "cpu.max.burst")))
  func burst() throws {
    try withCgroup(controllers: .cpu) {
      $0.cpu.quota = try CPUQuota(.milliseconds(50))
      $0.cpu.burst = .milliseconds(50)
    } _: { (cgroup) throws in
      #expect(try cgroup.limits().cpu.burst == .milliseconds(50))
      // The kernel takes no quota below the burst, and no burst above the quota.
      try change(cgroup) {
        $0.cpu.quota = try CPUQuota(.milliseconds(20))
        $0.cpu.burst = .milliseconds(10)
      }
      #expect(try cgroup.limits().cpu.burst == .milliseconds(10))
      try change(cgroup) {
        $0.cpu.quota = try CPUQuota(.milliseconds(80))
        $0.cpu.burst = .milliseconds(80)
      }
      #expect(try cgroup.limits().cpu.burst == .milliseconds(80))
      let small = #expect(throws: ContainrError.self) { try change(cgroup) { $0.cpu.quota = try CPUQuota(.milliseconds(20)) } }
      #expect(small?.hint?.contains("burst") == true)
      #expect(try cgroup.limits().cpu.quota == CPUQuota(.milliseconds(80)))
      try change(cgroup) { $0.cpu.period = .milliseconds(200) }
      #expect(try cgroup.limits().cpu.quota == CPUQuota(.milliseconds(80), each: .milliseconds(200)))
    }
  }

  @Test("An idle cgroup has no share until it is idle no more", .requires(.cgroupFile(.cpu, "cpu.idle")))
  func idle() throws {
    try withCgroup(controllers: .cpu) {
      $0.cpu.idle = true
    } _: { (cgroup) throws in
      let cpu = try cgroup.limits().cpu
      #expect(cpu.idle == true && cpu.shares == nil && cpu.weight == nil)
      let refused = #expect(throws: ContainrError.self) { try change(cgroup) { $0.cpu.shares = 500 } }
      #expect(refused?.hint?.contains("idle") == true)
      try change(cgroup) {
        $0.cpu.idle = false
        $0.cpu.shares = 500
      }
      let now = try cgroup.limits().cpu
      #expect(now.idle == false && (now.shares == 500 || now.weight == CPUWeight(shares: 500)))
    }
  }

  @Test(
    "Real-time limits are the kernel's to refuse: what the parent lacks is named",
    .requires(.cgroupFile(.cpu, "cpu.rt_runtime_us")))
  func realtime() throws {
    try withCgroup(controllers: .cpu) { cgroup in
      let error = #expect(throws: ContainrError.self) {
        try change(cgroup) { $0.cpu.realtimeRuntime = .value(.milliseconds(5)) }
      }
      #expect(error?.hint?.contains("parent") == true)
      let parent = try Cgroup.adopt(try #require(cgroup.path.parent), layout: cgroup.layout)
      try change(parent) { $0.cpu.realtimeRuntime = .value(.milliseconds(5)) }
      try change(cgroup) {
        $0.cpu.realtimeRuntime = .value(.milliseconds(5))
        $0.cpu.realtimePeriod = .milliseconds(2000)
      }
      #expect(try cgroup.limits().cpu.realtimeRuntime == .value(.milliseconds(5)))
      #expect(try cgroup.limits().cpu.realtimePeriod == .seconds(2))
      try change(cgroup) { $0.cpu.realtimeRuntime = .value(.zero) }
      try change(parent) { $0.cpu.realtimeRuntime = .value(.zero) }
    }
  }

  @Test("A list of CPUs that the machine does not have is refused with those that it has", .requires(.controller(.cpuset)))
  func cpuset() throws {
    try withCgroup(controllers: [.cpuset]) {
      $0.cpuset.cpus = [0]
    } _: { (cgroup) throws in
      let error = #expect(throws: ContainrError.self) { try change(cgroup) { $0.cpuset.cpus = [0, 4000] } }
      #expect(error?.code == .cgroupLimit)
      #expect(error?.hint?.contains(": 0") == true)
      #expect(try cgroup.limits().cpuset.cpus == [0])
    }
  }

  @Test(
    "Rates of a disk are set, changed one by one, and taken off",
    .requires(.cgroupFile(.blkio, "blkio.throttle.read_bps_device", "io.max")))
  func rates() throws {
    guard let disk = try disk() else { return }
    try withCgroup(controllers: .blkio) {
      $0.blockIO.devices[disk] = .init {
        $0.readBytes = .mebibytes(1)
        $0.writes = 100
      }
    } _: { (cgroup) throws in
      func device() throws -> CgroupResources.BlockIO.Device { try cgroup.limits().blockIO.devices[disk] ?? .init() }
      #expect(try device().readBytes == .mebibytes(1))
      #expect(try device().writes == 100)
      try change(cgroup) { $0.blockIO.devices[disk] = .init { $0.writeBytes = .mebibytes(2) } }
      #expect(try device().readBytes == .mebibytes(1))
      #expect(try device().writeBytes == .mebibytes(2))
      try change(cgroup) {
        $0.blockIO.devices[disk] = .init {
          $0.readBytes = .max
          $0.writeBytes = .max
          $0.writes = .max
        }
      }
      #expect(try cgroup.limits().blockIO.devices[disk] == nil)
      let missing = #expect(throws: ContainrError.self) {
        try change(cgroup) { $0.blockIO.devices[DeviceNumber(4000, 7)] = .init { $0.reads = 5 } }
      }
      #expect(missing?.hint?.contains("/proc/partitions") == true)
    }
  }

  @Test(
    "The share of I/O is set in its own scale", .requires(.cgroupFile(.blkio, "blkio.bfq.weight", "io.bfq.weight", "io.weight"))
  )
  func ioWeight() throws {
    try withCgroup(controllers: .blkio) {
      $0.blockIO.weight = 500
    } _: { (cgroup) throws in
      #expect(try cgroup.limits().blockIO.weight == 500)
      try change(cgroup) { $0.blockIO.weight = 10 }
      #expect(try cgroup.limits().blockIO.weight == 10)
    }
  }

  @Test("A limit of huge pages bites and is counted", .requires(.controller(.hugetlb)))
  func hugetlb() throws {
    try withCgroup(controllers: [.hugetlb]) {
      $0.hugetlb[.mebibytes(2)] = .init(limit: .mebibytes(4), reservation: .max)
    } _: { (cgroup) throws in
      let pages = try #require(try cgroup.limits().hugetlb[.mebibytes(2)])
      #expect(pages.limit == .mebibytes(4) && pages.reservation == .max)
      try change(cgroup) { $0.hugetlb[.mebibytes(2)] = .init(limit: .max) }
      #expect(try cgroup.limits().hugetlb[.mebibytes(2)]?.limit == .max)
      #expect(try cgroup.statistics().hugetlb?[.mebibytes(2)]?.usage == 0)
      let error = #expect(throws: ContainrError.self) { try change(cgroup) { $0.hugetlb[.mebibytes(3)] = .init(limit: 0) } }
      #expect(error?.hint?.contains("2MB") == true)
    }
  }

  @Test("The traffic class of packets is set and taken off", .requires(.controller(.netCls)))
  func trafficClass() throws {
    try withCgroup(controllers: .netCls) {
      $0.network.classID = 0x10_0001
    } _: { (cgroup) throws in
      #expect(try cgroup.limits().network.classID == 0x10_0001)
      try change(cgroup) { $0.network.classID = 0 }
      #expect(try cgroup.limits().network.classID == 0)
    }
  }

  @Test("A change that the kernel refuses halfway leaves every limit as it was")
  func takenBack() throws {
    let layout = try CgroupLayout.detect()
    guard layout.unified != nil || layout.controllers.contains(.cpuset) else { return }
    let disk = try disk()
    try withCgroup(controllers: layout.controllers.intersection([.memory, .cpu, .pids, .cpuset, .blkio, .unified])) {
      $0.memory.limit = .mebibytes(64)
      $0.cpu.quota = try CPUQuota(cpus: 0.5)
      $0.cpu.shares = 300
      $0.pids.limit = 30
    } _: { (cgroup) throws in
      let hasRates = disk != nil && (cgroup.has("io.max") || cgroup.has("blkio.throttle.read_bps_device"))
      if let disk, hasRates { try change(cgroup) { $0.blockIO.devices[disk] = .init { $0.readBytes = .mebibytes(9) } } }
      let before = try cgroup.limits()
      let error = #expect(throws: ContainrError.self) {
        try change(cgroup) {
          $0.memory.limit = .mebibytes(80)
          $0.memory.reservation = .mebibytes(8)
          $0.cpu.quota = try CPUQuota(cpus: 1.5)
          $0.cpu.shares = 900
          $0.pids.limit = 7
          if let disk, hasRates {
            $0.blockIO.devices[disk] = .init {
              $0.readBytes = .mebibytes(3)
              $0.reads = 50
            }
          }
          if layout.unified != nil { $0.unified["cgroup.max.depth"] = "deep" } else { $0.cpuset.cpus = [4000] }
        }
      }
      #expect(error?.code == .cgroupLimit)
      #expect(error?.fields["value"] == (layout.unified != nil ? "deep" : "4000"))
      #expect(try cgroup.limits() == before)
    }
  }

  @Test("Files of the version 2 directory are written by name", .requires(.controller(.unified)))
  func unified() throws {
    try withCgroup(controllers: .unified) {
      $0.unified["cgroup.max.depth"] = "2"
    } _: { (cgroup) throws in
      let directory = try #require(cgroup.directory(.unified))
      #expect(try FileContents.textIfPresent(FilePath("\(directory)/cgroup.max.depth")) == "2\n")
      if cgroup.layout.version(of: .memory) == .v2 {
        let larger = try cgroup.adding(.memory)
        try change(larger) { $0.unified["memory.high"] = "32M" }
        #expect(try larger.limits().memory.high == .mebibytes(32))
      } else {
        let error = #expect(throws: ContainrError.self) { try change(cgroup) { $0.unified["memory.high"] = "32M" } }
        #expect(error?.code == .unsupported)
      }
    }
  }
}
