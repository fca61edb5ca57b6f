import ContainrRuntime
import ContainrTestSupport
import SystemPackage
import Testing

/// A state directory for containers whose root is the machine's own, under a writable layer in memory: every program that is
/// installed here runs in them, and nothing of theirs reaches the disk.
public struct MachineFixture: Sendable {
  /// Where the containers are; it goes with the test.
  public let state: StateDirectory
  /// A directory of the host for the test's files, which the containers see under the same path.
  public let directory: FilePath

  /// Runs a test.
  public static func with<Result>(
    isolation: isolated (any Actor)? = #isolation, _ body: (MachineFixture) async throws -> Result
  ) async throws -> Result {
    try await withTemporaryDirectory { directory in
      let state = try StateDirectory(directory.appending("state"))
      return try await body(MachineFixture(state: state, directory: directory))
    }
  }

  /// A container with all defaults.
  public func configuration(_ arguments: [String]) -> ContainerConfiguration {
    ContainerConfiguration(rootFS: RootFS(.overlay(OverlayRoot(layers: ["/"], writableLayer: .none)))) {
      $0.writableLayer = .memory(limit: .gibibytes(1))
      $0.process.arguments = arguments
      $0.process.environment = ["PATH=\(ProcessConfiguration.defaultPath)", "HOME=/root", "LC_ALL=C.UTF-8"]
      $0.process.streams = .captured
    }
  }

  /// Runs a configuration to its end, and gives what came out of both streams.
  public func run(_ configuration: ContainerConfiguration) async throws -> (output: String, status: TerminationStatus) {
    try await withContainer(configuration, in: state) { container in
      async let error = container.standardError!.text()
      let output = try await container.standardOutput!.text()
      return (output + (try await error), try await container.wait())
    }
  }

  /// Runs a shell script in a container, and gives its output and status.
  public func shell(
    _ script: String, _ change: (inout ContainerConfiguration) throws -> Void = { _ in }
  ) async throws -> (output: String, status: TerminationStatus) {
    var configuration = configuration(["sh", "-c", script])
    try change(&configuration)
    return try await run(configuration)
  }

  /// Executes a program in a running container, and gives its output and status.
  public func execute(
    _ arguments: [String], in container: Container
  ) async throws -> (output: String, status: TerminationStatus) {
    var process = ProcessConfiguration()
    process.arguments = arguments
    process.streams = .captured
    let executed = try await container.execute(process)
    async let error = executed.standardError!.text()
    let output = try await executed.standardOutput!.text()
    return (output + (try await error), try await executed.wait())
  }
}
