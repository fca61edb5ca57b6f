import CContainrLinux
import ContainrRuntime
import ContainrTestSupport
import Glibc
import SystemPackage
import Testing

@Suite(.timeLimit(.minutes(5)), .requires(.root, .file("/bin/busybox"))) struct StreamTests {
  @Test func eightMebibytesComeThroughWhole() async throws {
    try await Fixture.with { fixture in
      let configuration = fixture.configuration("sh", "-c", "head -c 8388608 /dev/zero; head -c 100000 /dev/zero >&2")
      try await withContainer(configuration, in: fixture.state) { container in
        async let errors = container.standardError!.collect()
        var count = 0
        for try await piece in await container.standardOutput! { count += piece.count }
        #expect(count == 8 << 20)
        let errorCount = try await errors.count
        #expect(errorCount == 100_000)
        let status = try await container.wait()
        #expect(status.isSuccess)
      }
    }
  }

  @Test func inputIsEchoedAndItsEndIsSeen() async throws {
    try await Fixture.with { fixture in
      var configuration = fixture.configuration("cat")
      configuration.process.streams = .piped
      try await withContainer(configuration, in: fixture.state) { container in
        let input = try #require(await container.standardInput)
        let sent = [UInt8](repeating: 7, count: 1 << 20)
        let writer = Task {
          try await input.write(sent)
          input.finish()
        }
        let output = try await container.standardOutput!.collect()
        #expect(output == sent)
        try await writer.value
        let status = try await container.wait()
        #expect(status.isSuccess)
      }
    }
  }

  @Test func writingToAProgramThatHasEndedIsAnErrorAndNoSignal() async throws {
    try await Fixture.with { fixture in
      var configuration = fixture.configuration("true")
      configuration.process.streams = .piped
      try await withContainer(configuration, in: fixture.state) { container in
        _ = try await container.wait()
        let input = try #require(await container.standardInput)
        // Another process that is being cloned holds a copy of the pipe for a moment.
        try await eventually("the pipe is broken") {
          do {
            try await input.write("x")
            return false
          } catch let error as ContainrError {
            return error.systemCall?.errno == .brokenPipe
          }
        }
      }
    }
  }

  @Test func collectingHasALimit() async throws {
    try await Fixture.with { fixture in
      let configuration = fixture.configuration("head", "-c", "100000", "/dev/zero")
      try await withContainer(configuration, in: fixture.state) { container in
        do {
          _ = try await container.standardOutput!.collect(limit: .kibibytes(10))
          Issue.record("the limit did not count")
        } catch let error as ContainrError {
          #expect(error.code == .resourceExhausted)
        }
      }
    }
  }

  @Test func descriptorsOfTheCallerAreTheProgramsStreams() async throws {
    try await withTemporaryDirectory { directory in
      try write("input\n", to: directory.appending("in"))
      let input = open(directory.appending("in").string, O_RDONLY | O_CLOEXEC)
      let output = open(directory.appending("out").string, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
      defer {
        close(input)
        close(output)
      }
      try await Fixture.with { fixture in
        var configuration = fixture.configuration("sh", "-c", "cat; echo error >&2")
        configuration.process.streams = StandardStreams(
          input: .inherit(input), output: .inherit(output), error: .inherit(output))
        let status = try await withContainer(configuration, in: fixture.state) { try await $0.wait() }
        #expect(status.isSuccess)
      }
      #expect(try FileContents.text(directory.appending("out")) == "input\nerror\n")
    }
  }

  @Test func noStreamsReadNothingAndWriteNowhere() async throws {
    try await Fixture.with { fixture in
      var configuration = fixture.configuration("sh", "-c", "cat; echo x; echo y >&2")
      configuration.process.streams = StandardStreams(input: .null, output: .null, error: .null)
      let status = try await withContainer(configuration, in: fixture.state) { try await $0.wait() }
      #expect(status.isSuccess)
    }
  }

  // MARK: Terminals

  private func withTerminal(_ script: String, _ body: (Fixture, Container, Terminal) async throws -> Void) async throws {
    try await Fixture.with { fixture in
      var configuration = fixture.configuration("sh", "-c", script)
      configuration.process.terminal = TerminalSize(rows: 41, columns: 123)
      try await withContainer(configuration, in: fixture.state) { container in
        try await body(fixture, container, try #require(await container.terminal))
      }
    }
  }

  /// Reads until a text has come.
  private func read(_ terminal: Terminal, until text: String) async throws -> String {
    var seen = ""
    while !seen.contains(text) {
      guard let piece = try await terminal.output.read() else { throw Unexpected("the end came before \"\(text)\": \(seen)") }
      seen += String(decoding: piece, as: UTF8.self)
    }
    return seen
  }

  @Test func aTerminalHasItsSizeIsTheControllingOneAndIsTheConsole() async throws {
    try await withTerminal(
      "tty; stty size; echo $TERM; [ -t 0 ] && [ -t 1 ] && [ -t 2 ] && echo all; echo to console > /dev/console; echo to tty > /dev/tty"
    ) { _, container, terminal in
      let output = try await terminal.output.text()
      #expect(output == "/dev/pts/0\r\n41 123\r\nxterm\r\nall\r\nto console\r\nto tty\r\n")
      let status = try await container.wait()
      #expect(status.isSuccess)
    }
  }

  @Test func resizingTellsTheProgram() async throws {
    try await withTerminal("trap 'stty size; exit 0' WINCH; echo ready; while :; do sleep 0.05; done") {
      _, container, terminal in
      _ = try await read(terminal, until: "ready")
      try terminal.resize(TerminalSize(rows: 7, columns: 11))
      _ = try await read(terminal, until: "7 11")
      let status = try await container.wait()
      #expect(status.isSuccess)
    }
  }

  @Test func controlCInterruptsAndWhatIsTypedIsRead() async throws {
    try await withTerminal(
      "read line; echo got $line; trap 'echo interrupted; exit 5' INT; echo ready; while :; do sleep 0.05; done"
    ) { _, container, terminal in
      try await terminal.input.write("typed\n")
      let output = try await read(terminal, until: "ready")
      #expect(output.contains("got typed"))
      try await terminal.input.write([3])
      _ = try await read(terminal, until: "interrupted")
      let status = try await container.wait()
      #expect(status == .exited(5))
    }
  }

  @Test func anInteractiveShellHasJobControl() async throws {
    try await Fixture.with { fixture in
      var configuration = fixture.configuration("sh", "-i")
      configuration.process.terminal = TerminalSize()
      try await withContainer(configuration, in: fixture.state) { container in
        let terminal = try #require(await container.terminal)
        try await terminal.input.write("sleep 1000 &\njobs; echo en''d\n")
        let output = try await read(terminal, until: "end\r\n")
        #expect(!output.contains("job control turned off"))
        #expect(output.contains("[1]+"))
        // A typed Ctrl-D is lost where the shell is just changing the modes of its terminal.
        try await terminal.input.write("exit\n")
        let status = try await container.wait()
        #expect(status.isSuccess)
      }
    }
  }

  @Test func anOrdinaryUserMayOpenItsTerminal() async throws {
    try await Fixture.with { fixture in
      var configuration = fixture.configuration("sh", "-c", "echo x > $(tty) && echo y > /dev/tty && echo opened")
      configuration.process.terminal = TerminalSize()
      configuration.process.user = try UserSpecification(parsing: "nobody")
      try await withContainer(configuration, in: fixture.state) { container in
        let output = try await container.terminal!.output.text()
        #expect(output == "x\r\ny\r\nopened\r\n")
      }
    }
  }
}
