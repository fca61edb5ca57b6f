import CContainrLinux
import ContainrCore
import ContainrLaunch
import ContainrOCI
import ContainrTestSupport
import Glibc
import Synchronization
import SystemPackage
import Testing

@testable import ContainrSecurity

/// Real processes under real filters, with a supervisor.
@Suite(.requires(.kernel(5, 14), .root)) struct SeccompListenerTests {
  /// Runs a shell script under a profile that allows the rest, and gives its output.
  static func run(
    _ script: String, notifying names: [String], default defaultAction: SeccompAction = .allow,
    _ serve: @escaping @Sendable (SeccompListener) async throws -> Void
  ) async throws -> (String, TerminationStatus) {
    let rules = names.isEmpty ? [] : [SeccompRule(.notify, names)]
    return try await run(
      SeccompFilter(compiling: SeccompProfile(defaultAction: defaultAction, rules: rules)), ["/bin/sh", "-c", script], serve)
  }

  static func run(
    _ filter: SeccompFilter, _ arguments: [String], _ serve: @escaping @Sendable (SeccompListener) async throws -> Void
  ) async throws -> (String, TerminationStatus) {
    try await withTemporaryDirectory { directory in
      let path = directory.appending("output")
      let output = try OwnedDescriptor.open(path, flags: O_RDWR | O_CREAT, mode: 0o600)
      var plan = LaunchPlan()
      let slot = plan.inherit(output.rawValue)
      plan.append(.standardStreams(nil, slot, slot))
      plan.append(.signals())
      plan.append(.closeFrom(3, onExec: true))
      plan.append(.control(.noNewPrivileges))
      plan.append(filter)
      plan.append(.execute(paths: [arguments[0]], arguments: arguments, environment: ["PATH=/usr/bin:/bin:/usr/sbin:/sbin"]))
      let status = try await plan.run(supervisedBy: serve)
      return (try FileContents.text(path), status)
    }
  }

  @Test func mountIsEmulated() async throws {
    let seen = Mutex<[String]>([])
    let (output, status) = try await Self.run(
      "mount -t tmpfs none /proc/nowhere && echo mounted; umount /proc/nowhere 2>&1 || echo refused",
      notifying: ["mount", "umount2"]
    ) { listener in
      for try await request in listener {
        if request.name == "mount" {
          let target = try #require(try request.readString(at: request.arguments[1]))
          seen.withLock { $0.append(String(decoding: target, as: UTF8.self)) }
          try request.answer(.return(0))
        } else {
          try request.answer(.error(.resourceBusy))
        }
      }
    }
    #expect(output.contains("mounted") && output.contains("refused"), "\(output)")
    #expect(status.isSuccess && seen.withLock { $0 } == ["/proc/nowhere"])
  }

  @Test func mknodIsEmulatedByNameAndArguments() async throws {
    let seen = Mutex<[[UInt64]]>([])
    let (output, status) = try await Self.run(
      "mknod /nowhere/null c 1 3 && echo made", notifying: ["mknod", "mknodat"]
    ) { listener in
      for try await request in listener {
        let shift = request.name == "mknodat" ? 1 : 0
        let path = try #require(try request.readString(at: request.arguments[shift]))
        #expect(String(decoding: path, as: UTF8.self) == "/nowhere/null")
        #expect(request.pid > 0 && request.architecture == .native && request.isWaiting)
        seen.withLock { $0.append([request.arguments[shift + 1] & 0o170000, request.arguments[shift + 2]]) }
        #expect(try request.answer(.return(0)) == .delivered)
        expectError(.containerState) { () throws(ContainrError) in try request.answer(.continue) }
      }
    }
    #expect(output == "made\n" && status.isSuccess)
    #expect(seen.withLock { $0 } == [[0o020000, cl_makedev(1, 3)]])
  }

  @Test func openIsAnsweredWithADescriptor() async throws {
    let (output, status) = try await Self.run("cat /no/such/file", notifying: ["openat", "open", "openat2"]) { listener in
      for try await request in listener {
        let at = request.name == "open" ? 0 : 1
        let path = try #require(try request.readString(at: request.arguments[at]))
        guard String(decoding: path, as: UTF8.self) == "/no/such/file" else {
          try request.answer(.continue)
          continue
        }
        var pipe = try OwnedDescriptor.pipe()
        let reader = pipe.takeFirst()
        try FileContents.write(Array("injected\n".utf8), to: pipe.takeSecond(), "filling the pipe")
        #expect(try request.answer(with: reader) == .delivered)
        expectError(.containerState) { () throws(ContainrError) in try request.answer(with: reader) }
      }
    }
    #expect(output == "injected\n" && status.isSuccess)
  }

  @Test func descriptorIsInjectedAtANumber() async throws {
    let (output, status) = try await Self.run("umask 7; cat <&9", notifying: ["umask"]) { listener in
      for try await request in listener {
        let null = try OwnedDescriptor.open("/etc/hostname")
        #expect(try request.inject(null, as: 9, closesOnExec: false) == 9)
        try request.answer(.return(0o22))
      }
    }
    #expect(status.isSuccess)
    #expect(try output == FileContents.text("/etc/hostname"))
  }

  @Test func errorsAreThoseOfTheAnswer() async throws {
    let (output, _) = try await Self.run("rmdir /tmp 2>&1", notifying: ["rmdir", "unlinkat"]) { listener in
      for try await request in listener { try request.answer(.error(.noSpace)) }
    }
    #expect(output.contains("No space left"), "\(output)")
  }

  @Test func requestThatIsDroppedFailsTheCall() async throws {
    let (output, status) = try await Self.run("rmdir /tmp 2>&1; echo $?", notifying: ["rmdir", "unlinkat"]) { listener in
      for try await request in listener { _ = request.pid }
    }
    #expect(output.contains("not implemented") && output.hasSuffix("1\n") && status.isSuccess, "\(output)")
  }

  @Test func supervisorThatLeavesFailsLaterCalls() async throws {
    let (output, _) = try await Self.run("rmdir /tmp 2>&1", notifying: ["rmdir", "unlinkat"]) { _ in }
    #expect(output.contains("not implemented"), "\(output)")
  }

  @Test func processThatDiesMeanwhileIsATypedResult() async throws {
    let (_, status) = try await Self.run("rmdir /tmp; true", notifying: ["rmdir", "unlinkat"]) { listener in
      for try await request in listener {
        let path = try request.readString(at: request.arguments[request.name == "rmdir" ? 0 : 1])
        #expect(path == Array("/tmp".utf8))
        #expect(kill(request.pid, SIGKILL) == 0)
        // The kernel takes the call back when the process dies, which is soon.
        let deadline = ContinuousClock.now + .seconds(30)
        while request.isWaiting, ContinuousClock.now < deadline { try await Task.sleep(for: .milliseconds(2)) }
        #expect(try request.readString(at: request.arguments[1]) == nil)
        #expect(try request.readMemory(at: request.arguments[1], count: 4) == nil)
        let null = try OwnedDescriptor.open("/dev/null")
        #expect(try request.inject(null) == nil)
        #expect(try request.answer(.return(0)) == .processGone)
      }
    }
    // The shell forks for rmdir, unless it executes it last.
    #expect(status == .signaled(.kill) || status.isSuccess || status.code != 0)
  }

  @Test func processThatWaitsForAnAnswerHoldsNoDescriptorOfTheHost() async throws {
    var pipe = try OwnedDescriptor.pipe()
    let reader = pipe.takeFirst()
    let writer = pipe.takeSecond()
    let number = writer.rawValue
    let count = Mutex(0)
    // What looks for the program calls it, before execve(2) closes anything.
    let (_, status) = try await Self.run("true", notifying: ["openat2"]) { listener in
      for try await request in listener {
        #expect(target(of: number, in: request.pid) != target(of: number, in: getpid()))
        count.withLock { $0 += 1 }
        try request.answer(.continue)
      }
    }
    #expect(status.isSuccess && count.withLock { $0 } > 0)
    withExtendedLifetime((reader.rawValue, writer.rawValue)) {}
  }

  @Test func memoryOutsideOfTheProcessIsAnError() async throws {
    let count = Mutex(0)
    let (_, _) = try await Self.run("rmdir /tmp", notifying: ["rmdir", "unlinkat"]) { listener in
      for try await request in listener {
        for address in [0, 1 << 46, UInt64.max] as [UInt64] {
          expectError(.seccomp) { () throws(ContainrError) in _ = try request.readMemory(at: address, count: 8) }
          expectError(.seccomp) { () throws(ContainrError) in _ = try request.readString(at: address) }
        }
        expectError(.seccomp, mentioning: "longer than 2") { () throws(ContainrError) in
          _ = try request.readString(at: request.arguments[request.name == "rmdir" ? 0 : 1], limit: 2)
        }
        count.withLock { $0 += 1 }
        try request.answer(.error(.notPermitted))
      }
    }
    #expect(count.withLock { $0 } == 1)
  }

  @Test func failureOfTheSupervisorEndsTheProcess() async throws {
    struct Failure: Error {}
    await #expect(throws: Failure.self) {
      _ = try await Self.run("rmdir /tmp; sleep 1000", notifying: ["rmdir", "unlinkat"]) { listener in
        for try await _ in listener { throw Failure() }
      }
    }
  }

  @Test func cancellationEndsTheProcess() async throws {
    let (started, continuation) = AsyncStream<Void>.makeStream()
    let task = Task {
      try await Self.run("umask 0; sleep 1000", notifying: ["umask"]) { listener in
        for try await request in listener {
          try request.answer(.continue)
          continuation.yield()
        }
      }
    }
    for await _ in started { break }
    task.cancel()
    await #expect(throws: (any Error).self) { _ = try await task.value }
  }

  @Test func failedExecutionIsTheErrorOfThePlan() async throws {
    await #expect {
      _ = try await Self.run(SeccompRecorder.filter(), ["/no/such/program"]) { listener in
        for try await request in listener { try request.answer(.continue) }
      }
    } throws: { ($0 as? ContainrError)?.code == .commandNotFound }
  }

  // MARK: Recorder

  static let busybox = (["/bin/busybox", "/usr/bin/busybox"] as [String]).first { access($0, X_OK) == 0 } ?? "/bin/busybox"

  @Test(.requires(.program("busybox"))) func recordedProfileIsEnoughForTheProgramAndForNoOther() async throws {
    let recorder = SeccompRecorder()
    let echo = [Self.busybox, "echo", "hello"]
    let (output, status) = try await Self.run(SeccompRecorder.filter(), echo) { try await recorder.record($0) }
    #expect(output == "hello\n" && status.isSuccess)
    let profile = await recorder.profile()
    let names = try #require(profile.rules.first).names
    #expect(names.contains("execve") && names.contains("write") && !names.contains("mkdir") && !names.contains("socket"))
    #expect(await recorder.unnamed.isEmpty)
    #expect(profile.architectures == [.native])

    let filter = try SeccompFilter(compiling: profile)
    let again = try await run(
      {
        $0.append(.control(.noNewPrivileges)); $0.append(filter)
      }, echo)
    #expect(again.0 == "hello\n" && again.1.isSuccess)
    let other = try await run(
      {
        $0.append(.control(.noNewPrivileges)); $0.append(filter)
      }, [Self.busybox, "mkdir", "/tmp/containr-test-never"])
    #expect(!other.1.isSuccess && access("/tmp/containr-test-never", F_OK) != 0)
  }

  /// Everything after the filter must be in the profile: the other steps come before.
  private func run(
    _ build: (inout LaunchPlan) -> Void, _ arguments: [String]
  ) async throws -> (String, TerminationStatus) {
    var plan = LaunchPlan()
    var pipe = try OwnedDescriptor.pipe()
    let reader = pipe.takeFirst()
    let writer = pipe.takeSecond()
    let output = plan.inherit(writer.rawValue)
    plan.append(.standardStreams(nil, output, output))
    plan.append(.signals())
    plan.append(.closeFrom(3, onExec: true))
    build(&plan)
    plan.append(.execute(paths: [arguments[0]], arguments: arguments, environment: ["PATH=/bin"]))
    let result = try plan.spawn()
    close(writer.release())
    let text = try FileContents.read(reader, "reading the output")
    return (String(decoding: text, as: UTF8.self), try await result.takeProcess().wait())
  }

  @Test func flagsReachTheKernel() async throws {
    // A kernel that knows a flag takes it; one bit that none knows is refused, which shows that flags are passed at all.
    let profile = SeccompProfile(
      defaultAction: .allow, rules: [SeccompRule(.errno(17), ["umask"])],
      flags: [.log, .speculationAllowed, .threadSynchronization]
    )
    let filter = try SeccompFilter(compiling: profile)
    let loaded = try await run(
      {
        $0.append(.control(.noNewPrivileges)); $0.append(filter)
      }, ["/bin/sh", "-c", "echo fine"])
    #expect(loaded.0 == "fine\n")
    let unknown = SeccompFilter(bytes: filter.bytes, flags: SeccompFlags(rawValue: 1 << 7))!
    await #expect {
      _ = try await run(
        {
          $0.append(.control(.noNewPrivileges)); $0.append(unknown)
        }, ["/bin/true"])
    } throws: { ($0 as? ContainrError)?.systemCall?.errno == .invalidArgument }
  }

  @Test(.requires(.kernel(5, 19))) func waitKillableAndThreadSynchronizationGoTogetherWithAListener() async throws {
    let profile = SeccompProfile(
      defaultAction: .allow, rules: [SeccompRule(.notify, ["umask"])], flags: [.waitKillable, .threadSynchronization])
    let (output, status) = try await Self.run(SeccompFilter(compiling: profile), ["/bin/sh", "-c", "umask 7; umask"]) {
      for try await request in $0 { try request.answer(.return(0o33)) }
    }
    #expect(output == "0033\n" && status.isSuccess)
  }

  // MARK: Agent

  @Test func stateAndListenerAreSentToAnAgent() async throws {
    try await withTemporaryDirectory { directory in
      let path = directory.appending("agent.sock")
      let server = OwnedDescriptor(owning: socket(AF_UNIX, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0))
      var address = sockaddr_un()
      address.sun_family = sa_family_t(AF_UNIX)
      withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.string.utf8)) }
      let bound = withUnsafePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          bind(server.rawValue, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
        }
      }
      try #require(bound == 0 && listen(server.rawValue, 1) == 0)
      let container: JSON = ["ociVersion": "1.2.0", "id": "web", "status": "creating", "pid": 7, "bundle": "/b"]
      let state = SeccompProcessState(ociVersion: "1.2.0", pid: 7, metadata: "m", container: container)
      let sent = try OwnedDescriptor.open("/dev/null")
      try state.send(sent, to: path)
      let connection = OwnedDescriptor(owning: accept(server.rawValue, nil, nil))
      var first: CChar = 0
      var received: CInt = -1
      #expect(cl_receive_descriptor(connection.rawValue, &first, &received) == 1 && received >= 0)
      let descriptor = OwnedDescriptor(owning: received)
      var status = stat()
      #expect(fstat(descriptor.rawValue, &status) == 0 && status.st_rdev == cl_makedev(1, 3))
      let rest = try FileContents.read(connection, "reading the state")
      let json = try JSON(parsing: [UInt8(bitPattern: first)] + rest, as: "the state")
      #expect(json == state.json)
      #expect(try json.text().contains(#""fds":["seccompFd"]"#))
      expectError(.seccomp) { () throws(ContainrError) in try state.send(sent, to: directory.appending("nobody")) }
      expectError(.invalidArgument) { () throws(ContainrError) in
        try state.send(sent, to: FilePath("/" + String(repeating: "a", count: 108)))
      }
    }
  }
}

/// What a descriptor of a process is open on; nil where it has none of this number.
private func target(of descriptor: CInt, in process: Int32) -> String? {
  var buffer = [UInt8](repeating: 0, count: 256)
  let count = buffer.withUnsafeMutableBytes {
    readlink("/proc/\(process)/fd/\(descriptor)", $0.baseAddress!.assumingMemoryBound(to: CChar.self), $0.count)
  }
  return count < 0 ? nil : String(decoding: buffer[..<count], as: UTF8.self)
}
