import CContainrLinux
import ContainrRuntime
import ContainrTestSupport
import Glibc
import SystemPackage
import Testing

/// `CONTAINR_TEST_CONTAINERS` says how many containers run one after the other; 100 by default.
@Suite(.serialized, .requires(.root, .file("/bin/busybox"))) struct LoadTests {
  private static let count = getenv("CONTAINR_TEST_CONTAINERS").flatMap { Int(String(cString: $0)) } ?? 100

  @Test func containersInALongRowLeaveNothing() async throws {
    try await Fixture.with { fixture in
      // What is made once, for all: the event loop, the filter.
      _ = try await fixture.shell("true")
      let (_, left) = try await withoutLeaks(
        marks: [fixture.state.path.string, "load-row-"], directory: fixture.state.path.appending("containers"),
        program: true, patience: .seconds(30)
      ) {
        for index in 0..<Self.count {
          var configuration = fixture.configuration("true")
          configuration.id = try ContainerID("load-row-\(getpid())-\(index)")
          let status = try await withContainer(configuration, in: fixture.state) { try await $0.wait() }
          guard status.isSuccess else { throw Unexpected("container \(index): \(status)") }
        }
      }
      #expect(left.isEmpty)
    }
  }

  @Test func aHundredContainersAtOnceWhileTheProgramIsBusyLeaveNothing() async throws {
    try await Fixture.with { fixture in
      _ = try await fixture.shell("true")
      let (outputs, left) = try await withoutLeaks(
        marks: [fixture.state.path.string, "load-pool-"], directory: fixture.state.path.appending("containers"),
        program: true, patience: .seconds(30)
      ) {
        try await withThrowingTaskGroup(of: String?.self) { group in
          // Tasks that allocate and lock while others are cloned.
          for _ in 0..<4 {
            group.addTask {
              var texts: [String] = []
              while !Task.isCancelled {
                texts = (0..<100).map { "\($0) \(texts.count)" }
                await Task.yield()
              }
              return nil
            }
          }
          for index in 0..<100 {
            group.addTask {
              var configuration = fixture.configuration("echo", "container \(index)")
              configuration.id = try ContainerID("load-pool-\(getpid())-\(index)")
              return try await fixture.run(configuration).output
            }
          }
          var outputs: Set<String> = []
          while outputs.count < 100, let output = try await group.next() {
            if let output { outputs.insert(output) }
          }
          group.cancelAll()
          try await group.waitForAll()
          return outputs
        }
      }
      #expect(outputs == Set((0..<100).map { "container \($0)\n" }))
      #expect(left.isEmpty)
    }
  }
}
