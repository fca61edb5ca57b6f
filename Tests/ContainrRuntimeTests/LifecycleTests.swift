import ContainrImage
import ContainrRuntime
import ContainrTestSupport
import Glibc
import SystemPackage
import Testing

/// A state directory and the default image, in a directory that goes with the test.
struct Fixture: Sendable {
  let state: StateDirectory
  let image: ResolvedImage

  static func with<Result>(
    isolation: isolated (any Actor)? = #isolation, _ body: (Fixture) async throws -> Result
  ) async throws -> Result {
    try await withTemporaryDirectory { directory in
      let store = try ImageStore(directory.appending("image"))
      let image: ResolvedImage = try await DefaultImage().resolve(in: store)
      return try await body(Fixture(state: try StateDirectory(directory.appending("state")), image: image))
    }
  }

  func configuration(_ arguments: String...) -> ContainerConfiguration {
    ContainerConfiguration(
      rootFS: RootFS(.overlay(OverlayRoot(layers: image.layers, writableLayer: .none)))
    ) {
      $0.process.arguments = arguments
      $0.process.streams = .captured
    }
  }

  /// Runs a shell script in a container, and gives its output and status.
  func shell(
    _ script: String, _ change: (inout ContainerConfiguration) throws -> Void = { _ in }
  ) async throws -> (output: String, status: TerminationStatus) {
    var configuration = configuration("sh", "-c", script)
    try change(&configuration)
    return try await withContainer(configuration, in: state) { container in
      async let error = container.standardError!.text()
      let output = try await container.standardOutput!.text()
      return (output + (try await error), try await container.wait())
    }
  }
}

@Suite(.requires(.root, .file("/bin/busybox"))) struct LifecycleTests {
  @Test func aContainerRunsAndGivesItsOutputAndStatus() async throws {
    try await Fixture.with { fixture in
      let (output, status) = try await fixture.shell("echo hello; exit 3")
      #expect(output == "hello\n")
      #expect(status == .exited(3))
      #expect(try fixture.state.list().isEmpty)
    }
  }

  @Test func theProgramIsTheFirstProcessAndSeesNoOthers() async throws {
    try await Fixture.with { fixture in
      let (output, _) = try await fixture.shell("echo $$; ls /proc | grep -c '^[0-9]'")
      // The shell, ls and grep.
      #expect(output == "1\n3\n")
    }
  }
}
