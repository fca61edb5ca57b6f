import ContainrCore
import ContainrTestSupport
import Glibc
import SystemPackage
import Testing

/// `containr system repair`, after the tool was killed.
@Suite(.requires(.root, .file("/bin/busybox"))) struct RepairTests {
  @Test func whatAKilledToolLeftIsTakenDown() async throws {
    try await Tool.with { tool in
      let (dead, alive) = (tool.name("dead"), tool.name("alive"))
      let killed = try await tool.background(dead)
      let kept = try await tool.background(alive, script: "trap 'exit 4' TERM; while :; do sleep 0.05; done")
      let cgroup = try #require(try tool.cgroups().first { $0.hasSuffix(dead) && !$0.contains("/devices/") })
      let inside = try FileContents.text(FilePath(cgroup + "/cgroup.procs")).split(separator: "\n").compactMap { pid_t($0) }
      #expect(!inside.isEmpty)
      try killed.process.send(.kill)
      #expect(try await killed.wait().status == 137)
      // The container goes on without the tool.
      #expect(inside.allSatisfy { kill($0, 0) == 0 })

      let outcome = try await tool("system", "repair")
      #expect(outcome == Tool.Outcome(status: 0, output: "Removed container: \(dead)\n", error: ""))
      #expect(try tool.cgroups().allSatisfy { $0.hasSuffix(alive) })
      #expect(try FileTree.names(in: tool.state.appending("containers")) == [alive])
      try await eventually("the end of the processes") { inside.allSatisfy { isGone($0) } }

      #expect(try await tool("exec", alive, "echo", "still here").output == "still here\n")
      #expect(try await tool("system", "repair").output == "")
      try kept.process.send(.terminate)
      #expect(try await kept.wait().status == 4)
    }
  }

  /// Whether a process ended, be it reaped already or not.
  private func isGone(_ pid: pid_t) -> Bool {
    guard let status = try? FileContents.textIfPresent(FilePath("/proc/\(pid)/stat")) else { return true }
    return status.contains(") Z ")
  }
}
