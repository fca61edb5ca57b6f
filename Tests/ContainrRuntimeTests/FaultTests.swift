import CContainrLinux
import ContainrTestSupport
import Glibc
import SystemPackage
import Testing

@testable import ContainrRuntime

/// A start that fails at any point leaves the machine as it was.
@Suite(.serialized, .requires(.root, .file("/bin/busybox"))) struct FaultTests {
  /// Fails a start on purpose, and gives the error and what was left behind.
  private func fail(
    _ fixture: Fixture, _ faults: FaultInjection, _ change: (inout ContainerConfiguration) -> Void = { _ in }
  ) async throws -> (error: ContainrError, left: [String]) {
    var configuration = fixture.configuration("true")
    configuration.hostFiles = .managed
    change(&configuration)
    let (error, left) = try await withoutLeaks(
      marks: [configuration.id.description, fixture.state.path.string], directory: fixture.state.containers
    ) { () async throws -> ContainrError? in
      do {
        let container = try await Container.create(configuration, in: fixture.state, faults: faults)
        try await container.start()
        try await container.delete()
        return nil
      } catch let error as ContainrError {
        return error
      }
    }
    guard let error else { throw Unexpected("the start did not fail: \(faults)") }
    return (error, left)
  }

  @Test(arguments: ContainerLauncher.Step.allCases)
  func aStartThatFailsInTheParentLeavesNothing(_ step: ContainerLauncher.Step) async throws {
    try await Fixture.with { fixture in
      for layer in [ContainerConfiguration.WritableLayer.disk, .memory(limit: nil), .none] {
        let (error, left) = try await fail(fixture, FaultInjection(step: step)) {
          $0.writableLayer = layer
          // Nothing can be made in a root without a writable layer, and the image has no such files.
          if layer == .none { $0.hostFiles = .none }
        }
        #expect(error.code == .internalError)
        #expect(left.isEmpty)
      }
    }
  }

  private func operations(_ fixture: Fixture, _ change: (inout ContainerConfiguration) -> Void) async throws -> Int {
    var configuration = fixture.configuration("true")
    configuration.hostFiles = .managed
    change(&configuration)
    return try await withContainer(configuration, in: fixture.state) { await $0.plan!.operations.count }
  }

  /// Fails at each operation but the last, which is the start of the program: bad input makes that one fail.
  private func failEverywhere(
    _ fixture: Fixture, _ count: Int, _ change: (inout ContainerConfiguration) -> Void
  ) async throws {
    let (_, left) = try await withoutLeaks(marks: [fixture.state.path.string], program: true, patience: .seconds(30)) {
      for index in 0..<count - 1 {
        let (error, left) = try await fail(fixture, FaultInjection(operation: index), change)
        // The operation in place of the real one closes what is not open.
        #expect(error.systemCall?.errno == .badFileDescriptor, "operation \(index): \(error)")
        #expect(left.isEmpty, "operation \(index)")
      }
    }
    #expect(left.isEmpty)
  }

  @Test func aStartThatFailsAtAnyOperationLeavesNothing() async throws {
    try await Fixture.with { fixture in
      let count = try await operations(fixture) { _ in }
      try #require(count > 40)
      try await failEverywhere(fixture, count) { _ in }
    }
  }

  @Test func aStartWithATerminalAndMemoryThatFailsAtAnyOperationLeavesNothing() async throws {
    func change(_ configuration: inout ContainerConfiguration) {
      configuration.process.terminal = TerminalSize()
      configuration.writableLayer = .memory(limit: .mebibytes(8))
    }
    try await Fixture.with { fixture in
      let count = try await operations(fixture, change)
      try await failEverywhere(fixture, count, change)
    }
  }

  @Test func theIdIsFreeAfterAFailure() async throws {
    try await Fixture.with { fixture in
      let id = ContainerID.random()
      for index in [0, 20, 40] {
        _ = try await fail(fixture, FaultInjection(operation: index)) { $0.id = id }
      }
      var configuration = fixture.configuration("echo", "fine")
      configuration.id = id
      let output = try await fixture.run(configuration).output
      #expect(output == "fine\n")
    }
  }
}
