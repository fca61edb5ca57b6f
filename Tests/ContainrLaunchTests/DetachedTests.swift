import CContainrLinux
import ContainrCore
import ContainrLaunch
import ContainrTestSupport
import Glibc
import SystemPackage
import Testing

/// A process that waits for its start, with what is behind it on the host.
private final class Waiting {
  let directory: FilePath
  let descriptor: OwnedDescriptor
  let tail: [LaunchOperation]
  let index: Int
  let process: ProcessDescriptor

  init(_ tail: [LaunchOperation], before: [LaunchOperation] = []) throws {
    directory = try makeDirectory()
    descriptor = try OwnedDescriptor.open(directory, flags: O_RDONLY | O_DIRECTORY)
    self.tail = tail
    var plan = LaunchPlan()
    plan.isDetached = true
    let listener = plan.inherit(owning: try StartSocket.listen("start", in: descriptor))
    for operation in before { plan.append(operation) }
    plan.append(.barrier(.start, socket: plan.makeParentSocket()))
    plan.append(.awaitStart(listener, first: 3))
    index = plan.operations.count
    for operation in tail { plan.append(operation) }
    let session = try LaunchSession(plan)
    #expect(try session.next() == .start)
    process = try session.leave().takeProcess()
  }

  deinit { remove(directory) }

  func start() throws(ContainrError) {
    try StartSocket.start("start", in: descriptor, operations: tail, index: index)
  }
}

private func makeDirectory() throws -> FilePath {
  var template = Array("/tmp/containr-test-XXXXXX".utf8CString)
  guard mkdtemp(&template) != nil else { throw Errno(rawValue: errno) }
  return FilePath(String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self))
}

private func remove(_ directory: FilePath) {
  do { try FileTree.remove(directory) } catch { Issue.record(error) }
}

private func shell(_ script: String) -> LaunchOperation {
  .execute(paths: ["/bin/sh"], arguments: ["sh", "-c", script], environment: ["PATH=/usr/bin:/bin"])
}

@Suite("A process that outlives the program that made it") struct DetachedTests {
  @Test func itWaitsUntilItIsStartedAndThenRunsItsProgram() throws {
    let marker = try makeDirectory()
    defer { remove(marker) }
    let waiting = try Waiting([shell("echo started >\(marker)/out; exit 7")])
    let hasEnded = waiting.process.hasEnded
    #expect(!hasEnded)
    #expect(access("\(marker)/out", F_OK) != 0)
    try waiting.start()
    let status = try waiting.process.reap()
    #expect(status == .exited(7))
    #expect(access("\(marker)/out", F_OK) == 0)
  }

  @Test func aProgramThatCannotBeExecutedIsToldToWhoStartsIt() throws {
    let waiting = try Waiting([.execute(paths: ["/no/such/program"], arguments: ["program"], environment: [])])
    let error = #expect(throws: ContainrError.self) { try waiting.start() }
    #expect(error?.code == .commandNotFound)
    let status = try waiting.process.reap()
    #expect(status == .exited(127))
  }

  @Test func nobodyIsThereToBeStartedTwice() throws {
    let waiting = try Waiting([shell("sleep 60")])
    try waiting.start()
    let error = #expect(throws: ContainrError.self) { try waiting.start() }
    #expect(error?.code == .containerState)
    try waiting.process.send(.kill)
    _ = try waiting.process.reap()
  }

  @Test func aProcessThatWasKilledWhileItWaitedCannotBeStarted() throws {
    let waiting = try Waiting([shell("true")])
    try waiting.process.send(.kill)
    _ = try waiting.process.reap()
    let error = #expect(throws: ContainrError.self) { try waiting.start() }
    #expect(error?.code == .containerState)
  }

  @Test func aStarterThatGivesUpHarmsNothing() throws {
    let waiting = try Waiting([shell("exit 3")])
    let path = "/proc/self/fd/\(waiting.descriptor.rawValue)/start"
    let socket = try #require(connected(path))
    close(socket)
    try waiting.start()
    let status = try waiting.process.reap()
    #expect(status == .exited(3))
  }

  @Test func nothingOfTheHostStaysOpenWhileItWaits() throws {
    let host = try OwnedDescriptor.open("/etc/passwd")
    let waiting = try Waiting([shell("true")])
    // The plan lets go after it has answered the barrier.
    var open: [String] = []
    for _ in 0..<500 {
      open = try FileTree.names(in: FilePath("/proc/\(waiting.process.pid)/fd")).sorted()
      if open == ["0", "1", "2", "3"] { break }
      usleep(10_000)
    }
    #expect(open == ["0", "1", "2", "3"])
    try waiting.process.send(.kill)
    _ = try waiting.process.reap()
    withExtendedLifetime(host) {}
  }

  @Test func aFailureBeforeTheWaitIsExact() throws {
    let error = #expect(throws: ContainrError.self) {
      var plan = LaunchPlan()
      plan.isDetached = true
      plan.append(.workingDirectory("/no/such/directory", anywhere: true))
      plan.append(.barrier(.start, socket: plan.makeParentSocket()))
      plan.append(shell("true"))
      let session = try LaunchSession(plan)
      #expect(try session.next() == nil)
      _ = try session.finish()
    }
    #expect(error?.code == .workingDirectory)
  }
}

@Suite("Hooks in a plan") struct HookTests {
  private func run(_ hooks: [LaunchOperation]) throws -> TerminationStatus {
    var plan = LaunchPlan()
    for hook in hooks { plan.append(hook) }
    plan.append(shell("exit 5"))
    return try plan.spawn().takeProcess().reap()
  }

  @Test func aHookGetsTheTextAsItsInputAndItsWholeEnvironment() throws {
    let out = try makeDirectory()
    defer { remove(out) }
    let script = "cat >\(out)/input; env | sort >\(out)/environment; echo $0 $1 >\(out)/arguments"
    let text = Array(repeating: UInt8(ascii: "x"), count: 200_000)
    let status = try run([
      .hook(path: "/bin/sh", arguments: ["hook", "-c", script, "name", "first"], environment: ["A=1"], input: text)
    ])
    #expect(status == .exited(5))
    #expect(try FileContents.read(out.appending("input")) == text)
    #expect(try FileContents.text(out.appending("arguments")) == "name first\n")
    let environment = try FileContents.text(out.appending("environment")).split(separator: "\n")
    #expect(environment.contains("A=1"))
    #expect(!environment.contains { $0.hasPrefix("HOME=") })
  }

  @Test func aHookThatFailsEndsThePlanWithItsStatus() throws {
    let error = #expect(throws: ContainrError.self) {
      _ = try run([.hook(path: "/bin/sh", arguments: ["sh", "-c", "exit 3"], environment: [], input: [])])
    }
    #expect(error?.code == .hook)
    #expect(error?.hint == "it ended with status 3")
  }

  @Test func aHookThatIsNotThereIsNamed() throws {
    let error = #expect(throws: ContainrError.self) {
      _ = try run([.hook(path: "/no/such/hook", arguments: ["hook"], environment: [], input: [])])
    }
    #expect(error?.code == .hook)
    #expect(error?.activity == "running the hook /no/such/hook")
    #expect(error?.systemCall?.errno == .noSuchFileOrDirectory)
  }

  @Test func aHookThatHangsIsKilledAfterItsTime() throws {
    let error = #expect(throws: ContainrError.self) {
      _ = try run([.hook(path: "/bin/sleep", arguments: ["sleep", "600"], environment: [], input: [], timeout: 1)])
    }
    #expect(error?.code == .timeout)
  }

  @Test func aHookInheritsNoDescriptorAboveStandardError() throws {
    let out = try makeDirectory()
    defer { remove(out) }
    let host = try OwnedDescriptor.open("/etc/passwd")
    _ = try run([
      .hook(
        path: "/bin/sh", arguments: ["sh", "-c", "ls /proc/self/fd | wc -l >\(out)/count"],
        environment: ["PATH=/bin:/usr/bin"], input: [])
    ])
    // Three, and the one with which ls reads the directory.
    #expect(try FileContents.text(out.appending("count")) == "4\n")
    withExtendedLifetime(host) {}
  }
}

private func connected(_ path: String) -> CInt? {
  let descriptor = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0)
  var address = sockaddr_un()
  address.sun_family = sa_family_t(AF_UNIX)
  withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
  let result = withUnsafePointer(to: &address) {
    $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
      connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
    }
  }
  return result == 0 ? descriptor : nil
}
