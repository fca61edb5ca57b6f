import ContainrCore
import ContainrTestSupport
import SystemPackage
import Testing

@testable import ContainrCgroups

/// Limits, and the files that the kernel is to get.
struct LimitCase: Sendable, CustomTestStringConvertible {
  var testDescription: String
  var version: CgroupVersion
  var files: [String: String]
  /// What is read back; the same as what was set unless told.
  var readBack: CgroupResources
  var resources: CgroupResources

  init(
    _ name: String, _ version: CgroupVersion, _ files: [String: String],
    readBack: ((inout CgroupResources) -> Void)? = nil, _ configure: (inout CgroupResources) -> Void
  ) {
    testDescription = "\(name) on \(version)"
    self.version = version
    self.files = files
    resources = CgroupResources()
    configure(&resources)
    self.readBack = resources
    readBack?(&self.readBack)
  }
}

/// One directory with every controller, of ordinary files; `seeds` are in it before.
func withFakeCgroup(
  _ version: CgroupVersion, seeds: [String: String] = [:], _ resources: CgroupResources = CgroupResources(),
  _ body: (Cgroup, FilePath) throws -> Void
) async throws {
  try await withTemporaryDirectory { root in
    let directory = FilePath(root.string + "/a")
    if !seeds.isEmpty { try FileTree.makeDirectories(directory) }
    for (name, text) in seeds {
      try FileContents.replace(FilePath("\(directory)/\(name)"), with: (text + "\n").utf8, durable: false)
    }
    let every = CgroupControllers(rawValue: 1 << 15 - 1)
    let layout =
      version == .v1
      ? CgroupLayout(v1: [CgroupV1Hierarchy(mountPoint: root.string, controllers: every, isSimulated: true)])
      : CgroupLayout(unified: CgroupV2Hierarchy(mountPoint: root.string, controllers: every, isSimulated: true))
    try body(
      try Cgroup.create(
        try CgroupPath("a"), layout: layout, resources: resources, controllers: layout.controllers, adopting: !seeds.isEmpty),
      directory)
  }
}

@Suite("Limits as files")
struct LimitFileTests {
  static let disk = DeviceNumber(254, 0)

  static func rates(_ io: inout CgroupResources.BlockIO) {
    io.devices[disk] = .init {
      $0.readBytes = .mebibytes(1)
      $0.writeBytes = .max
      $0.reads = 100
      $0.writes = 200
    }
  }

  static let cases: [LimitCase] = [
    LimitCase(
      "every limit of memory", .v1,
      [
        "memory.limit_in_bytes": "67108864", "memory.memsw.limit_in_bytes": "100663296",
        "memory.soft_limit_in_bytes": "33554432", "memory.kmem.tcp.limit_in_bytes": "1048576", "memory.swappiness": "10",
        "memory.oom_control": "1",
      ],
      // The kernel's file has another form than what is written to it.
      readBack: { $0.memory.disableOOMKiller = nil }
    ) {
      $0.memory.limit = .mebibytes(64)
      $0.memory.limitWithSwap = .mebibytes(96)
      $0.memory.reservation = .mebibytes(32)
      $0.memory.kernelTCP = .mebibytes(1)
      $0.memory.swappiness = 10
      $0.memory.disableOOMKiller = true
    },
    LimitCase(
      "every limit of memory", .v2,
      [
        "memory.max": "67108864", "memory.swap.max": "33554432", "memory.low": "33554432", "memory.min": "16777216",
        "memory.high": "50331648", "memory.oom.group": "1",
      ]
    ) {
      $0.memory.limit = .mebibytes(64)
      $0.memory.limitWithSwap = .mebibytes(96)
      $0.memory.reservation = .mebibytes(32)
      $0.memory.min = .mebibytes(16)
      $0.memory.high = .mebibytes(48)
      $0.memory.oomGroup = true
    },
    LimitCase(
      "no limit of memory", .v1,
      [
        "memory.limit_in_bytes": "-1", "memory.memsw.limit_in_bytes": "-1", "memory.soft_limit_in_bytes": "-1",
        "memory.oom_control": "0",
      ],
      readBack: { $0.memory.disableOOMKiller = nil }
    ) {
      $0.memory.limit = .max
      $0.memory.limitWithSwap = .max
      $0.memory.reservation = .max
      $0.memory.disableOOMKiller = false
    },
    LimitCase(
      "no limit of memory", .v2,
      ["memory.max": "max", "memory.swap.max": "max", "memory.high": "max", "memory.min": "max", "memory.oom.group": "0"]
    ) {
      $0.memory.limit = .max
      $0.memory.limitWithSwap = .max
      $0.memory.high = .max
      $0.memory.min = .max
      $0.memory.oomGroup = false
    },
    LimitCase("no swap", .v2, ["memory.max": "8388608", "memory.swap.max": "0"]) {
      $0.memory.limit = .mebibytes(8)
      $0.memory.limitWithSwap = .mebibytes(8)
    },
    LimitCase(
      "every limit of CPU time", .v1,
      [
        "cpu.shares": "512", "cpu.cfs_period_us": "50000", "cpu.cfs_quota_us": "25000", "cpu.cfs_burst_us": "10000",
        "cpu.rt_period_us": "500000", "cpu.rt_runtime_us": "1000",
      ]
    ) {
      $0.cpu.shares = 512
      $0.cpu.quota = quota(25, 50)
      $0.cpu.burst = .milliseconds(10)
      $0.cpu.realtimePeriod = .milliseconds(500)
      $0.cpu.realtimeRuntime = .value(.milliseconds(1))
    },
    LimitCase(
      "every limit of CPU time", .v2, ["cpu.weight": "59", "cpu.max": "25000 50000", "cpu.max.burst": "10000"],
      readBack: {
        $0.cpu.weight = CPUWeight(shares: 512)
        $0.cpu.shares = nil
      }
    ) {
      $0.cpu.shares = 512
      $0.cpu.quota = quota(25, 50)
      $0.cpu.burst = .milliseconds(10)
    },
    LimitCase("no quota", .v1, ["cpu.cfs_quota_us": "-1"], readBack: { $0.cpu.quota = nil }) { $0.cpu.quota = .max },
    LimitCase("no quota", .v2, ["cpu.max": "max 100000"]) { $0.cpu.quota = .max },
    LimitCase(
      "a weight", .v1, ["cpu.shares": "2048"],
      readBack: {
        $0.cpu = .init(); $0.cpu.shares = 2048
      }
    ) {
      $0.cpu.weight = weight(200)
    },
    LimitCase("idle", .v1, ["cpu.idle": "1"]) { $0.cpu.idle = true },
    LimitCase("idle", .v2, ["cpu.idle": "1"]) { $0.cpu.idle = true },
    LimitCase("a period alone", .v1, ["cpu.cfs_period_us": "20000"], readBack: { $0.cpu.period = nil }) {
      $0.cpu.period = .milliseconds(20)
    },
    LimitCase(
      "a period alone", .v2, ["cpu.max": "max 20000"],
      readBack: {
        $0.cpu.period = nil
        $0.cpu.quota = noQuota(20)
      }
    ) { $0.cpu.period = .milliseconds(20) },
    LimitCase("a cpuset", .v1, ["cpuset.cpus": "0-2,8", "cpuset.mems": "0"]) {
      $0.cpuset.cpus = [8, 0, 1, 2]
      $0.cpuset.mems = [0]
    },
    LimitCase("a cpuset", .v2, ["cpuset.cpus": "0-2,8", "cpuset.mems": "0"]) {
      $0.cpuset.cpus = [8, 0, 1, 2]
      $0.cpuset.mems = [0]
    },
    LimitCase("processes", .v1, ["pids.max": "7"]) { $0.pids.limit = 7 },
    LimitCase("any number of processes", .v1, ["pids.max": "max"]) { $0.pids.limit = .max },
    LimitCase("any number of processes", .v2, ["pids.max": "max"]) { $0.pids.limit = .max },
    LimitCase(
      "block I/O", .v1,
      [
        "blkio.bfq.weight": "500", "blkio.leaf_weight": "300", "blkio.throttle.read_bps_device": "254:0 1048576",
        "blkio.throttle.write_bps_device": "254:0 0", "blkio.throttle.read_iops_device": "254:0 100",
        "blkio.throttle.write_iops_device": "254:0 200", "blkio.bfq.weight_device": "254:0 20",
        "blkio.leaf_weight_device": "254:0 30",
      ],
      readBack: { $0.blockIO.devices[disk]?.writeBytes = 0 }
    ) {
      $0.blockIO.weight = 500
      $0.blockIO.leafWeight = 300
      rates(&$0.blockIO)
      $0.blockIO.devices[disk]?.weight = 20
      $0.blockIO.devices[disk]?.leafWeight = 30
    },
    LimitCase(
      "block I/O", .v2,
      [
        "io.weight": "default 4950", "io.max": "254:0 rbps=1048576 wbps=max riops=100 wiops=200",
        "io.latency": "254:0 target=2000",
      ]
    ) {
      $0.blockIO.weight = 500
      rates(&$0.blockIO)
      $0.blockIO.devices[disk]?.latency = .value(.milliseconds(2))
    },
    LimitCase("the weight of a device", .v2, ["io.weight": "254:0 10000"]) {
      $0.blockIO.devices[disk] = .init { $0.weight = 1000 }
    },
    LimitCase("no latency", .v2, ["io.latency": "254:0 target=max"]) {
      $0.blockIO.devices[disk] = .init { $0.latency = .max }
    },
    LimitCase(
      "huge pages", .v1,
      ["hugetlb.2MB.limit_in_bytes": "4194304", "hugetlb.2MB.rsvd.limit_in_bytes": "-1", "hugetlb.1GB.limit_in_bytes": "-1"]
    ) {
      $0.hugetlb[.mebibytes(2)] = .init(limit: .mebibytes(4), reservation: .max)
      $0.hugetlb[.gibibytes(1)] = .init(limit: .max)
    },
    LimitCase(
      "huge pages", .v2,
      ["hugetlb.2MB.max": "4194304", "hugetlb.2MB.rsvd.max": "max", "hugetlb.64KB.max": "65536"]
    ) {
      $0.hugetlb[.mebibytes(2)] = .init(limit: .mebibytes(4), reservation: .max)
      $0.hugetlb[.kibibytes(64)] = .init(limit: .kibibytes(64))
    },
    LimitCase("RDMA", .v1, ["rdma.max": "mlx5_0 hca_handle=2 hca_object=max"]) {
      $0.rdma["mlx5_0"] = .init(handles: 2, objects: .max)
    },
    LimitCase("RDMA", .v2, ["rdma.max": "mlx5_0 hca_object=2000"]) { $0.rdma["mlx5_0"] = .init(objects: 2000) },
    LimitCase("misc", .v1, ["misc.max": "sev 3"]) { $0.misc["sev"] = 3 },
    LimitCase("misc", .v2, ["misc.max": "sev max"]) { $0.misc["sev"] = .max },
    LimitCase("marks on packets", .v1, ["net_cls.classid": "1048577", "net_prio.ifpriomap": "eth0 5"]) {
      $0.network.classID = 0x10_0001
      $0.network.priorities["eth0"] = 5
    },
    LimitCase(
      "files by name", .v2, ["memory.high": "50M", "hugetlb.2MB.max": "0", "cgroup.max.depth": "2", "dmem.max": "vram0 1G"],
      readBack: { $0 = CgroupResources() }
    ) {
      $0.unified = ["memory.high": "50M", "hugetlb.2MB.max": "0", "cgroup.max.depth": "2", "dmem.max": "vram0 1G"]
    },
  ]

  static func quota(_ quota: Int, _ period: Int) -> CPUQuota? {
    do { return try CPUQuota(.milliseconds(quota), each: .milliseconds(period)) } catch { return nil }
  }
  static func noQuota(_ period: Int) -> CPUQuota? {
    do { return try .max(each: .milliseconds(period)) } catch { return nil }
  }
  static func weight(_ weight: UInt64) -> CPUWeight? {
    do { return try CPUWeight(weight) } catch { return nil }
  }

  @Test("Each limit goes to its files of each version, and nothing else does; and is read back", arguments: cases)
  func files(_ limits: LimitCase) async throws {
    try await withFakeCgroup(limits.version, limits.resources) { cgroup, directory in
      var files: [String: String] = [:]
      for name in try FileTree.names(in: directory) {
        files[name] = try FileContents.textIfPresent(FilePath("\(directory)/\(name)"))
      }
      #expect(files == limits.files)
      // A file of ordinary bytes reads as it was written; these the kernel shows in another form.
      if files["memory.high"] == "50M" || files["dmem.max"] != nil { return }
      #expect(try cgroup.limits() == limits.readBack)
    }
  }

  @Test(
    "A limit on a living cgroup writes in the order in which the kernel takes it: version 2 keeps the quota of a new period")
  func livingPeriod() async throws {
    try await withFakeCgroup(.v2, seeds: ["cpu.max": "5000 10000", "memory.max": "1048576"]) { cgroup, directory in
      try cgroup.update(
        CgroupResources {
          $0.cpu.period = .milliseconds(20)
          // Swap alone: the memory limit that is in force counts.
          $0.memory.limitWithSwap = .mebibytes(3)
        })
      #expect(try FileContents.textIfPresent(FilePath("\(directory)/cpu.max")) == "5000 20000")
      #expect(try FileContents.textIfPresent(FilePath("\(directory)/memory.swap.max")) == "2097152")
    }
  }

  @Test("A change that fails halfway gives every file its earlier value back, lines of other devices untouched")
  func takenBack() async throws {
    let seeds = [
      "memory.max": "1048576", "pids.max": "max", "cpu.weight": "100", "cpuset.cpus": "",
      "io.max": "8:0 rbps=5 wbps=max riops=max wiops=max\n254:0 rbps=7 wbps=max riops=9 wiops=max",
      "io.weight": "default 100",
    ]
    try await withFakeCgroup(.v2, seeds: seeds) { cgroup, directory in
      // A directory takes no write: it stands for a file that refuses one.
      try FileTree.makeDirectories(FilePath("\(directory)/rdma.max"))
      var resources = CgroupResources()
      resources.memory.limit = .mebibytes(2)
      resources.pids.limit = 3
      resources.cpu.shares = 2
      resources.cpuset.cpus = [0]
      resources.blockIO.weight = 10
      Self.rates(&resources.blockIO)
      resources.rdma["a"] = .init(handles: 1)
      let error = #expect(throws: ContainrError.self) { try cgroup.update(resources) }
      #expect(error?.summary.contains("/rdma.max") == true)
      func text(_ name: String) throws -> String? { try FileContents.textIfPresent(FilePath("\(directory)/\(name)")) }
      #expect(try text("memory.max") == "1048576")
      #expect(try text("pids.max") == "max")
      #expect(try text("cpu.weight") == "100")
      #expect(try text("cpuset.cpus") == "\n")
      #expect(try text("io.max") == "254:0 rbps=7 wbps=max riops=9 wiops=max")
      #expect(try text("io.weight") == "default 100")
      // A device without a line gets the word for none.
      resources.blockIO.devices = [DeviceNumber(7, 1): .init { $0.reads = 1 }]
      #expect(throws: ContainrError.self) { try cgroup.update(resources) }
      #expect(try text("io.max") == "7:1 rbps=max wbps=max riops=max wiops=max")
    }
  }

  @Test("The OOM switch of version 1 is taken back from the form in which the kernel shows it", arguments: [false, true])
  func takenBackSwitch(_ disabled: Bool) async throws {
    let shown = "oom_kill_disable \(disabled ? 1 : 0)\nunder_oom 0\noom_kill 0"
    try await withFakeCgroup(.v1, seeds: ["memory.oom_control": shown]) { cgroup, directory in
      #expect(try cgroup.limits().memory.disableOOMKiller == disabled)
      try FileTree.makeDirectories(FilePath("\(directory)/pids.max"))
      #expect(throws: ContainrError.self) {
        try cgroup.update(
          CgroupResources {
            $0.memory.disableOOMKiller = !disabled
            $0.pids.limit = 1
          })
      }
      #expect(
        try FileContents.textIfPresent(FilePath("\(directory)/memory.oom_control")) == (disabled ? "1" : "0"))
    }
  }

  @Test("Block I/O weights of both scales meet at both ends, and every one comes back")
  func blockIOWeights() {
    #expect(BlkioController.converted(10, for: "io.weight") == 1)
    #expect(BlkioController.converted(1000, for: "io.weight") == 10_000)
    #expect(BlkioController.converted(700, for: "io.bfq.weight") == 700)
    for weight: UInt64 in 10...1000 {
      #expect(BlkioController.original(BlkioController.converted(weight, for: "io.weight"), in: "io.weight") == weight)
    }
  }

  @Test("Huge pages, RDMA and misc resources are counted")
  func statistics() async throws {
    let v2 = [
      "hugetlb.2MB.max": "max", "hugetlb.2MB.current": "2097152", "hugetlb.2MB.rsvd.current": "4194304",
      "hugetlb.2MB.events": "max 3", "rdma.current": "mlx5_0 hca_handle=2 hca_object=20", "misc.current": "sev 1",
      "misc.peak": "sev 2", "misc.events": "sev.max 4",
    ]
    try await withFakeCgroup(.v2, seeds: v2) { cgroup, _ in
      let statistics = try cgroup.statistics()
      let pages = try #require(statistics.hugetlb?[.mebibytes(2)])
      #expect(pages.usage == .mebibytes(2) && pages.reserved == .mebibytes(4) && pages.limitHits == 3 && pages.peak == nil)
      #expect(statistics.rdma?["mlx5_0"]?.handles == 2 && statistics.rdma?["mlx5_0"]?.objects == 20)
      #expect(statistics.misc?["sev"] == .init(current: 1, peak: 2, limitHits: 4))
    }
    let v1 = [
      "hugetlb.1GB.limit_in_bytes": "9223372035781033984", "hugetlb.1GB.usage_in_bytes": "1073741824",
      "hugetlb.1GB.max_usage_in_bytes": "2147483648", "hugetlb.1GB.failcnt": "5",
    ]
    try await withFakeCgroup(.v1, seeds: v1) { cgroup, _ in
      let pages = try #require(try cgroup.statistics().hugetlb?[.gibibytes(1)])
      #expect(pages.usage == .gibibytes(1) && pages.peak == .gibibytes(2) && pages.limitHits == 5)
      // The largest whole number of huge pages is the kernel's word for none.
      #expect(try cgroup.limits().hugetlb[.gibibytes(1)]?.limit == .max)
    }
  }
}
