import ContainrCore
import ContainrTestSupport
import SystemPackage
import Testing

@testable import ContainrCgroups

/// Limits that are refused before anything is made.
struct RefusalCase: Sendable, CustomTestStringConvertible {
  var testDescription: String
  var version: CgroupVersion
  var code: ContainrError.Code
  var resources: CgroupResources

  init(
    _ name: String, _ version: CgroupVersion, _ code: ContainrError.Code, _ configure: (inout CgroupResources) -> Void
  ) {
    testDescription = "\(name) on \(version)"
    self.version = version
    self.code = code
    resources = CgroupResources()
    configure(&resources)
  }
}

@Suite("Limits that are refused")
struct LimitRefusalTests {
  static let disk = LimitFileTests.disk

  static let cases: [RefusalCase] = [
    RefusalCase("memory.high", .v1, .unsupported) { $0.memory.high = .mebibytes(8) },
    RefusalCase("memory.min", .v1, .unsupported) { $0.memory.min = .mebibytes(8) },
    RefusalCase("memory.oom.group", .v1, .unsupported) { $0.memory.oomGroup = true },
    RefusalCase("swappiness", .v2, .unsupported) { $0.memory.swappiness = 10 },
    RefusalCase("TCP buffers", .v2, .unsupported) { $0.memory.kernelTCP = .mebibytes(1) },
    RefusalCase("no OOM killer", .v2, .unsupported) { $0.memory.disableOOMKiller = true },
    RefusalCase("real-time", .v2, .unsupported) { $0.cpu.realtimeRuntime = .value(.milliseconds(1)) },
    RefusalCase("io.latency", .v1, .unsupported) { $0.blockIO.devices[disk] = .init { $0.latency = .max } },
    RefusalCase("a leaf weight", .v2, .unsupported) { $0.blockIO.leafWeight = 100 },
    RefusalCase("a leaf weight of a device", .v2, .unsupported) { $0.blockIO.devices[disk] = .init { $0.leafWeight = 100 } },
    RefusalCase("net_cls", .v2, .unsupported) { $0.network.classID = 1 },
    RefusalCase("net_prio", .v2, .unsupported) { $0.network.priorities["eth0"] = 1 },
    RefusalCase("a version 2 file", .v1, .unsupported) { $0.unified["memory.high"] = "1" },
    RefusalCase("a path", .v2, .cgroupLimit) { $0.unified["../memory.high"] = "1" },
    RefusalCase("a path below", .v2, .cgroupLimit) { $0.unified["b/memory.high"] = "1" },
    RefusalCase("no file", .v2, .cgroupLimit) { $0.unified["memory"] = "1" },
    RefusalCase("moving processes", .v2, .cgroupLimit) { $0.unified["cgroup.procs"] = "1" },
    RefusalCase("killing", .v2, .cgroupLimit) { $0.unified["cgroup.kill"] = "1" },
    RefusalCase("enabling controllers", .v2, .cgroupLimit) { $0.unified["cgroup.subtree_control"] = "+memory" },
    RefusalCase("an unknown controller", .v2, .cgroupControllerMissing) { $0.unified["quantum.max"] = "1" },
    RefusalCase("swap without memory", .v2, .cgroupLimit) { $0.memory.limitWithSwap = .mebibytes(8) },
    RefusalCase("swap without memory", .v1, .cgroupLimit) { $0.memory.limitWithSwap = .mebibytes(8) },
    RefusalCase("less with swap than without", .v2, .cgroupLimit) {
      $0.memory.limit = .mebibytes(9)
      $0.memory.limitWithSwap = .mebibytes(8)
    },
    RefusalCase("swap of unlimited memory", .v1, .cgroupLimit) {
      $0.memory.limit = .max
      $0.memory.limitWithSwap = .mebibytes(8)
    },
    RefusalCase("a page of memory", .v2, .cgroupLimit) { $0.memory.limit = 4095 },
    RefusalCase("swappiness past its scale", .v1, .cgroupLimit) { $0.memory.swappiness = 101 },
    RefusalCase("shares and a weight", .v2, .cgroupLimit) {
      $0.cpu.shares = 2
      $0.cpu.weight = LimitFileTests.weight(1)
    },
    RefusalCase("one share", .v1, .cgroupLimit) { $0.cpu.shares = 1 },
    RefusalCase("shares of the idle", .v1, .cgroupLimit) {
      $0.cpu.shares = 2
      $0.cpu.idle = true
    },
    RefusalCase("two periods", .v1, .cgroupLimit) {
      $0.cpu.period = .milliseconds(20)
      $0.cpu.quota = .max
    },
    RefusalCase("a long period", .v2, .cgroupLimit) { $0.cpu.period = .seconds(2) },
    RefusalCase("a burst below 0", .v2, .cgroupLimit) { $0.cpu.burst = .milliseconds(-1) },
    RefusalCase("no CPU", .v2, .cgroupLimit) { $0.cpuset.cpus = [] },
    RefusalCase("a small I/O weight", .v2, .cgroupLimit) { $0.blockIO.weight = 9 },
    RefusalCase("a large I/O weight", .v1, .cgroupLimit) { $0.blockIO.devices[disk] = .init { $0.weight = 1001 } },
    // Version 1 would take it for no limit.
    RefusalCase("no bytes", .v1, .cgroupLimit) { $0.blockIO.devices[disk] = .init { $0.readBytes = 0 } },
    RefusalCase("no operations", .v2, .cgroupLimit) { $0.blockIO.devices[disk] = .init { $0.writes = 0 } },
    RefusalCase("two words as a device", .v2, .cgroupLimit) { $0.rdma["a b"] = .init(handles: 1) },
    RefusalCase("two lines as a resource", .v2, .cgroupLimit) { $0.misc["a\nb"] = 1 },
    RefusalCase("two words as an interface", .v1, .cgroupLimit) { $0.network.priorities["a 1\nb"] = 1 },
  ]

  @Test("What cannot be done, or would mean another thing, is refused with its code, and no cgroup is left", arguments: cases)
  func refused(_ refusal: RefusalCase) async throws {
    let error = await #expect(throws: ContainrError.self) {
      try await withFakeCgroup(refusal.version, refusal.resources) { _, _ in }
    }
    #expect(error?.code == refusal.code, "\(error.map { "\($0)" } ?? "")")
    #expect(error?.hint != nil)
  }

  @Test("A version 2 file of a controller that is on version 1 is UNSUPPORTED on a hybrid machine")
  func hybrid() async throws {
    try await withFakeMachine(.hybrid) { machine in
      let layout = try machine.layout()
      let error = #expect(throws: ContainrError.self) {
        try Cgroup.create(try CgroupPath("a"), layout: layout) { $0.unified["memory.high"] = "1G" }
      }
      #expect(error?.code == .unsupported)
      let cgroup = try Cgroup.create(try CgroupPath("a"), layout: layout) { $0.unified["hugetlb.2MB.max"] = "0" }
      #expect(try machine.text("/sys/fs/cgroup/unified/a/hugetlb.2MB.max") == "0")
      let later = #expect(throws: ContainrError.self) {
        try cgroup.update(CgroupResources { $0.unified["pids.max"] = "1" })
      }
      #expect(later?.code == .unsupported)
    }
  }

  @Test("checkBeforeUpdate decides what counts as in use on version 2: all, what cannot be dropped, or nothing")
  func checkBeforeUpdate() async throws {
    let seeds = ["memory.max": "max", "memory.current": "10000000", "memory.stat": "anon 5000000\nfile 5000000"]
    try await withFakeCgroup(.v2, seeds: seeds) { cgroup, _ in
      func code(_ limit: UInt64, _ check: Bool?) -> ContainrError.Code? {
        do {
          try cgroup.update(
            CgroupResources {
              $0.memory.limit = .value(ByteCount(limit))
              $0.memory.checkBeforeUpdate = check
            })
          return nil
        } catch { return (error as? ContainrError)?.code }
      }
      #expect(code(8_000_000, true) == .cgroupLimit)
      #expect(code(10_000_000, true) == nil)
      #expect(code(8_000_000, nil) == nil)
      #expect(code(4_000_000, nil) == .cgroupLimit)
      #expect(code(4_000_000, false) == nil)
    }
  }

  @Test(
    "Lists of CPUs are read in any order and shown in the kernel's",
    arguments: [("3", "3"), ("8,0-3", "0-3,8"), ("0,1,2", "0-2"), ("1-2,2-5,7", "1-5,7")])
  func list(_ text: String, _ kernel: String) throws {
    let list = try CpusetList(text)
    #expect(list.description == kernel)
    #expect(try CpusetList(kernel) == list)
  }

  @Test("What is no list of CPUs is refused", arguments: ["", ",", "1,", "a", "3-1", "-1", "1-", "0-9000", "1 2", "0\n", "+1"])
  func badList(_ text: String) {
    #expect(throws: ContainrError.self) { try CpusetList(text) }
  }

  @Test("max is above every limit, and is the kernel's word")
  func limits() throws {
    #expect(Limit<UInt64>.max > .value(.max))
    #expect(Limit<ByteCount>.mebibytes(1) < .gibibytes(1))
    #expect(Limit<UInt64>.max.description == "max")
    #expect(try CPUQuota.max(each: .milliseconds(10)).cpus == .infinity)
    #expect(throws: ContainrError.self) { try CPUQuota.max(each: .zero) }
    #expect(throws: ContainrError.self) { try Limit<UInt64>(reading: "many", of: "pids.max") }
  }
}
