import CContainrLinux
import ContainrTestSupport
import Glibc
import SystemPackage
import Testing

@testable import ContainrCore

@Suite struct SignalTests {
  @Test(
    arguments: [
      ("TERM", 15), ("sigterm", 15), ("9", 9), ("64", 64), ("SIGRTMIN+3", 37), ("rtmax-1", 63), ("RTMIN", 34), ("IOT", 6),
    ] as [(String, Int32)])
  func parsesNamesAndNumbers(text: String, number: Int32) throws {
    #expect(try Signal(parsing: text).rawValue == number)
  }

  @Test(arguments: [
    "", "0", "65", "-1", "+9", " 9", "SIG", "SIGSIGTERM", "RTMIN+31", "RTMIN++3", "RTMIN+-3", "RTMAX--1", "\u{fb06}op",
    "TERM\0",
  ])
  func refusesEverythingElse(text: String) throws {
    let error = #expect(throws: ContainrError.self) { try Signal(parsing: text) }
    #expect(error?.code == .signal)
  }

  @Test func printsTheUsualName() {
    #expect(Signal.kill.description == "SIGKILL")
    #expect(Signal(rawValue: SIGABRT).description == "SIGABRT")
    #expect(Signal(rawValue: 42).description == "signal 42")
  }
}

@Suite(.serialized, .timeLimit(.minutes(5))) struct EventLoopTests {
  /// `pipe:[12345]`.
  private func nameOf(_ descriptor: borrowing OwnedDescriptor) throws -> String {
    var status = stat()
    try #require(fstat(descriptor.rawValue, &status) == 0)
    return "pipe:[\(status.st_ino)]"
  }

  @Test func aCancelledWaitEndsAndLeavesNoDescriptor() async throws {
    var ends = try OwnedDescriptor.pipe()
    let output = ends.takeFirst()
    let input = ends.takeSecond()
    let number = output.rawValue
    // The loop's own descriptors exist from the first wait on.
    try await EventLoop.shared.writable(input.rawValue)
    let name = try nameOf(output)
    let before = try openDescriptors(of: name)
    for _ in 0..<500 {
      let task = Task { try await EventLoop.shared.readable(number) }
      if Bool.random() { await Task.yield() }
      task.cancel()
      await #expect(throws: CancellationError.self) { try await task.value }
    }
    // One race the other way round: the event and the cancellation at once.
    _ = write(input.rawValue, "x", 1)
    for _ in 0..<500 {
      let task = Task { try await EventLoop.shared.readable(number) }
      task.cancel()
      if case .failure(let error) = await task.result { #expect(error is CancellationError) }
    }
    #expect(try openDescriptors(of: name) == before)
  }

  @Test func manyTasksWaitForOneDescriptorAndForMany() async throws {
    var ends = try OwnedDescriptor.pipe()
    let output = ends.takeFirst()
    let input = ends.takeSecond()
    try await EventLoop.shared.writable(input.rawValue)
    let name = try nameOf(output)
    let before = try openDescriptors(of: name)
    let number = output.rawValue
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<200 { group.addTask { try await EventLoop.shared.readable(number) } }
      while try openDescriptors(of: name) < before + 200 { await Task.yield() }
      _ = write(input.rawValue, "x", 1)
      try await group.waitForAll()
    }
    #expect(try openDescriptors(of: name) == before)
  }

  @Test func aFileIsReadyAndABadDescriptorIsAnError() async throws {
    let file = try OwnedDescriptor.open("/proc/self/exe")
    try await EventLoop.shared.readable(file.rawValue)
    let error = await #expect(throws: ContainrError.self) { try await EventLoop.shared.readable(1_000_000) }
    #expect(error?.systemCall?.errno == .badFileDescriptor)
  }
}

@Suite(.serialized) struct ProcessDescriptorTests {
  private func spawn(_ arguments: String...) throws -> Int32 {
    var argv: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
    defer { for argument in argv { free(argument) } }
    // The pool's threads block most signals, and a child inherits that.
    var attributes = posix_spawnattr_t()
    var none = sigset_t()
    posix_spawnattr_init(&attributes)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
    defer { posix_spawnattr_destroy(&attributes) }
    var pid: pid_t = 0
    try #require(posix_spawn(&pid, arguments[0], nil, &attributes, &argv, environ) == 0)
    return pid
  }

  @Test func tellsTheExitCode() async throws {
    let process = try ProcessDescriptor(pid: try spawn("/bin/sh", "-c", "exit 42"))
    let status = try await process.wait()
    #expect(status == .exited(42))
    let hasEnded = process.hasEnded
    #expect(hasEnded)
  }

  @Test func tellsTheSignalAndSignalsTheDeadInSilence() async throws {
    let process = try ProcessDescriptor(pid: try spawn("/bin/sleep", "1000"))
    let isRunning = !process.hasEnded
    #expect(isRunning)
    try process.send(.terminate)
    let status = try await process.wait()
    #expect(status == .signaled(.terminate))
    #expect(status.code == 143)
    try process.send(.kill)
  }

  @Test func cancellingTheWaitLeavesTheProcess() async throws {
    let pid = try spawn("/bin/sleep", "1000")
    let task = Task { try await ProcessDescriptor(pid: pid).wait() }
    await Task.yield()
    task.cancel()
    await #expect(throws: CancellationError.self) { try await task.value }
    let process = try ProcessDescriptor(pid: pid)
    let isRunning = !process.hasEnded
    #expect(isRunning)
    try process.send(.kill)
    let status = try await process.wait()
    #expect(status == .signaled(.kill))
  }

  @Test func aMissingProcessIsNamed() throws {
    let error = #expect(throws: ContainrError.self) { _ = try ProcessDescriptor(pid: Int32.max).pid }
    #expect(error?.code == .containerState)
  }
}

@Suite struct PathologicalTextTests {
  @Test func sizesTakeOnlyASCIIAndRoundIntoTheNextUnit() throws {
    #expect(throws: ContainrError.self) { try ByteCount(parsing: "1\u{212a}") }
    #expect(ByteCount(1_048_575).description == "1.0 MiB")
  }
}
