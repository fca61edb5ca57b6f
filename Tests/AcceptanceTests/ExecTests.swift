import ContainrCore
import ContainrTestSupport
import SystemPackage
import Testing

/// `containr exec`.
@Suite(.requires(.root, .file("/bin/busybox"))) struct ExecTests {
  /// Executes in a container that sleeps.
  private func withContainer(_ options: [String] = [], _ body: (Tool, String) async throws -> Void) async throws {
    try await Tool.with { tool in
      let name = tool.name("exec")
      let run = try tool.start(
        ["run", "--name", name] + options
          + ["containr/busybox", "sh", "-c", "echo up; trap 'exit 0' TERM; while :; do sleep 0.05; done"])
      try await run.waitForOutput { $0 == "up\n" }
      let result: Result<Void, any Error>
      do { result = .success(try await body(tool, name)) } catch { result = .failure(error) }
      try run.process.send(.terminate)
      #expect(try await run.wait().status == 0)
      try result.get()
    }
  }

  @Test func aCommandJoinsTheNamespacesAndTheCgroup() async throws {
    try await withContainer(["--hostname", "shared"]) { tool, name in
      let names = ["mnt", "uts", "ipc", "pid", "net", "cgroup"]
      let outcome = try await tool(
        "exec", name, "sh", "-c",
        "hostname; for n in \(names.joined(separator: " ")); do [ $(readlink /proc/1/ns/$n) = $(readlink /proc/self/ns/$n) ] "
          + "|| echo differs: $n; done; cut -d: -f3 /proc/self/cgroup | sort -u; cat /proc/1/comm")
      #expect(outcome == Tool.Outcome(status: 0, output: "shared\n/\nsh\n", error: ""))
    }
  }

  @Test func itHasTheContainersEnvironmentAndRightsOrItsOwn() async throws {
    try await withContainer(["-e", "BASE=1", "-e", "CHANGED=1", "-u", "33", "-w", "/tmp", "--cap-drop", "ALL"]) { tool, name in
      let outcome = try await tool(
        "exec", "-e", "CHANGED=2", name, "sh", "-c",
        "echo $BASE $CHANGED $(id -u) $(pwd); awk '/^(CapBnd|NoNewPrivs|Seccomp):/ {print $2}' /proc/self/status")
      #expect(outcome.output == "1 2 33 /tmp\n0000000000000000\n1\n2\n")
      let other = try await tool("exec", "-u", "daemon", "-w", "/etc", name, "sh", "-c", "id -un; pwd")
      #expect(other.output == "daemon\n/etc\n")
    }
  }

  @Test func theStatusSaysHowItEnded() async throws {
    try await withContainer { tool, name in
      #expect(try await tool("exec", name, "sh", "-c", "exit 5").status == 5)
      #expect(try await tool("exec", name, "sh", "-c", "kill -9 $$").status == 137)
      let missing = try await tool("exec", name, "no-such")
      #expect(missing.status == 127)
      missing.expectFailure(mentioning: "no-such")
      let unfit = try await tool("exec", name, "/etc/passwd")
      #expect(unfit.status == 126)
      unfit.expectFailure(mentioning: "/etc/passwd")
    }
  }

  @Test func standardInputIsConnectedWhereAskedFor() async throws {
    try await withContainer { tool, name async throws in
      #expect(try await tool("exec", "-i", name, "cat", input: "typed\n").output == "typed\n")
      #expect(try await tool("exec", name, "cat", input: "typed\n").output == "")
    }
  }

  @Test func aSignalReachesTheCommand() async throws {
    try await withContainer { tool, name in
      let command = try tool.start(["exec", name, "sh", "-c", "echo ready; exec sleep 600"])
      try await command.waitForOutput { $0 == "ready\n" }
      try command.process.send(.terminate)
      #expect(try await command.wait().status == 143)
    }
  }

  @Test func whatFollowsTheContainerGoesToTheCommand() async throws {
    try await withContainer { tool, name async throws in
      #expect(try await tool("exec", name, "echo", "-i", "--user", "x", "--help").output == "-i --user x --help\n")
    }
  }

  @Test func aContainerThatDoesNotRunIsNamed() async throws {
    try await Tool.with { tool in
      let outcome = try await tool("exec", "absent", "true")
      #expect(outcome.status == 125)
      outcome.expectFailure(mentioning: "[CONTAINER_NOT_FOUND]")
    }
  }
}
