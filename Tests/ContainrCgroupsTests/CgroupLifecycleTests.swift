import CContainrLinux
import ContainrCore
import ContainrTestSupport
import Glibc
import SystemPackage
import Testing

@testable import ContainrCgroups

// In the suite of the kernel tests, so that no two of them compete for the machine.
extension KernelCgroupTests {
  @Suite("Lifecycle of cgroups", .timeLimit(.minutes(3)), .requires(.root, .controller([.memory, .pids, .cpuacct])))
  struct LifecycleTests {
    /// Every process forks as fast as it can, until it is refused: as soon as one ends, another takes its place.
    private static let bomb = "f() { while :; do f & done; }; f"

    enum Hold: String, CaseIterable { case file, freezerV1, freezerV2, pids, signals }

    @Test("A fork bomb is killed whole, whatever the kernel offers for it", arguments: Hold.allCases)
    func forkBomb(_ hold: Hold) throws {
      let layout = try CgroupLayout.detect()
      let freezer = layout.version(of: .freezer)
      var controllers: CgroupControllers = .pids
      switch hold {
      case .file, .freezerV2: controllers.insert(.unified)
      case .freezerV1: controllers.insert(.freezer)
      case .pids, .signals: break
      }
      guard layout.controllers.isSuperset(of: controllers) else { return }
      if hold == .freezerV1, freezer != .v1 { return }
      try withCgroup(controllers: controllers, "forkBomb\(hold.rawValue)") {
        $0.pids.limit = 150
      } _: { cgroup in
        let inmate = try Inmate(Self.bomb, in: cgroup)
        #expect(try eventually { try (cgroup.statistics().pids?.limitHits ?? 0) > 100 })
        let pids = try #require(cgroup.places.first { $0.controllers.contains(.pids) }).directory
        let mechanism: KillMechanism =
          switch hold {
          case .file: .file(try #require(cgroup.unified))
          case .freezerV1: .freezer(try #require(cgroup.places.first { $0.controllers.contains(.freezer) }).directory)
          case .freezerV2: .freezer(try #require(cgroup.unified))
          case .pids: .pids(pids)
          case .signals: .signals
          }
        try cgroup.kill(by: mechanism, timeout: .seconds(30))
        if hold == .file {
          #expect(try eventually { try cgroup.processes().isEmpty })
        } else {
          #expect(try cgroup.processes() == [])
        }
        #expect(inmate.wait() != 0)
        #expect(try pids.read("pids.max") == "150")
        // What it held is as it was: a process can join and run.
        #expect(try eventually { try Inmate("exit 3", in: cgroup).wait() == 3 })
      }
    }

    @Test("kill() takes the best that the cgroup has")
    func mechanisms() throws {
      let layout = try CgroupLayout.detect()
      try withCgroup(controllers: .pids, "mechanisms") { cgroup in
        let unified = layout.version(of: .pids) == .v2
        #expect(
          KillMechanism.best(for: cgroup)
            == (unified ? [.file(cgroup.places[0].directory)] : [.pids(cgroup.places[0].directory)]))
      }
      guard layout.kind == .hybrid else { return }
      try withCgroup(controllers: [.pids, .freezer, .unified], "mechanismsHybrid") { cgroup in
        let freezer = try #require(cgroup.places.first { $0.controllers.contains(.freezer) }).directory
        #expect(KillMechanism.best(for: cgroup) == [.file(try #require(cgroup.unified)), .freezer(freezer)])
      }
      try withCgroup(controllers: .cpuacct, "mechanismsSignals") { cgroup in
        #expect(KillMechanism.best(for: cgroup) == [.signals])
        let inmate = try Inmate("sleep 60 & wait", in: cgroup)
        #expect(try eventually { try cgroup.processes().count == 2 })
        try cgroup.kill()
        #expect(inmate.wait() == 137)
      }
    }

    @Test("Freezing, thawing and killing twice is as good as once, and a removed cgroup has nobody to kill")
    func idempotence() throws {
      var gone: Cgroup?
      try withCgroup { cgroup in
        let inmate = try Inmate("while :; do :; done", in: cgroup)
        #expect(try eventually { try cgroup.processes() == [inmate.pid] })
        for _ in 0..<2 {
          try cgroup.freeze()
          #expect(try cgroup.isFrozen())
        }
        for _ in 0..<2 {
          try cgroup.thaw()
          #expect(try !cgroup.isFrozen())
        }
        for _ in 0..<2 { try cgroup.kill() }
        #expect(inmate.wait() == 137)
        gone = cgroup
      }
      let cgroup = try #require(gone)
      try cgroup.kill()
      try cgroup.remove()
      #expect(throws: ContainrError.self) { try cgroup.isFrozen() }
      #expect(throws: ContainrError.self) { try cgroup.statistics() }
      #expect(throws: ContainrError.self) { try cgroup.processes() }
    }

    @Test("A process that is forked while the cgroup is frozen does not run")
    func freezeForks() throws {
      try withCgroup {
        $0.pids.limit = 60
      } _: { (cgroup) throws in
        let inmate = try Inmate(Self.bomb, in: cgroup)
        #expect(try eventually { try (cgroup.statistics().pids?.limitHits ?? 0) > 20 })
        try cgroup.freeze(timeout: .seconds(20))
        let before = try #require(try cgroup.statistics().pids).limitHits
        let usage = try #require(try cgroup.statistics().cpu).usage
        usleep(50_000)
        #expect(try #require(try cgroup.statistics().pids).limitHits == before)
        #expect(try #require(try cgroup.statistics().cpu).usage - usage < .milliseconds(5))
        try cgroup.kill(timeout: .seconds(30))
        _ = inmate.wait()
      }
    }

    @Test("All processes move to another cgroup, those of cgroups below too")
    func move() throws {
      try withCgroup(controllers: .pids, "move") { cgroup in
        let other = try Cgroup.create(
          try CgroupPath("containr-test-\(getpid())-target"), layout: cgroup.layout, controllers: .pids)
        let directory = try #require(cgroup.directories.first).string
        let inmate = try Inmate(
          "mkdir \(directory)/below; sh -c 'echo 0 > \(directory)/below/cgroup.procs; exec sleep 60' & sleep 60 & wait",
          in: cgroup)
        #expect(try eventually { try cgroup.processes().count == 3 })
        #expect(try eventually { try FileContents.text(FilePath(directory + "/below/cgroup.procs")).isEmpty == false })
        try cgroup.moveProcesses(to: other)
        #expect(try cgroup.processes() == [])
        #expect(try other.processes().count == 3)
        try other.remove(evicting: .kill, timeout: .seconds(10))
        #expect(inmate.wait() == 137)
        #expect(access(try #require(other.directories.first).string, F_OK) != 0)
      }
    }

    @Test(
      "Removal kills or moves processes that are in the way, removes cgroups below, and is idempotent",
      arguments: [false, true])
    func eviction(moving: Bool) throws {
      try withCgroup(controllers: .pids, "eviction\(moving)") { cgroup in
        let directory = try #require(cgroup.directories.first).string
        let target = try Cgroup.create(
          try CgroupPath("containr-test-\(getpid())-evicted"), layout: cgroup.layout, controllers: .pids)
        let inmate = try Inmate(
          "mkdir -p \(directory)/below/deeper; sh -c 'echo 0 > \(directory)/below/deeper/cgroup.procs; exec sleep 60' & sleep 60 & wait",
          in: cgroup)
        #expect(
          try eventually {
            try cgroup.processes().count == 3
              && FileContents.textIfPresent(FilePath(directory + "/below/deeper/cgroup.procs"))?.isEmpty == false
          })
        try cgroup.remove(evicting: moving ? .move(to: target) : .kill, timeout: .seconds(10))
        #expect(access(directory, F_OK) != 0)
        #expect(try target.processes().count == (moving ? 3 : 0))
        try cgroup.remove(evicting: .kill)
        try target.remove(evicting: .kill, timeout: .seconds(10))
        #expect(inmate.wait() == 137)
      }
    }

    @Test("What a busy process uses is between what the kernel's files say before and after")
    func busy() throws {
      try withCgroup { cgroup in
        let inmate = try Inmate("x=$(head -c 3000000 /dev/zero | tr '\\0' x); while :; do :; done", in: cgroup)
        #expect(
          try eventually {
            let now = try cgroup.statistics()
            return (now.cpu?.usage ?? .zero) > .milliseconds(50) && (now.memory?.anonymous ?? 0) > .mebibytes(2)
              && now.pids?.current == 1
          })
        // One directory for each counter; on version 2 they are the same.
        func kernel(_ controller: CgroupControllers, _ v1: String, _ v2: String) throws -> UInt64 {
          let directory = try #require(cgroup.places.first { $0.controllers.contains(controller) }).directory
          if directory.version == .v1 { return try #require(try directory.number(v1)) }
          return try v2 == "cpu.stat"
            ? #require(try directory.table(v2)["usage_usec"]) * 1000 : #require(try directory.number(v2))
        }
        func usage() throws -> UInt64 { try kernel(.cpuacct, "cpuacct.usage", "cpu.stat") }
        let sampler = CgroupSampler(cgroup)
        for _ in 0..<3 {
          let before = try usage()
          let sample = try #require(try sampler.sample())
          let after = try usage()
          let cpu = try #require(sample.cpu)
          #expect(cpu.usage >= .nanoseconds(Int64(before)) && cpu.usage <= .nanoseconds(Int64(after)))
          let memory = try #require(sample.memory)
          let now = try kernel(.memory, "memory.usage_in_bytes", "memory.current")
          #expect(memory.usage.bytes.distance(to: now).magnitude < 2 << 20)
          #expect(memory.workingSet <= memory.usage)
          #expect(memory.pageFaults > 100)
          #expect(memory.kernel > 0)
          #expect(sample.pids?.current == 1)
        }
        try cgroup.kill()
        _ = inmate.wait()
      }
    }

    @Test("A sampler says that the cgroup is gone, and a stream ends with it")
    func gone() async throws {
      try await withCgroup { cgroup in
        let sampler = CgroupSampler(cgroup)
        let unused = CgroupSampler(cgroup)
        let freezer = try cgroup.directory(.freezer).map { _ in
          CgroupSampler(
            try Cgroup.create(cgroup.path, layout: cgroup.layout, controllers: .freezer, adopting: true))
        }
        #expect(try sampler.sample() != nil)
        #expect(try freezer?.sample() != .some(nil))
        let clock = ManualClock()
        var samples = cgroup.statistics(every: .seconds(1), clock: clock).makeAsyncIterator()
        #expect(try await samples.next() != nil)
        try cgroup.remove()
        clock.advance(by: .seconds(1))
        #expect(try await samples.next() == nil)
        #expect(try await samples.next() == nil)
        #expect(try sampler.sample() == nil)
        #expect(try unused.sample() == nil)
        if let freezer { #expect(try freezer.sample() == nil) }
        #expect(throws: ContainrError.self) { try cgroup.statistics() }
      }
    }

    @Test("Pressure is counted where the kernel has it", .requires(.pressure, .controller(.unified)))
    func pressure() throws {
      try withCgroup(controllers: .unified, "pressureCounters") { cgroup in
        let inmate = try Inmate("for i in 1 2 3 4; do (while :; do :; done) & done; wait", in: cgroup)
        #expect(try eventually { try (cgroup.statistics().pressure?.cpu?.some.total ?? .zero) > .milliseconds(20) })
        #expect(try cgroup.statistics().pressure?.memory != nil)
        #expect(try cgroup.statistics().pressure?.io?.full != nil)
        try cgroup.kill()
        _ = inmate.wait()
      }
    }

    @Test("Bytes written past the page cache are counted for their device", .requires(.controller(.blkio)))
    func io() throws {
      var status = stat()
      // A file system without a device of its own has nothing to count.
      guard stat("/var/tmp", &status) == 0, cl_major(UInt64(status.st_dev)) != 0 else { return }
      try withCgroup(controllers: .blkio, "io") { cgroup in
        let file = "/var/tmp/containr-test-io-\(getpid())"
        let directory = try #require(cgroup.places.first).directory
        if directory.version == .v1 {
          // Version 1 counts from the first limit on a device on (Linux 6.10): one that limits nothing.
          let device = try FileContents.text(
            FilePath("/sys/dev/block/\(cl_major(UInt64(status.st_dev))):\(cl_minor(UInt64(status.st_dev)))/dev"))
          try directory.write("blkio.throttle.write_bps_device", "\(device.dropLast()) 1000000000000")
        }
        defer { unlink(file) }
        #expect(try Inmate("exec dd if=/dev/zero of=\(file) bs=64k count=16 oflag=direct", in: cgroup).wait() == 0)
        let io = try #require(try cgroup.statistics().io)
        #expect(io.written >= .mebibytes(1), "\(io)")
        #expect(io.writes > 0)
        #expect(io.devices.contains { $0.written >= .mebibytes(1) })
      }
    }
  }
}
