import CContainrLinux
import ContainrRuntime
import ContainrTestSupport
import Glibc
import SystemPackage
import Testing

@Suite(.requires(.root, .file("/bin/busybox"))) struct ExecutionTests {
  @Test func anExecutedProgramIsInAllNamespacesOfTheContainer() async throws {
    try await Fixture.with { fixture in
      try await fixture.withShell { container in
        let (output, _) = try await fixture.execute(
          "for n in mnt uts ipc pid net cgroup user; do [ $(readlink /proc/self/ns/$n) = $(readlink /proc/1/ns/$n) ] && echo $n; done",
          in: container)
        #expect(output == "mnt\nuts\nipc\npid\nnet\ncgroup\nuser\n")
      }
    }
  }

  @Test func userEnvironmentAndDirectoryAreTheContainersUnlessGiven() async throws {
    try await Fixture.with { fixture in
      try await fixture.withShell {
        $0.process.user = try UserSpecification(parsing: "nobody")
        $0.process.environment = ["A=1", "B=2", "PATH=/bin:/usr/bin"]
        $0.process.workingDirectory = "/var"
      } _: { container in
        let script = "echo $(id -u) $HOME $PWD $A $B $PATH"
        let same = try await fixture.execute(script, in: container)
        #expect(same.output == "65534 /home /var 1 2 /bin:/usr/bin\n")
        let other = try await fixture.execute(script, in: container) {
          $0.user = .root
          $0.environment = ["B=3"]
          $0.workingDirectory = "/"
        }
        #expect(other.output == "0 /root / 1 3 /bin:/usr/bin\n")
      }
    }
  }

  @Test func aUserIsLookedUpInTheContainersPresentFiles() async throws {
    try await Fixture.with { fixture in
      try await fixture.withShell { container in
        _ = try await fixture.execute("echo 'new:x:77:78::/new:/bin/sh' >> /etc/passwd", in: container)
        let (output, _) = try await fixture.execute("echo $(id -u) $(id -g) $HOME", in: container) {
          $0.user = try UserSpecification(parsing: "new")
        }
        #expect(output == "77 78 /new\n")
        await #expect(throws: ContainrError.self) {
          try await fixture.execute("true", in: container) { $0.user = try UserSpecification(parsing: "nobody2") }
        }
      }
    }
  }

  @Test func theExitCodeIsTheProgramsAndTheContainerGoesOn() async throws {
    try await Fixture.with { fixture in
      try await fixture.withShell { container in
        let exited = try await fixture.execute("exit 42", in: container).status
        #expect(exited == .exited(42))
        let killed = try await fixture.execute("kill -9 $$", in: container).status
        #expect(killed == .signaled(.kill))
        guard case .running = await container.state else { throw Unexpected("it ended") }
      }
    }
  }

  @Test func aMissingCommandIs127AndAFileThatIsNoProgram126() async throws {
    try await Fixture.with { fixture in
      try await fixture.withShell { container in
        for (command, code) in [
          ("no-such-command", ContainrError.Code.commandNotFound), ("/no/such", .commandNotFound),
          ("/etc/passwd", .commandNotExecutable),
          ("/etc", .commandNotExecutable),
        ] {
          var process = ProcessConfiguration()
          process.arguments = [command]
          do {
            _ = try await container.execute(process)
            Issue.record("\(command) ran")
          } catch let error as ContainrError {
            #expect(error.code == code, "\(command): \(error)")
          }
        }
      }
    }
  }

  @Test func anExecutedProgramHasItsOwnTerminal() async throws {
    try await Fixture.with { fixture in
      try await fixture.withShell { container in
        var process = ProcessConfiguration()
        process.arguments = ["sh", "-c", "tty; stty size; echo $TERM"]
        process.terminal = TerminalSize(rows: 33, columns: 99)
        let executed = try await container.execute(process)
        let output = try await #require(executed.terminal).output.text()
        #expect(output == "/dev/pts/0\r\n33 99\r\nxterm\r\n")
        let status = try await executed.wait()
        #expect(status.isSuccess)
      }
    }
  }

  @Test func standardInputReachesTheProgram() async throws {
    try await Fixture.with { fixture in
      try await fixture.withShell { container in
        var process = ProcessConfiguration()
        process.arguments = ["cat"]
        process.streams = .piped
        let executed = try await container.execute(process)
        try await executed.standardInput!.write("there and back")
        executed.standardInput!.finish()
        let output = try await executed.standardOutput!.text()
        #expect(output == "there and back")
        _ = try await executed.wait()
      }
    }
  }

  @Test func anotherProgramMayExecuteInAContainerByItsId() async throws {
    try await Fixture.with { fixture in
      try await fixture.withShell {
        $0.seccomp = .profile(.containerDefault(for: .dockerDefault))
      } _: { container in
        // All that another program has is the directory's path.
        let elsewhere = try StateDirectory(fixture.state.path)
        var process = ProcessConfiguration()
        process.arguments = ["cat", "/proc/self/status"]
        process.streams = .captured
        let executed = try await elsewhere.execute(process, in: container.id)
        let status = try await executed.standardOutput!.text()
        #expect(field("Seccomp", of: status) == "2")
        #expect(field("CapEff", of: status) == SecurityStateTests.defaultCapabilities)
        _ = try await executed.wait()
      }
    }
  }

  @Test func nothingIsExecutedInAContainerThatDoesNotRun() async throws {
    try await Fixture.with { fixture in
      var process = ProcessConfiguration()
      process.arguments = ["true"]
      let container = try await Container.create(fixture.configuration("true"), in: fixture.state)
      func code(_ id: ContainerID) async -> ContainrError.Code? {
        do {
          _ = try await fixture.state.execute(process, in: id)
          return nil
        } catch {
          return (error as? ContainrError)?.code
        }
      }
      #expect(await code(container.id) == .containerState)
      try await container.start()
      _ = try await container.wait()
      #expect(await code(container.id) == .containerState)
      try await container.delete()
      #expect(await code(container.id) == .containerNotFound)
    }
  }

  @Test func theEndOfTheFirstProcessEndsAllOthers() async throws {
    try await Fixture.with { fixture in
      try await fixture.withShell { container in
        var process = ProcessConfiguration()
        process.arguments = ["sleep", "1000"]
        let executed = try await container.execute(process)
        try await container.signal(.kill)
        let status = try await executed.wait()
        #expect(status == .signaled(.kill))
      }
    }
  }
}
