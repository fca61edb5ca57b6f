import CContainrLinux
import ContainrCore
import ContainrTestSupport
import Glibc
import SystemPackage
import Testing

@testable import ContainrCgroups

extension Requirement {
  /// A controller on the version 2 hierarchy.
  static func unifiedController(_ controller: CgroupControllers) -> Requirement {
    Requirement("the version 2 controller \(controller)") {
      do { return try CgroupLayout.detect().version(of: controller) == .v2 } catch { return false }
    }
  }

  /// Pressure stall information of version 2 directories.
  static let pressure = Requirement("pressure stall information") {
    do {
      guard let root = try CgroupLayout.detect().unified?.mountPoint else { return false }
      return try FileContents.textIfPresent(FilePath(root + "/cpu.pressure")) != nil
    } catch { return false }
  }
}

// In the suite of the kernel tests, so that no two of them compete for the machine.
extension KernelCgroupTests {
  @Suite("Events of cgroups", .timeLimit(.minutes(5)), .requires(.root, .controller([.memory, .pids])))
  struct EventTests {
    /// Reads events up to one.
    private func events(
      _ iterator: inout CgroupEvents.Iterator, until isLast: (CgroupEvent) -> Bool
    ) async throws -> [CgroupEvent] {
      var seen: [CgroupEvent] = []
      while let event = try await iterator.next() {
        seen.append(event)
        if isLast(event) { return seen }
      }
      return seen
    }

    @Test("An OOM kill is reported exactly once, and the stream ends when the cgroup is removed")
    func oomKill() async throws {
      try await withCgroup {
        $0.memory.limit = .mebibytes(16)
        $0.memory.limitWithSwap = .mebibytes(16)
      } _: { cgroup in
        var iterator = try cgroup.events().makeAsyncIterator()
        let inmate = try Inmate("exec head -c 64m /dev/zero | tail", in: cgroup)
        var seen = try await events(&iterator) { if case .oomKill = $0 { true } else { false } }
        #expect(inmate.wait() != 0)
        try cgroup.remove(evicting: .kill)
        seen += try await events(&iterator) { _ in false }
        #expect(seen.filter { if case .oomKill = $0 { true } else { false } } == [.oomKill(count: 1)], "\(seen)")
        #expect(seen.contains { if case .outOfMemory = $0 { true } else { false } }, "\(seen)")
        #expect(try await iterator.next() == nil)
      }
    }

    @Test("A process that stays within its memory causes no event of memory")
    func noOOM() async throws {
      try await withCgroup {
        $0.memory.limit = .mebibytes(64)
      } _: { cgroup in
        var iterator = try cgroup.events().makeAsyncIterator()
        #expect(try Inmate("head -c 8m /dev/zero | tail -c 1 > /dev/null", in: cgroup).wait() == 0)
        try cgroup.remove(evicting: .kill)
        let seen = try await events(&iterator) { _ in false }
        #expect(seen.allSatisfy { $0 == .populated || $0 == .empty }, "\(seen)")
      }
    }

    @Test("A fork past the limit of processes is reported, with how many")
    func pidsLimit() async throws {
      try await withCgroup {
        $0.pids.limit = 3
      } _: { cgroup in
        var iterator = try cgroup.events().makeAsyncIterator()
        let inmate = try Inmate("sleep 5 & sleep 5 & sleep 5 & wait", in: cgroup)
        let seen = try await events(&iterator) { if case .pidsLimitReached = $0 { true } else { false } }
        #expect(seen.last == .pidsLimitReached(count: 1), "\(seen)")
        _ = inmate.wait()
      }
    }

    @Test("memory.high is reported when it slows processes", .requires(.unifiedController(.memory)))
    func memoryHigh() async throws {
      try await withCgroup {
        $0.memory.high = .mebibytes(4)
      } _: { cgroup in
        var iterator = try cgroup.events().makeAsyncIterator()
        let inmate = try Inmate("exec head -c 64m /dev/zero | tail -c 24m", in: cgroup)
        let seen = try await events(&iterator) { if case .memoryHighReached = $0 { true } else { false } }
        #expect(!seen.isEmpty)
        try cgroup.kill()
        _ = inmate.wait()
      }
    }

    @Test("The first process and the end of the last one are reported, on each version", arguments: [false, true])
    func population(unified: Bool) async throws {
      let controllers: CgroupControllers = unified ? .unified : .pids
      guard try CgroupLayout.detect().controllers.isSuperset(of: controllers) else { return }
      try await withCgroup(controllers: controllers, "population\(unified)") { cgroup in
        var iterator = try cgroup.events().makeAsyncIterator()
        // The first one ends before its child: the cgroup is not empty then.
        let inmate = try Inmate("sleep 60 & echo", in: cgroup)
        #expect(try await iterator.next() == .populated)
        #expect(inmate.wait() == 0)
        #expect(try !cgroup.processes().isEmpty)
        try cgroup.kill()
        #expect(try await iterator.next() == .empty)
        try cgroup.remove()
        #expect(try await iterator.next() == nil)
      }
    }

    @Test("Freezing and thawing are reported on version 2", .requires(.controller(.unified)))
    func frozen() async throws {
      try await withCgroup(controllers: .unified) { cgroup in
        let inmate = try Inmate("exec sleep 60", in: cgroup)
        #expect(try eventually { try cgroup.processes() == [inmate.pid] })
        var iterator = try cgroup.events().makeAsyncIterator()
        try cgroup.freeze()
        #expect(try await iterator.next() == .frozen)
        try cgroup.thaw()
        #expect(try await iterator.next() == .thawed)
        try cgroup.kill()
        _ = inmate.wait()
      }
    }

    @Test("Cancelling a reader ends it and closes its descriptors")
    func cancellation() async throws {
      try await withCgroup { cgroup in
        let events = try cgroup.events()
        func descriptors() throws -> Int {
          try LeakCheck(marks: [cgroup.path.description]).descriptors.values.reduce(0, +)
        }
        #expect(try descriptors() > 0)
        let reader = Task { for try await _ in events {} }
        reader.cancel()
        await #expect(throws: CancellationError.self) { try await reader.value }
        #expect(try descriptors() == 0)
        var iterator = events.makeAsyncIterator()
        #expect(try await iterator.next() == nil)
      }
    }

    @Test("Streams that nobody reads keep no descriptor")
    func unread() async throws {
      try await withCgroup { cgroup in
        let (_, left) = try await withoutLeaks(marks: [cgroup.path.description]) { _ = try cgroup.events() }
        #expect(left == [])
      }
    }

    @Test("Waiting for a CPU fires a pressure trigger, and the stream ends with the cgroup", .requires(.pressure))
    func pressure() async throws {
      try await withCgroup(controllers: .unified) { cgroup in
        let trigger = try PressureTrigger(.cpu, .some, stall: .milliseconds(1), within: .seconds(2))
        #expect(trigger.description == "some 1000 2000000")
        var iterator = try cgroup.pressureEvents(trigger).makeAsyncIterator()
        let inmate = try Inmate("for i in 1 2 3 4; do (while :; do :; done) & done; wait", in: cgroup)
        let pressure = try #require(try await iterator.next())
        #expect(pressure.some.total >= .milliseconds(1))
        try cgroup.kill()
        _ = inmate.wait()
        try cgroup.remove()
        // One more may be waiting.
        while try await iterator.next() != nil {}
        #expect(try LeakCheck(marks: [cgroup.path.description]).descriptors.isEmpty)
        #expect(try await iterator.next() == nil)
      }
    }

    @Test("A pressure trigger is UNSUPPORTED where the cgroup or the kernel has no pressure files")
    func noPressure() throws {
      let trigger = try PressureTrigger(.io, .full, stall: .milliseconds(150), within: .seconds(2))
      try withCgroup(controllers: .pids) { cgroup in
        if let unified = cgroup.unified, access(unified.file("io.pressure"), F_OK) == 0 { return }
        let error = #expect(throws: ContainrError.self) { try cgroup.pressureEvents(trigger) }
        #expect(error?.code == .unsupported)
      }
    }

    @Test(
      "Times of a pressure trigger that the kernel does not take are refused",
      arguments: [
        (Duration.milliseconds(1), Duration.milliseconds(499)), (.zero, .seconds(1)), (.seconds(2), .seconds(1)),
        (.seconds(1), .seconds(11)),
      ])
    func badTrigger(_ stall: Duration, _ window: Duration) {
      let error = #expect(throws: ContainrError.self) { try PressureTrigger(.memory, stall: stall, within: window) }
      #expect(error?.code == .invalidArgument)
    }

    @Test("A simulated machine has no events")
    func simulated() async throws {
      try await withFakeMachine(.v2) { machine in
        let cgroup = try Cgroup.create(try CgroupPath("a"), layout: try machine.layout())
        let error = #expect(throws: ContainrError.self) { try cgroup.events() }
        #expect(error?.code == .unsupported)
      }
    }
  }
}
