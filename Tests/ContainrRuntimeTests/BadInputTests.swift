import CContainrLinux
import ContainrRuntime
import ContainrTestSupport
import Glibc
import SystemPackage
import Testing

/// Every wrong configuration has its code, and leaves neither a directory nor a cgroup: `refusal` looks.
@Suite(.requires(.root, .file("/bin/busybox"))) struct BadInputTests {
  private func refused(
    _ code: ContainrError.Code, _ change: (inout ContainerConfiguration) throws -> Void,
    location: SourceLocation = #_sourceLocation
  ) async throws {
    try await Fixture.with { fixture in
      var configuration = fixture.configuration("true")
      try change(&configuration)
      let error = try await fixture.refusal(configuration)
      #expect(error.code == code, "\(error)", sourceLocation: location)
    }
  }

  @Test(arguments: ["no-such-command", "/no/such/command", "/etc/passwd/x"])
  func aMissingCommandIsNotFound(_ command: String) async throws {
    try await refused(.commandNotFound) { $0.process.arguments = [command] }
  }

  @Test(arguments: ["/etc/passwd", "/etc", "/dev/null"])
  func aFileThatIsNoProgramIsNotExecutable(_ command: String) async throws {
    try await refused(.commandNotExecutable) { $0.process.arguments = [command] }
  }

  @Test func aScriptWithoutItsInterpreterIsNotFound() async throws {
    try await Fixture.with {
      try write("#!/no/such/interpreter\n", to: $0.appending("bin/script"), mode: 0o755)
      try write("neither a script nor a program", to: $0.appending("bin/text"), mode: 0o755)
    } _: { fixture, layer in
      let script = try await fixture.refusal(fixture.configuration(layers: [layer], "script"))
      #expect(script.code == .commandNotFound)
      let text = try await fixture.refusal(fixture.configuration(layers: [layer], "text"))
      #expect(text.code == .commandNotExecutable)
    }
  }

  @Test func noCommandIsAnInvalidConfiguration() async throws {
    try await refused(.invalidConfiguration) { $0.process.arguments = [] }
    try await refused(.invalidConfiguration) { $0.process.arguments = [""] }
  }

  @Test func aNULInAnArgumentIsInvalid() async throws {
    try await refused(.invalidArgument) { $0.process.arguments = ["echo", "a\0b"] }
    try await refused(.invalidArgument) { $0.process.environment = ["A=a\0b"] }
    try await refused(.invalidArgument) { $0.process.workingDirectory = "/a\0b" }
    try await refused(.invalidArgument) { $0.hostname = "a\0b" }
  }

  @Test func aMissingRootIsNamed() async throws {
    try await refused(.rootfsNotFound) { $0.rootFS = RootFS(.directory("/no/such/root")) }
    try await refused(.rootfsNotFound) { $0.rootFS = RootFS(.directory("/etc/passwd")) }
  }

  @Test func aMissingLayerIsAMountFailure() async throws {
    try await Fixture.with { fixture in
      let error = try await fixture.refusal(fixture.configuration(layers: ["/no/such/layer"], "true"))
      #expect(error.code == .rootfsMount || error.code == .rootfsNotFound, "\(error)")
    }
    try await refused(.invalidConfiguration) { $0.rootFS.source = .overlay(OverlayRoot(layers: [], writableLayer: .none)) }
  }

  @Test(.requires(.cgroupV1("cpuset"))) func aLimitThatTheKernelRefusesIsALimitFailure() async throws {
    try await refused(.cgroupLimit) { $0.resources.cpuset.cpus = [4000] }
  }

  @Test func aTakenIdIsRefusedAndItsOwnerUnharmed() async throws {
    try await Fixture.with { fixture in
      try await fixture.withShell { container in
        var configuration = fixture.configuration("true")
        configuration.id = container.id
        do {
          _ = try await Container.create(configuration, in: fixture.state)
          Issue.record("two containers of one id")
        } catch let error as ContainrError {
          #expect(error.code == .containerAlreadyExists)
        }
        let output = try await fixture.execute("echo alive", in: container).output
        #expect(output == "alive\n")
      }
    }
  }

  @Test func aWorkingDirectoryMustBeAbsoluteAndADirectory() async throws {
    try await refused(.invalidArgument) { $0.process.workingDirectory = "relative" }
    try await refused(.invalidArgument) { $0.process.workingDirectory = "" }
    try await refused(.workingDirectory) { $0.process.workingDirectory = "/etc/passwd" }
  }

  @Test func anEnvironmentVariableNeedsANameAndAValue() async throws {
    try await refused(.invalidArgument) { $0.process.environment = ["NOVALUE"] }
    try await refused(.invalidArgument) { $0.process.environment = ["=value"] }
  }

  @Test func aUserThatIsNotThereIsNamed() async throws {
    try await refused(.user) { $0.process.user = try UserSpecification(parsing: "nosuchuser") }
    try await refused(.user) { $0.process.user = try UserSpecification(parsing: "root:nosuchgroup") }
  }

  @Test func aHostNameIsAtMost64Bytes() async throws {
    try await refused(.invalidArgument) { $0.hostname = String(repeating: "h", count: 65) }
    try await Fixture.with { fixture in
      let name = String(repeating: "h", count: 64)
      let output = try await fixture.shell("hostname") { $0.hostname = name }.output
      #expect(output == name + "\n")
    }
  }

  @Test func aTerminalNeedsItsFileSystem() async throws {
    try await refused(.invalidConfiguration) {
      $0.process.terminal = TerminalSize()
      $0.rootFS.mounts.removeAll { $0.kind == .devpts }
    }
  }

  @Test func anOOMScoreIsWithinItsBounds() async throws {
    try await refused(.invalidArgument) { $0.process.oomScoreAdjustment = 1001 }
  }

  @Test func aLimitThatTheProcessMayNotHaveIsRefused() async throws {
    try await refused(.invalidArgument) { $0.process.resourceLimits = [ResourceLimit(.nofile, soft: 10, hard: 5)] }
  }

  @Test func tooManyArgumentsAreNamed() async throws {
    try await refused(.invalidArgument) { $0.process.arguments = ["echo", String(repeating: "x", count: 200_000)] }
  }
}
