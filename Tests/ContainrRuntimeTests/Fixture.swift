import ContainrImage
import ContainrRuntime
import ContainrTestSupport
import Glibc
import SystemPackage
import Testing

/// The default image, unpacked once for all tests of the run and removed when the program ends.
private enum SharedImage {
  static let directory = FilePath("/tmp/containr-test-image-\(getpid())")
  static let resolved = Task {
    try FileTree.makeDirectories(directory)
    atexit { _ = Result { try FileTree.remove(SharedImage.directory) } }
    return try DefaultImage().resolve(in: try ImageStore(directory))
  }
}

/// A state directory and the default image, in a directory that goes with the test.
struct Fixture: Sendable {
  let state: StateDirectory
  let image: ResolvedImage

  static func with<Result>(
    isolation: isolated (any Actor)? = #isolation, _ body: (Fixture) async throws -> Result
  ) async throws -> Result {
    let image = try await SharedImage.resolved.value
    return try await withTemporaryDirectory { directory in
      try await body(Fixture(state: try StateDirectory(directory.appending("state")), image: image))
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
