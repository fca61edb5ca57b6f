import ContainrCore
import ContainrTestSupport
import Glibc
import SystemPackage
import Testing

/// `containr run`: the process, its streams, its status.
@Suite(.requires(.root, .file("/bin/busybox"))) struct RunTests {
  @Test func outputAndErrorAreTheCommands() async throws {
    try await Tool.with { tool in
      let outcome = try await tool.shell(script: "echo out; echo err >&2")
      #expect(outcome == Tool.Outcome(status: 0, output: "out\n", error: "err\n"))
    }
  }

  @Test(
    "The status says how the run ended",
    arguments: [
      (["sh", "-c", "exit 0"], 0), (["sh", "-c", "exit 3"], 3), (["sh", "-c", "sh -c 'kill -9 $$'; exit $?"], 137),
      (["no-such-command"], 127), (["/bin/no-such-command"], 127), (["/etc/passwd"], 126), (["/etc"], 126),
    ] as [([String], Int32)])
  func status(command: [String], expected: Int32) async throws {
    try await Tool.with { tool in
      let outcome = try await tool(["run", "containr/busybox"] + command)
      #expect(outcome.status == expected)
      if expected == 126 || expected == 127 { outcome.expectFailure(mentioning: command[0]) }
    }
  }

  @Test func aFirstProcessThatASignalEndedGives128AndItsNumber() async throws {
    try await Tool.with { tool in
      let name = tool.name("killed")
      let run = try await tool.background(name)
      // The one process of the container's cgroup that its shell does not have as a child.
      let cgroup = try #require(try tool.cgroups().first { $0.contains("/pids/") || $0.contains("/unified/") })
      try await host("kill -9 $(sort -n \(cgroup)/cgroup.procs | head -1)", in: tool.directory)
      #expect(try await run.wait().status == 137)
    }
  }

  @Test func whatFollowsTheImageGoesToTheCommandAsItIs() async throws {
    try await Tool.with { tool in
      let outcome = try await tool(
        "run", "containr/busybox", "echo", "--name", "x", "-it", "--help", "--", "-e=1", "", "two words")
      #expect(outcome.output == "--name x -it --help -- -e=1  two words\n")
    }
  }

  @Test func theImagesOwnCommandRunsWhereNoneIsGiven() async throws {
    try await Tool.with { tool in
      let outcome = try await tool("run", "-i", "containr/busybox", input: "echo $0 $((6 * 7))\n")
      #expect(outcome == Tool.Outcome(status: 0, output: "sh 42\n", error: ""))
    }
  }

  @Test func aNameIsTakenUntilItsContainerEnds() async throws {
    try await Tool.with { tool in
      let name = tool.name("taken")
      let first = try await tool.background(name)
      let second = try await tool("run", "--name", name, "containr/busybox", "true")
      #expect(second.status == 125)
      second.expectFailure(mentioning: "[CONTAINER_ALREADY_EXISTS]")
      try first.process.send(.kill)
      _ = try await first.wait()
      // What the killed program left is taken down for the new container.
      #expect(try await tool("run", "--name", name, "containr/busybox", "echo", "again").output == "again\n")
    }
  }

  @Test func theHostNameIsTheIDsBeginningOrWhatIsAskedFor() async throws {
    try await Tool.with { tool in
      let random = try await tool.shell(script: "hostname")
      #expect(random.output.utf8.count == 13)
      #expect(random.output.dropLast().allSatisfy { $0.isHexDigit && !$0.isUppercase })
      #expect(try await tool.shell("--hostname", "chosen", script: "hostname; echo $HOSTNAME").output == "chosen\nchosen\n")
    }
  }

  @Test func environmentVariablesAreSetPassedOnAndReplaced() async throws {
    try await Tool.with { tool in
      let outcome = try await tool(
        [
          "run", "-e", "PLAIN=a=b c", "-e", "PASSED", "--env", "ABSENT", "-e", "PATH=/usr/bin", "-e", "EMPTY=",
          "containr/busybox", "env",
        ],
        environment: ["PASSED=from outside", "UNASKED=secret"])
      let lines = Set(outcome.output.split(separator: "\n").map(String.init))
      #expect(lines.isSuperset(of: ["PLAIN=a=b c", "PASSED=from outside", "PATH=/usr/bin", "EMPTY=", "HOME=/root"]))
      #expect(!outcome.output.contains("ABSENT"))
      #expect(!outcome.output.contains("UNASKED"))
    }
  }

  @Test func theWorkingDirectoryIsMadeWhereItIsMissing() async throws {
    try await Tool.with { tool async throws in
      #expect(try await tool("run", "-w", "/tmp", "containr/busybox", "pwd").output == "/tmp\n")
      #expect(try await tool("run", "--workdir", "/made/here", "containr/busybox", "pwd").output == "/made/here\n")
    }
  }

  @Test(
    "A user is a name or numbers, with or without a group",
    arguments: [
      ("www-data", "33 33 33"), ("33", "33 33 33"), ("5:6", "5 6 6"), ("www-data:tty", "33 5 5"), ("1234", "1234 0 0"),
    ])
  func user(text: String, expected: String) async throws {
    try await Tool.with { tool in
      let outcome = try await tool.shell("-u", text, script: "echo $(id -u) $(id -g) $(id -G)")
      #expect(outcome.output == expected + "\n")
    }
  }

  @Test func standardInputIsEmptyUnlessAskedFor() async throws {
    try await Tool.with { tool async throws in
      #expect(try await tool("run", "containr/busybox", "cat", input: "typed\n").output == "")
      #expect(try await tool("run", "-i", "containr/busybox", "cat", input: "typed\n").output == "typed\n")
    }
  }

  @Test func signalsReachTheContainer() async throws {
    try await Tool.with { tool in
      let run = try await tool.background(
        tool.name("signals"), script: "trap 'echo got TERM; exit 9' TERM; trap 'echo got HUP' HUP; while :; do sleep 0.05; done"
      )
      try run.process.send(.hangup)
      try await run.waitForOutput { $0.contains("got HUP\n") }
      try run.process.send(.terminate)
      let outcome = try await run.wait()
      #expect(outcome.status == 9)
      #expect(outcome.output == "up\ngot HUP\ngot TERM\n")
    }
  }

  @Test func aContainerSeesItsOwnNamespacesOnly() async throws {
    try await Tool.with { tool in
      let names = ["mnt", "uts", "ipc", "pid", "net", "cgroup"]
      let script = names.map { "readlink /proc/self/ns/\($0)" }.joined(separator: "; ")
      let inside = try await tool.shell(script: script).output.split(separator: "\n").map(String.init)
      let outside = try await host(script, in: tool.directory).split(separator: "\n").map(String.init)
      #expect(inside.count == names.count)
      #expect(Set(inside).isDisjoint(with: outside))
    }
  }

  @Test func explainPrintsEveryOperationAndThenItsTime() async throws {
    try await Tool.with { tool in
      let outcome = try await tool("run", "--explain", "containr/busybox", "echo", "hello")
      #expect(outcome.status == 0)
      #expect(outcome.output == "hello\n")
      for manual in ["clone3(2)", "fsopen(2)", "pivot_root(2)", "seccomp(2)", "execve"] {
        #expect(outcome.error.components(separatedBy: manual).count >= 3, "\(manual) twice")
      }
      #expect(outcome.error.contains(" µs"))
    }
  }

  @Test func logLinesAreAskedForAndReadable() async throws {
    try await Tool.with { tool in
      let quiet = try await tool("run", "containr/busybox", "true")
      #expect(quiet.error == "")
      for arguments in [["run", "--debug"], ["--debug", "run"], ["run", "--log-level", "debug"]] {
        let outcome = try await tool(arguments + ["containr/busybox", "true"])
        #expect(outcome.status == 0)
        #expect(outcome.error.contains("created"))
        #expect(outcome.error.contains("deleted"))
      }
      let json = try await tool("--log-level=debug", "--log-format=json", "run", "containr/busybox", "true")
      let lines = json.error.split(separator: "\n")
      #expect(lines.count > 10)
      #expect(lines.allSatisfy { $0.hasPrefix("{\"time\":\"") && $0.hasSuffix("}") && $0.contains("\"component\":\"run\"") })
    }
  }
}

extension String {
  func components(separatedBy separator: String) -> [String] {
    split(separator: separator, omittingEmptySubsequences: false).map(String.init)
  }
}

extension Tool.Outcome {
  /// Expects a failure of the tool's own as people should see one: a line with what failed, a line with what to do.
  func expectFailure(mentioning text: String, _ location: SourceLocation = #_sourceLocation) {
    #expect(status != 0, sourceLocation: location)
    #expect(output == "", sourceLocation: location)
    let lines = error.split(separator: "\n", omittingEmptySubsequences: false)
    #expect(lines.count == 3 && lines.last == "", "\(error)", sourceLocation: location)
    #expect(error.hasPrefix("containr: "), "\(error)", sourceLocation: location)
    #expect(lines.count > 1 && lines[1].hasPrefix("  hint: "), "\(error)", sourceLocation: location)
    #expect(error.contains(text), "\(error)", sourceLocation: location)
    for dump in ["ContainrError(", "Optional(", "Swift.", "Fatal error", "Code("] {
      #expect(!error.contains(dump), "\(error)", sourceLocation: location)
    }
  }
}
