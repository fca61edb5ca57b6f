import ContainrCore
import ContainrTestSupport
import Glibc
import SystemPackage
import Testing

@testable import ContainrCgroups

/// Files of a cgroup on a simulated machine, as Linux 6.18 and 6.1 wrote them, with lines that no program expects.
private enum Golden {
  static let v1 = [
    "memory/a/memory.usage_in_bytes": "52428800\n",
    "memory/a/memory.max_usage_in_bytes": "73400320\n",
    "memory/a/memory.limit_in_bytes": "104857600\n",
    "memory/a/memory.failcnt": "17\n",
    "memory/a/memory.kmem.usage_in_bytes": "1048576\n",
    "memory/a/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n",
    "memory/a/memory.stat": """
    cache 1
    total_cache 20971520
    total_rss 31457280
    total_swap 4096
    total_pgfault 1234
    total_pgmajfault 5
    total_inactive_file 10485760
    a_key_of_tomorrow 12 13 14
    another

    hierarchical_memory_limit nonsense

    """,
    "cpu,cpuacct/a/cpuacct.usage": "5000000000\n",
    "cpu,cpuacct/a/cpuacct.usage_user": "3000000000\n",
    "cpu,cpuacct/a/cpuacct.usage_sys": "2000000000\n",
    "cpu,cpuacct/a/cpu.stat": "nr_periods 100\nnr_throttled 40\nthrottled_time 1500000000\nwait_sum 3\n",
    "pids/a/pids.current": "7\n",
    "pids/a/pids.max": "20\n",
    "pids/a/pids.events": "max 3\n",
    "blkio/a/blkio.throttle.io_service_bytes_recursive": """
    254:16 Read 8192
    254:16 Write 4096
    254:16 Sync 12288
    254:16 Async 0
    254:16 Discard 512
    254:16 Total 12800
    8:0 Read 1024
    8:0 Write 18446744073709551615
    Total 12800

    """,
    "blkio/a/blkio.throttle.io_serviced_recursive": "254:16 Read 2\n254:16 Write 1\n254:16 Discard 1\nTotal 4\n",
  ]

  static let v2 = [
    "a/memory.current": "52428800\n",
    "a/memory.peak": "73400320\n",
    "a/memory.max": "max\n",
    "a/memory.swap.current": "4096\n",
    "a/memory.events": "low 0\nhigh 9\nmax 17\noom 3\noom_kill 2\noom_group_kill 0\n",
    "a/memory.stat": """
    anon 31457280
    file 20971520
    kernel 1048576
    kernel_stack 16384
    inactive_file 10485760
    pgfault 1234
    pgmajfault 5
    a_key_of_tomorrow 12 13 14

    """,
    "a/cpu.stat": """
    usage_usec 5000000
    user_usec 3000000
    system_usec 2000000
    nr_periods 100
    nr_throttled 40
    throttled_usec 1500000
    nice_usec 0

    """,
    "a/pids.current": "7\n",
    "a/pids.peak": "11\n",
    "a/pids.max": "max\n",
    "a/pids.events": "max 3\n",
    "a/io.stat": """
    254:16 rbytes=8192 wbytes=4096 rios=2 wios=1 dbytes=512 dios=1 cost.usage=9
    8:0 rbytes=1024 wbytes=0 rios=1 wios=0 dbytes=0 dios=0
    7:0 

    """,
    "a/cpu.pressure": """
    some avg10=17.02 avg60=3.07 avg300=0.64 total=1926915
    full avg10=3.80 avg60=0.68 avg300=0.14 total=440342
    others avg10=x

    """,
    "a/memory.pressure": "some avg10=0.00 avg60=0.00 avg300=100.00 total=18446744073709551615\n",
  ]
}

/// Makes a cgroup `a` with these files on a simulated machine.
private func withFiles(
  _ kind: FakeMachine.Kind, _ files: [String: String], _ body: (Cgroup, FakeMachine) throws -> Void
) async throws {
  try await withFakeMachine(kind) { machine in
    var machine = machine
    if kind == .v1 {
      machine.mountInfo += Array("60 31 0:60 / /sys/fs/cgroup/blkio rw - cgroup cgroup rw,blkio\n".utf8)
      try FileTree.makeDirectories(FilePath(machine.root.string + "/sys/fs/cgroup/blkio"))
    }
    let layout = try machine.layout()
    let cgroup = try Cgroup.create(
      try CgroupPath("a"), layout: layout, controllers: Cgroup.defaultControllers(layout).union([.cpu, .blkio]))
    for (name, text) in files { try machine.set("/sys/fs/cgroup/" + name, text) }
    try body(cgroup, machine)
  }
}

extension FakeMachine {
  /// Changes a file in place, as the kernel's files change.
  func set(_ path: String, _ text: String) throws {
    let file = try OwnedDescriptor.open(FilePath(root.string + path), flags: O_WRONLY | O_CREAT | O_TRUNC, mode: 0o644)
    try FileContents.write(text.utf8, to: file, "writing \(path)")
  }
}

@Suite("Statistics of simulated files")
struct StatisticsFilesTests {
  @Test("Version 1 files say what is used; unknown keys and lines are passed over")
  func v1() async throws {
    try await withFiles(.v1, Golden.v1) { cgroup, _ in
      let statistics = try cgroup.statistics()
      var memory = CgroupStatistics.Memory()
      memory.usage = .mebibytes(50)
      memory.peak = .mebibytes(70)
      memory.limit = .mebibytes(100)
      memory.limitHits = 17
      memory.oomKills = 2
      memory.cache = .mebibytes(20)
      memory.inactiveFile = .mebibytes(10)
      memory.anonymous = .mebibytes(30)
      memory.swap = 4096
      memory.kernel = .mebibytes(1)
      memory.pageFaults = 1234
      memory.majorPageFaults = 5
      #expect(statistics.memory == memory)
      #expect(statistics.memory?.workingSet == .mebibytes(40))
      #expect(statistics.memory?.percent == 40)
      var cpu = CgroupStatistics.CPU()
      cpu.usage = .seconds(5)
      cpu.user = .seconds(3)
      cpu.system = .seconds(2)
      cpu.periods = 100
      cpu.throttledPeriods = 40
      cpu.throttled = .milliseconds(1500)
      #expect(statistics.cpu == cpu)
      #expect(statistics.pids?.current == 7)
      #expect(statistics.pids?.limit == 20)
      #expect(statistics.pids?.limitHits == 3)
      #expect(statistics.pids?.peak == nil)
      let io = try #require(statistics.io)
      #expect(io.devices.map { "\($0.number)" } == ["8:0", "254:16"])
      #expect(io.devices.last?.read == 8192)
      #expect(io.devices.last?.discards == 1)
      #expect(io.read == 9216)
      #expect(io.written.bytes == .max)
      #expect([io.reads, io.writes, io.discards] == [2, 1, 1])
      #expect(statistics.pressure == nil)
      #expect(try cgroup.oomKills() == 2)
    }
  }

  @Test("Version 2 files say what is used, and how long processes waited")
  func v2() async throws {
    try await withFiles(.v2, Golden.v2) { cgroup, _ in
      let statistics = try cgroup.statistics()
      let memory = try #require(statistics.memory)
      #expect(memory.usage == .mebibytes(50))
      #expect(memory.peak == .mebibytes(70))
      #expect(memory.limit == nil)
      #expect(memory.percent == nil)
      #expect([memory.limitHits, memory.highHits, memory.oomKills] == [17, 9, 2])
      #expect(memory.workingSet == .mebibytes(40))
      #expect(memory.anonymous == .mebibytes(30))
      #expect(memory.cache == .mebibytes(20))
      #expect(memory.kernel == .mebibytes(1))
      #expect(memory.swap == 4096)
      #expect([memory.pageFaults, memory.majorPageFaults] == [1234, 5])
      let cpu = try #require(statistics.cpu)
      #expect([cpu.usage, cpu.user, cpu.system] == [.seconds(5), .seconds(3), .seconds(2)])
      #expect([cpu.periods, cpu.throttledPeriods] == [100, 40])
      #expect(cpu.throttled == .milliseconds(1500))
      #expect(statistics.pids?.peak == 11)
      #expect(statistics.pids?.limit == nil)
      let io = try #require(statistics.io)
      #expect(io.devices.map { "\($0.number)" } == ["8:0", "254:16"])
      #expect([io.read, io.written, io.discarded] == [9216, 4096, 512])
      #expect([io.reads, io.writes, io.discards] == [3, 1, 1])
      let pressure = try #require(statistics.pressure)
      #expect(pressure.cpu?.some.average10 == 17.02)
      #expect(pressure.cpu?.some.average60 == 3.07)
      #expect(pressure.cpu?.full?.average300 == 0.14)
      #expect(pressure.cpu?.full?.total == .microseconds(440342))
      #expect(pressure.memory?.some.average300 == 100)
      #expect(pressure.memory?.full == nil)
      #expect(pressure.io == nil)
    }
  }

  @Test("What the kernel does not count is zero or nil, and no error", arguments: [FakeMachine.Kind.v1, .v2])
  func missing(_ kind: FakeMachine.Kind) async throws {
    try await withFiles(kind, [:]) { cgroup, _ in
      let statistics = try cgroup.statistics()
      #expect(statistics.memory == CgroupStatistics.Memory())
      #expect(statistics.cpu == CgroupStatistics.CPU())
      #expect(statistics.pids == CgroupStatistics.Pids())
      #expect(statistics.io == CgroupStatistics.IO())
      #expect(statistics.pressure == nil)
    }
  }

  @Test(
    "A number that is none is CGROUP_STATISTICS, and the error names the file and the text",
    arguments: [
      ("a/memory.current", "x12\n", "x12"), ("a/memory.current", "\n", ""), ("a/memory.current", "-5\n", "-5"),
      ("a/memory.current", "18446744073709551616\n", "18446744073709551616"), ("a/memory.stat", "anon 1x\n", "1x"),
      ("a/cpu.stat", "usage_usec 1.5\n", "1.5"), ("a/pids.events", "max many\n", "many"), ("a/io.stat", "8 rbytes=1\n", "8"),
      ("a/io.stat", "8:0 rbytes=\n", ""), ("a/io.stat", "8:0 rbytes=1e3\n", "1e3"),
      ("a/cpu.pressure", "some avg10=1.5 total=3\n", "1.5"), ("a/cpu.pressure", "some total=3s\n", "3s"),
    ])
  func malformed(_ file: String, _ content: String, _ text: String) async throws {
    try await withFiles(.v2, [file: content]) { cgroup, _ in
      let error = #expect(throws: ContainrError.self) { try cgroup.statistics() }
      #expect(error?.code == .cgroupStatistics)
      #expect(error?.activity.hasSuffix("/" + file) == true)
      #expect(error?.hint?.contains("\"\(text)\"") == true)
    }
  }

  @Test("A file that is longer than a page is read to its end")
  func long() async throws {
    let lines = (0..<3000).map { "8:\($0) rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6" }.joined(separator: "\n")
    try await withFiles(.v2, ["a/io.stat": lines + "\n"]) { cgroup, _ in
      let io = try #require(try cgroup.statistics().io)
      #expect(io.devices.count == 3000)
      #expect(io.reads == 9000)
    }
  }

  @Test("The use of CPUs is the CPU time between two samples in the time between them")
  func cpuPercent() {
    var earlier = CgroupStatistics.CPU()
    earlier.usage = .seconds(10)
    var later = earlier
    later.usage = .seconds(13)
    #expect(later.percent(since: earlier, over: .seconds(2)) == 150)
    #expect(later.percent(since: earlier, over: .zero) == 0)
    #expect(earlier.percent(since: later, over: .seconds(1)) == 0)
  }

  @Test("A sampler opens each file once, sees each change, and closes all when it ends")
  func oneDescriptorPerFile() async throws {
    try await withFiles(.v2, Golden.v2) { cgroup, machine in
      func descriptors() throws -> Int {
        try LeakCheck(marks: [machine.root.string]).descriptors.values.reduce(0, +)
      }
      #expect(try descriptors() == 0)
      do {
        let sampler = CgroupSampler(cgroup)
        #expect(try sampler.sample()?.pids?.current == 7)
        let open = try descriptors()
        #expect(open == Golden.v2.count)
        try machine.set("/sys/fs/cgroup/a/pids.current", "12345\n")
        try machine.set("/sys/fs/cgroup/a/memory.current", "1\n")
        let second = try #require(try sampler.sample())
        #expect(second.pids?.current == 12345)
        #expect(second.memory?.usage == 1)
        #expect(second.cpu?.usage == .seconds(5))
        #expect(try descriptors() == open)
      }
      #expect(try descriptors() == 0)
    }
  }

  @Test("A stream takes a sample at each time of the clock, with the use of CPUs between two", .timeLimit(.minutes(5)))
  func stream() async throws {
    try await withTemporaryDirectory { root in
      let directory = root.string + "/sys/fs/cgroup"
      try FileTree.makeDirectories(FilePath(directory))
      let machine = FakeMachine(root: root, mountInfo: FakeMachine.v2)
      try machine.set("/sys/fs/cgroup/cgroup.controllers", "cpu\n")
      let cgroup = try Cgroup.create(try CgroupPath("a"), layout: try machine.layout())
      func use(_ microseconds: Int) throws { try machine.set("/sys/fs/cgroup/a/cpu.stat", "usage_usec \(microseconds)\n") }
      try use(1_000_000)
      let clock = ManualClock()
      var samples = cgroup.statistics(every: .seconds(2), clock: clock).makeAsyncIterator()
      let first = try #require(try await samples.next())
      #expect(first.elapsed == nil)
      #expect(first.cpuPercent == nil)
      #expect(first.statistics.cpu?.usage == .seconds(1))
      try use(2_000_000)
      clock.advanceWhenAsleep(by: .seconds(2))
      let second = try #require(try await samples.next())
      #expect(second.elapsed == .seconds(2))
      #expect(second.cpuPercent == 50)
      // A reader that is late gets one sample, not those that it missed.
      clock.advance(by: .seconds(7))
      try use(9_000_000)
      let third = try #require(try await samples.next())
      #expect(third.elapsed == .seconds(7))
      #expect(third.cpuPercent == 100)
      clock.advanceWhenAsleep(by: .seconds(2))
      #expect(try await samples.next()?.elapsed == .seconds(2))
      let cancelled = Task {
        var samples = cgroup.statistics(every: .seconds(2), clock: clock).makeAsyncIterator()
        _ = try await samples.next()
        return try await samples.next()
      }
      cancelled.cancel()
      await #expect(throws: CancellationError.self) { try await cancelled.value }
    }
  }
}
