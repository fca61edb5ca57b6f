import CContainrLinux
import ContainrCore
import ContainrLaunch
import ContainrTestSupport
import Glibc
import SystemPackage
import Testing

@Suite struct LaunchTests {
  @Test func runsAProgramAndGivesItsStatus() async throws {
    let (text, status) = try await run({ _ in }, paths: ["/bin/sh"], arguments: ["sh", "-c", "echo hello; exit 7"])
    #expect(text == "hello\n")
    #expect(status == .exited(7))
  }

  @Test func closesEveryOtherDescriptorAndResetsSignals() async throws {
    signal(SIGPIPE, SIG_IGN)
    let (text, _) = try await run(
      { _ in }, paths: ["/bin/sh"],
      arguments: ["sh", "-c", "ls /proc/self/fd | wc -l; grep -E 'Sig(Ign|Blk)' /proc/self/status"])
    // 0, 1, 2 and the directory that ls reads.
    #expect(text == "4\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n")
  }

  @Test func namesTheOperationTheCallAndTheErrorNumber() throws {
    var plan = LaunchPlan()
    plan.append(.workingDirectory("/nowhere/at/all", anywhere: true))
    plan.append(.execute(paths: ["/bin/true"], arguments: ["true"], environment: []))
    let error = #expect(throws: ContainrError.self) { _ = try plan.spawn() }
    #expect(error?.code == .workingDirectory)
    #expect(error?.systemCall == SystemCall("chdir(2)", .noSuchFileOrDirectory))
  }

  @Test func refusesAMagicLinkAsTheProgram() throws {
    var plan = LaunchPlan()
    plan.append(.execute(paths: ["/proc/self/exe"], arguments: ["exe"], environment: []))
    let error = #expect(throws: ContainrError.self) { _ = try plan.spawn() }
    #expect(error?.code == .commandNotExecutable)
  }

  @Test func tellsNotFoundFromNotExecutable() throws {
    for (path, code) in [("/bin/no-such", ContainrError.Code.commandNotFound), ("/etc/passwd", .commandNotExecutable)] {
      var plan = LaunchPlan()
      plan.append(.execute(paths: [path], arguments: [path], environment: []))
      let error = #expect(throws: ContainrError.self) { _ = try plan.spawn() }
      #expect(error?.code == code)
    }
  }

  @Test func refusesTextWithANulByte() throws {
    var plan = LaunchPlan()
    plan.append(.execute(paths: ["/bin/true"], arguments: ["a\0b"], environment: []))
    let error = #expect(throws: ContainrError.self) { _ = try plan.spawn() }
    #expect(error?.code == .invalidArgument)
  }

  @Test func servesBarriers() async throws {
    var plan = LaunchPlan()
    let socket = plan.makeParentSocket()
    plan.append(.barrier(.start, socket: socket))
    plan.append(.closeFrom(3, onExec: true))
    plan.append(.execute(paths: ["/bin/true"], arguments: ["true"], environment: []))
    let session = try LaunchSession(plan)
    #expect(try session.next() == .start)
    #expect(session.pid > 1)
    try session.pass()
    #expect(try session.next() == nil)
    #expect(try await session.finish().takeProcess().wait() == .exited(0))
  }

  @Test func aDroppedSessionLeavesNoProcess() throws {
    var plan = LaunchPlan()
    let socket = plan.makeParentSocket()
    plan.append(.barrier(.start, socket: socket))
    plan.append(.execute(paths: ["/bin/true"], arguments: ["true"], environment: []))
    func startAndDrop() throws -> pid_t {
      let session = try LaunchSession(plan)
      guard try session.next() == .start else { return 0 }
      return session.pid
    }
    let pid = try startAndDrop()
    #expect(pid > 1)
    #expect(kill(pid, 0) == -1)
  }

  @Test(.requires(.root, .file("/bin/busybox"))) func makesARootFromNothing() async throws {
    let (text, status) = try await run(
      { plan in
        plan.namespaceFlags = UInt64(UInt32(CL_CLONE_NEWNS | CL_CLONE_NEWPID | CL_CLONE_NEWUTS))
        let root = plan.makeSlot()
        let busybox = plan.makeSlot()
        let proc = plan.makeSlot()
        plan.append(.propagation(.private))
        plan.append(.mount(root, type: "tmpfs"))
        plan.append(.bind(busybox, directory: .workingDirectory, path: "/bin/busybox"))
        plan.append(.mount(proc, type: "proc"))
        plan.append(.attachOnHost(root, path: "/"))
        plan.append(.attach(busybox, root: root, path: "/bin/busybox"))
        plan.append(.attach(proc, root: root, path: "/proc"))
        plan.append(.hostname("fresh"))
        plan.append(.pivot(root: root))
      }, paths: ["/bin/busybox"], arguments: ["sh", "-c", "hostname; echo $$; ls /; cat /proc/self/mountinfo | wc -l"])
    #expect(text == "fresh\n1\nbin\nproc\n3\n")
    #expect(status.isSuccess)
  }
}
