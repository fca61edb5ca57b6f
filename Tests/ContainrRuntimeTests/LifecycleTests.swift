import CContainrLinux
import ContainrRuntime
import ContainrTestSupport
import Glibc
import SystemPackage
import Testing

@Suite(.requires(.root, .file("/bin/busybox"))) struct LifecycleTests {
  @Test func aContainerRunsAndGivesItsOutputAndStatus() async throws {
    try await Fixture.with { fixture in
      let (output, status) = try await fixture.shell("echo hello; exit 3")
      #expect(output == "hello\n")
      #expect(status == .exited(3))
      let list1 = try fixture.state.list()
      #expect(list1.isEmpty)
    }
  }

  @Test func theProgramIsTheFirstProcessAndSeesNoOthers() async throws {
    try await Fixture.with { fixture in
      let (output, _) = try await fixture.shell("echo $$; cd /proc; echo [0-9]*")
      #expect(output == "1\n1\n")
    }
  }

  // MARK: States

  @Test func theStatesComeInOrderAndTheirStreamEnds() async throws {
    try await Fixture.with { fixture in
      var configuration = fixture.configuration("sh", "-c", "exit 4")
      configuration.process.streams = StandardStreams(input: .null, output: .null, error: .null)
      let container = try await Container.create(configuration, in: fixture.state)
      #expect(await container.state == .created)
      let states = await container.states()
      try await container.start()
      // Nobody waits: the end shows all the same.
      try await eventually("stopped") { await container.state == .stopped(.exited(4)) }
      try await container.delete()
      #expect(await container.state == .deleted)
      var seen: [String] = []
      for await state in states { seen.append(state.description) }
      #expect(seen == ["starting", "running", "stopped", "deleted"])
    }
  }

  @Test func theRunningStateHasTheProcessIdOfTheHost() async throws {
    try await Fixture.with { fixture in
      try await fixture.withShell { container in
        guard case .running(let pid) = await container.state else { throw Unexpected("not running") }
        #expect(try FileContents.text(FilePath("/proc/\(pid)/status")).contains("NSpid:\t\(pid)\t1\n"))
      }
    }
  }

  @Test func anIllegalCallNamesTheState() async throws {
    try await Fixture.with { fixture in
      let container = try await Container.create(fixture.configuration("true"), in: fixture.state)
      func refused(_ state: String, _ body: () async throws -> Void) async {
        do {
          try await body()
          Issue.record("allowed in \(state)")
        } catch let error as ContainrError {
          #expect(error.code == .containerState)
          #expect(error.hint == "it is \(state)")
        } catch {
          Issue.record(error)
        }
      }
      await refused("created") { _ = try await container.wait() }
      await refused("created") { try await container.signal(.kill) }
      await refused("created") { _ = try await container.execute(ProcessConfiguration()) }
      try await container.start()
      _ = try await container.wait()
      await refused("stopped") { try await container.start() }
      await refused("stopped") { try await container.signal(.kill) }
      await refused("stopped") { _ = try await container.execute(ProcessConfiguration()) }
      try await container.delete()
      await refused("deleted") { try await container.start() }
      await refused("deleted") { try await container.signal(.kill) }
    }
  }

  @Test func aContainerThatWasNeverStartedIsDeleted() async throws {
    try await Fixture.with { fixture in
      let configuration = fixture.configuration("true")
      let container = try await Container.create(configuration, in: fixture.state)
      #expect(try fixture.state.list() == [configuration.id])
      try await container.delete()
      try await container.delete()
      let list2 = try fixture.state.list()
      #expect(list2.isEmpty)
    }
  }

  @Test func deletingARunningContainerKillsAllOfIt() async throws {
    try await Fixture.with { fixture in
      let mark = "100\(UInt32.random(in: 1_000_000...9_999_999))"
      var configuration = fixture.configuration(
        "sh", "-c", "sleep \(mark) & setsid sleep \(mark) & trap '' TERM; sleep \(mark)")
      configuration.process.streams = StandardStreams(input: .null, output: .null, error: .null)
      let container = try await Container.create(configuration, in: fixture.state)
      try await container.start()
      async let first: Void = container.delete()
      async let second: Void = container.delete()
      _ = try await (first, second)
      #expect(await container.state == .deleted)
      let cgroups5 = try LeakCheck(marks: [configuration.id.description]).cgroups
      #expect(cgroups5.isEmpty)
      try await eventually("no process is left") {
        try !FileTree.names(in: "/proc").contains { name in
          guard Int(name) != nil else { return false }
          return try FileContents.textIfPresent(FilePath("/proc/\(name)/cmdline"))?.contains(mark) ?? false
        }
      }
    }
  }

  // MARK: Waiting

  @Test func anyNumberOfTasksMayWait() async throws {
    try await Fixture.with { fixture in
      var configuration = fixture.configuration("cat")
      configuration.process.streams = StandardStreams(input: .pipe, output: .null, error: .null)
      try await withContainer(configuration, in: fixture.state) { container in
        let input = try #require(await container.standardInput)
        let statuses = try await withThrowingTaskGroup(of: TerminationStatus.self) { group in
          for _ in 0..<50 { group.addTask { try await container.wait() } }
          group.addTask {
            input.finish()
            return try await container.wait()
          }
          return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(statuses == Array(repeating: .exited(0), count: 51))
      }
    }
  }

  @Test func aCancelledTaskStopsWaitingAndOthersGoOn() async throws {
    try await Fixture.with { fixture in
      try await fixture.withShell { container in
        let cancelled = Task { try await container.wait() }
        let other = Task { try await container.wait() }
        cancelled.cancel()
        await #expect(throws: CancellationError.self) { try await cancelled.value }
        try await container.signal(.kill)
        let status = try await other.value
        #expect(status == .signaled(.kill))
      }
    }
  }

  @Test func cancellingWithContainerTearsItDown() async throws {
    try await Fixture.with { fixture in
      let started = AsyncStream.makeStream(of: Void.self)
      let configuration = fixture.configuration("sleep", "1000")
      let task = Task {
        try await withContainer(configuration, in: fixture.state) { container in
          started.continuation.yield()
          return try await container.wait()
        }
      }
      for await _ in started.stream { break }
      task.cancel()
      await #expect(throws: CancellationError.self) { try await task.value }
      let list3 = try fixture.state.list()
      #expect(list3.isEmpty)
      let cgroups6 = try LeakCheck(marks: [configuration.id.description]).cgroups
      #expect(cgroups6.isEmpty)
    }
  }

  @Test func withContainerTearsDownWhereItsBodyThrows() async throws {
    try await Fixture.with { fixture in
      let configuration = fixture.configuration("sleep", "1000")
      await #expect(throws: Unexpected.self) {
        try await withContainer(configuration, in: fixture.state) { _ in throw Unexpected("on purpose") }
      }
      let list4 = try fixture.state.list()
      #expect(list4.isEmpty)
    }
  }

  // MARK: Stopping

  @Test func stopAsksFirst() async throws {
    try await Fixture.with { fixture in
      try await fixture.withShell { container in
        try await eventually("the trap is set") { try await Self.catches(15, container) }
        let status = try await container.stop(grace: .seconds(60))
        #expect(status == .exited(0))
      }
    }
  }

  @Test func stopKillsAProgramThatDoesNotListen() async throws {
    try await Fixture.with { fixture in
      try await fixture.withShell {
        $0.process.arguments = ["sh", "-c", "trap '' TERM; while :; do sleep 1; done"]
      } _: { container in
        let status = try await container.stop(grace: .milliseconds(50))
        #expect(status == .signaled(.kill))
      }
    }
  }

  @Test func stopUsesTheSignalThatItIsGiven() async throws {
    try await Fixture.with { fixture in
      try await fixture.withShell {
        $0.process.arguments = ["sh", "-c", "trap 'exit 9' USR1; while :; do sleep 0.1; done"]
      } _: { container in
        try await eventually("the trap is set") { try await Self.catches(10, container) }
        let status = try await container.stop(signal: try Signal(parsing: "USR1"), grace: .seconds(60))
        #expect(status == .exited(9))
      }
    }
  }

  /// Whether the first process has a handler for a signal.
  private static func catches(_ signal: UInt64, _ container: Container) async throws -> Bool {
    guard case .running(let pid) = await container.state else { return false }
    let status = try FileContents.text(FilePath("/proc/\(pid)/status"))
    return UInt64(field("SigCgt", of: status) ?? "", radix: 16).map { $0 >> (signal - 1) & 1 == 1 } ?? false
  }

  // MARK: The process

  @Test func signalsAreAsAProgramExpectsThem() async throws {
    try await Fixture.with { fixture in
      signal(SIGUSR2, SIG_IGN)
      defer { signal(SIGUSR2, SIG_DFL) }
      // A shell would have dispositions of its own.
      let (status, _) = try await fixture.run(fixture.configuration("cat", "/proc/self/status"))
      #expect(field("SigBlk", of: status) == "0000000000000000")
      #expect(field("SigIgn", of: status) == "0000000000000000")
    }
  }

  @Test func theEnvironmentIsWhatIsGivenWithPathAndHome() async throws {
    try await Fixture.with { fixture in
      let (output, _) = try await fixture.shell("env | sort") {
        $0.process.environment = ["B=2", "A=with = and spaces"]
        $0.process.user = try UserSpecification(parsing: "www-data")
        $0.hostname = "h"
      }
      let lines = output.split(separator: "\n").map(String.init).filter {
        !$0.hasPrefix("SHLVL") && !$0.hasPrefix("PWD") && !$0.hasPrefix("OLDPWD")
      }
      #expect(
        lines == ["A=with = and spaces", "B=2", "HOME=/var/www", "HOSTNAME=h", "PATH=\(ProcessConfiguration.defaultPath)"])
    }
  }

  @Test func aPathAndAHomeThatAreGivenStay() async throws {
    try await Fixture.with { fixture in
      let (output, _) = try await fixture.shell("echo $HOME $PATH") {
        $0.process.environment = ["HOME=/h", "PATH=/bin:/other"]
      }
      #expect(output == "/h /bin:/other\n")
    }
  }

  @Test func theWorkingDirectoryIsMade() async throws {
    try await Fixture.with { fixture in
      let (output, _) = try await fixture.shell("pwd; stat -c '%a %u' .") { $0.process.workingDirectory = "/made/for/it" }
      #expect(output == "/made/for/it\n755 0\n")
    }
  }

  @Test func aUserIsFoundByNameAndByNumber() async throws {
    try await Fixture.with { fixture in
      for (user, expected) in [
        ("nobody", "65534 65534 /home\n"), ("33", "33 33 /var/www\n"), ("7:100", "7 100 /\n"),
        ("nobody:users", "65534 100 /home\n"),
      ] {
        let (output, _) = try await fixture.shell("echo $(id -u) $(id -g) $HOME") {
          $0.process.user = try UserSpecification(parsing: user)
        }
        #expect(output == expected, "\(user)")
      }
    }
  }

  @Test func tracingTimesEveryOperation() async throws {
    try await Fixture.with { fixture in
      let container = try await Container.create(fixture.configuration("true"), in: fixture.state)
      try await container.start(traced: true)
      let plan = try #require(await container.plan)
      let durations = try #require(await container.durations)
      #expect(durations.count == plan.operations.count)
      // The last operation is the program's start itself, of which nobody can report the end.
      #expect(durations.dropLast().allSatisfy { $0 > .zero })
      _ = try await container.wait()
      try await container.delete()
    }
  }
}
