import CContainrLinux
import ContainrImage
import ContainrRuntime
import ContainrTestSupport
import Glibc
import SystemPackage
import Testing

extension Fixture {
  /// A fixture whose image has files of the test's own on top, in a second layer.
  ///
  /// - Parameter make: fills the layer, which is a directory of the host.
  static func with<Result>(
    layer make: (FilePath) throws -> Void, isolation: isolated (any Actor)? = #isolation,
    _ body: (Fixture, FilePath) async throws -> Result
  ) async throws -> Result {
    try await withTemporaryDirectory { directory in
      let layer = directory.appending("layer")
      try FileTree.makeDirectories(layer, mode: 0o755)
      try make(layer)
      return try await with { try await body($0, layer) }
    }
  }

  /// A configuration with layers of the test's own above the image's.
  func configuration(layers: [FilePath], _ arguments: String...) -> ContainerConfiguration {
    var configuration = ContainerConfiguration(
      rootFS: RootFS(.overlay(OverlayRoot(layers: image.layers + layers, writableLayer: .none))))
    configuration.process.arguments = arguments
    configuration.process.streams = .captured
    return configuration
  }

  /// Runs a configuration to its end, and gives what came out of both streams.
  func run(_ configuration: ContainerConfiguration) async throws -> (output: String, status: TerminationStatus) {
    try await withContainer(configuration, in: state) { container in
      async let error = container.standardError!.text()
      let output = try await container.standardOutput!.text()
      return (output + (try await error), try await container.wait())
    }
  }

  /// Runs a shell in a container, and a body beside it. The shell waits on its standard input.
  func withShell<Result: Sendable>(
    _ change: (inout ContainerConfiguration) throws -> Void = { _ in }, _ body: (Container) async throws -> Result
  ) async throws -> Result {
    var configuration = configuration("sh", "-c", "trap 'exit 0' TERM; while :; do sleep 1000 & wait; done")
    configuration.process.streams = StandardStreams(input: .null, output: .null, error: .null)
    try change(&configuration)
    return try await withContainer(configuration, in: state) { try await body($0) }
  }

  /// Executes a shell script in a running container, and gives its output and status.
  func execute(
    _ script: String, in container: Container, _ change: (inout ProcessConfiguration) throws -> Void = { _ in }
  ) async throws -> (output: String, status: TerminationStatus) {
    var process = ProcessConfiguration()
    process.arguments = ["sh", "-c", script]
    process.streams = .captured
    try change(&process)
    let executed = try await container.execute(process)
    async let error = executed.standardError!.text()
    let output = try await executed.standardOutput!.text()
    return (output + (try await error), try await executed.wait())
  }

  /// Starts a container that must be refused, and gives the error.
  func refusal(_ configuration: ContainerConfiguration) async throws -> ContainrError {
    do {
      _ = try await run(configuration)
    } catch let error as ContainrError {
      #expect(try state.list().isEmpty, "a refused start leaves its directory")
      #expect(try LeakCheck(marks: [configuration.id.description]).cgroups.isEmpty, "a refused start leaves its cgroup")
      return error
    }
    throw Unexpected("the container was not refused")
  }
}

/// A test came to a point that it must not come to.
struct Unexpected: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

/// Writes a file of the host.
func write(_ text: String, to path: FilePath, mode: UInt32 = 0o644) throws {
  try FileTree.makeDirectories(path.removingLastComponent(), mode: 0o755)
  try FileContents.replace(path, with: text.utf8, mode: mode, durable: false)
  guard chmod(path.string, mode_t(mode)) == 0 else { throw Errno.current }
}

/// Makes a symbolic link on the host.
func link(_ path: FilePath, to target: String) throws {
  try FileTree.makeDirectories(path.removingLastComponent(), mode: 0o755)
  guard symlink(target, path.string) == 0 else { throw Errno.current }
}

/// Polls until a condition holds.
func eventually(
  within patience: Duration = .seconds(10), _ what: String, _ condition: () async throws -> Bool
) async throws {
  let deadline = ContinuousClock.now + patience
  while !(try await condition()) {
    guard ContinuousClock.now < deadline else { throw Unexpected("after \(patience) still not: \(what)") }
    try await Task.sleep(for: .milliseconds(2))
  }
}

/// The value of a line `Name:\tvalue` of /proc/self/status.
func field(_ name: String, of status: String) -> String? {
  status.split(separator: "\n").first { $0.hasPrefix(name + ":") }
    .map { $0.dropFirst(name.count + 1).filter { !$0.isWhitespace } }
}
