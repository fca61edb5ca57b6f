import CContainrLinux
import ContainrCore
import ContainrLaunch
import ContainrTestSupport
import Glibc
import SystemPackage
import Testing

/// A run of the tool in a terminal of its own, with the test at the keys.
final class TerminalRun: Sendable {
  private let keyboard: OwnedDescriptor
  /// The tool's side, held open so that its modes can be read after the end.
  private let screen: OwnedDescriptor
  private let process: ProcessDescriptor
  /// The modes from before the tool was started.
  let modesBefore: [tcflag_t]

  init(_ tool: Tool, _ arguments: [String], rows: UInt16, columns: UInt16) throws {
    keyboard = try OwnedDescriptor.open("/dev/ptmx", flags: O_RDWR | O_NOCTTY | O_NONBLOCK)
    let number = keyboard.rawValue
    var locked: CInt = 0
    // TIOCSPTLCK and TIOCGPTPEER (ioctl_tty(2)): let the other side be opened, and open it.
    let unlocked = ioctl(number, 0x4004_5431, &locked)
    try #require(unlocked == 0)
    screen = OwnedDescriptor(owning: ioctl(number, 0x5441, O_RDWR | O_NOCTTY | O_CLOEXEC))
    try #require(screen.rawValue >= 0)
    try #require(cl_set_terminal_size(number, rows, columns) == 0)
    modesBefore = Self.modes(of: screen.rawValue)
    var plan = LaunchPlan()
    let slot = plan.inherit(screen.rawValue)
    plan.append(.newSession)
    plan.append(.controllingTerminal(slot))
    plan.append(.standardStreams(slot, slot, slot))
    process = try plan.startTool(["--state-dir", tool.state.string] + arguments, environment: [])
  }

  func resize(rows: UInt16, columns: UInt16) throws {
    try #require(cl_set_terminal_size(keyboard.rawValue, rows, columns) == 0)
  }

  func type(_ text: String) throws {
    let bytes = Array(text.utf8)
    try #require(write(keyboard.rawValue, bytes, bytes.count) == bytes.count)
  }

  /// What is on the screen now and was not read before.
  private func readScreen() -> String {
    var text = ""
    var buffer = [UInt8](repeating: 0, count: 4096)
    while case let count = read(keyboard.rawValue, &buffer, buffer.count), count > 0 {
      text += String(decoding: buffer[..<count], as: UTF8.self)
    }
    return text
  }

  /// Reads until the screen shows a text; gives all that was read.
  @discardableResult
  func wait(for text: String, _ location: SourceLocation = #_sourceLocation) async throws -> String {
    var all = ""
    let end = ContinuousClock.now + .seconds(60)
    while !all.contains(text) {
      all += readScreen()
      try #require(ContinuousClock.now < end, "\(text) is not in \(all)", sourceLocation: location)
      try await Task.sleep(for: .milliseconds(5))
    }
    return all
  }

  func status() async throws -> Int32 { try await process.wait().code }

  /// The terminal's modes: input, output, control, local.
  var modes: [tcflag_t] { Self.modes(of: screen.rawValue) }

  private static func modes(of terminal: CInt) -> [tcflag_t] {
    var modes = termios()
    tcgetattr(terminal, &modes)
    return [modes.c_iflag, modes.c_oflag, modes.c_cflag, modes.c_lflag]
  }
}

/// `-t`.
@Suite(.timeLimit(.minutes(5)), .requires(.root, .file("/bin/busybox"))) struct TerminalTests {
  private let loop = "trap 'echo interrupted; exit 7' INT; trap 'stty size' WINCH; while :; do sleep 0.05; done"

  @Test func theContainerHasATerminalOfTheSameSizeWithKeysAndCtrlC() async throws {
    try await Tool.with { tool in
      let run = try TerminalRun(
        tool, ["run", "-it", "containr/busybox", "sh", "-c", "tty; stty size; read word; echo got $word; \(loop)"], rows: 31,
        columns: 97)
      let before = run.modesBefore
      #expect(try await run.wait(for: "31 97\r\n").hasPrefix("/dev/pts/0\r\n"))
      #expect(run.modes != before, "raw mode")
      try run.type("key\r")
      // Echoed once, by the container's terminal alone.
      #expect(try await run.wait(for: "got key\r\n").components(separatedBy: "key\r\n").count == 3)
      try run.resize(rows: 40, columns: 120)
      try await run.wait(for: "40 120\r\n")
      try run.type("\u{3}")
      try await run.wait(for: "interrupted")
      #expect(try await run.status() == 7)
      #expect(run.modes == before, "the modes are as they were")
    }
  }

  @Test func theModesAreRestoredWhereTheStartFails() async throws {
    try await Tool.with { tool in
      let run = try TerminalRun(tool, ["run", "-it", "containr/busybox", "no-such"], rows: 24, columns: 80)
      let before = run.modesBefore
      try await run.wait(for: "COMMAND_NOT_FOUND")
      #expect(try await run.status() == 127)
      #expect(run.modes == before)
    }
  }

  @Test func aCommandInARunningContainerHasATerminalToo() async throws {
    try await Tool.with { tool in
      let name = tool.name("tty")
      let background = try await tool.background(name)
      let run = try TerminalRun(
        tool, ["exec", "-it", name, "sh", "-c", "tty; stty size; \(loop)"], rows: 25, columns: 81)
      #expect(try await run.wait(for: "25 81\r\n").hasPrefix("/dev/pts/"))
      try run.resize(rows: 26, columns: 82)
      try await run.wait(for: "26 82\r\n")
      try run.type("\u{3}")
      #expect(try await run.status() == 7)
      try background.process.send(.kill)
      _ = try await background.wait()
      try await tool("system", "repair")
    }
  }

  @Test func aTerminalWithoutOneOutsideIsPossibleForOutputOnly() async throws {
    try await Tool.with { tool in
      #expect(try await tool("run", "-t", "containr/busybox", "tty").output == "/dev/pts/0\r\n")
      let outcome = try await tool("run", "-it", "containr/busybox", "tty")
      #expect(outcome.status == 125)
      outcome.expectFailure(mentioning: "[TERMINAL]")
    }
  }
}
