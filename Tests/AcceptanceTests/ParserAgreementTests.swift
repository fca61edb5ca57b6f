import ContainrCore
import ContainrTestSupport
import SystemPackage
import Testing

/// The tool reads plain command lines by itself and leaves the others to ArgumentParser: both must mean the same.
@Suite(.requires(.root, .file("/bin/busybox"))) struct ParserAgreementTests {
  static let lines: [[String]] = [
    [],
    ["--rm"],
    ["-i"],
    ["--interactive", "--read-only"],
    ["-t"],
    ["--tty", "--hostname", "agreed"],
    ["-e", "A=1", "--env", "B=2", "-e", "A=3"],
    ["-w", "/tmp", "-u", "33:5"],
    ["--workdir", "/etc", "--user", "daemon"],
    ["-v", "vol:/data", "--volume", "vol:/again:ro", "--tmpfs", "/mem:size=1m"],
    ["-m", "64m", "--cpus", "0.25", "--pids", "33"],
    ["--memory", "32m"],
    ["--cap-add", "NET_ADMIN", "--cap-drop", "CHOWN"],
    ["--security-opt", "seccomp=unconfined", "--security-opt", "no-new-privileges=false"],
    ["--privileged"],
    ["--security-opt", "systempaths=unconfined", "--security-opt", "apparmor=unconfined", "--security-opt", "label=disable"],
    ["--security-opt", "policy=kubernetes-restricted", "--user", "33"],
    ["--writable-layer", "memory"],
    // Failures, in the words of one and the same place.
    ["--user", "ghost"],
    ["--memory", "1m"],
    ["--no-such"],
    ["--cpus", "-1"],
    ["--name"],
  ]

  private let script = """
    [ -t 0 ] || read word; echo "$word $A $B"; id; pwd; hostname | tr -d 0-9a-f; tty; touch /new && echo writable
    grep -E '^(Cap|Seccomp|NoNew)' /proc/self/status; awk '{print $5, $6, $9}' /proc/self/mountinfo
    cd /sys/fs/cgroup; cat memory/memory.limit_in_bytes cpu/cpu.cfs_quota_us pids/pids.max; echo "$@"
    """

  @Test("Both readers understand the same", arguments: lines)
  func agreement(options: [String]) async throws {
    try await Tool.with { tool in
      let command = ["containr/busybox", "sh", "-c", script, "name", "-x", "--memory=1"]
      let plain = try await tool(["run"] + options + command, input: "typed\n")
      let parsed = try await tool(["run", "--network=none"] + options + command, input: "typed\n")
      #expect(withoutLogTimes(plain) == withoutLogTimes(parsed))
    }
  }

  /// A line of the log has the time, and the random id of the container.
  private func withoutLogTimes(_ outcome: Tool.Outcome) -> Tool.Outcome {
    var outcome = outcome
    outcome.error = outcome.error.split(separator: "\n").map { line in
      line.contains("walls are down")
        ? line.split(separator: " ").filter { !$0.contains(":") && !$0.contains("container=") }.joined(separator: " ")
        : String(line)
    }.joined(separator: "\n")
    return outcome
  }

  @Test func bothReadersUnderstandTheSameOfExec() async throws {
    try await Tool.with { tool in
      let name = tool.name("exec")
      let run = try await tool.background(name)
      for options in [[], ["-i"], ["-e", "A=1", "-w", "/tmp", "-u", "33"], ["-t"], ["--memory", "1g"], ["--rm"]] {
        let command = [name, "sh", "-c", "[ -t 0 ] || read word; echo $word $A; id; pwd; tty; echo $@", "name", "-i"]
        let plain = try await tool(["exec"] + options + command, input: "typed\n")
        let parsed = try await tool(["exec", "--env=X=1"] + options + command, input: "typed\n")
        #expect(plain == parsed)
      }
      try run.process.send(.kill)
      _ = try await run.wait()
      try await tool("system", "repair")
    }
  }
}
