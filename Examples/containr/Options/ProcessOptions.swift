import ArgumentParser
import Containr
import ContainrCore
import Glibc

/// What `run` and `exec` have in common: the process and its streams.
struct ProcessOptions: ParsableArguments {
  @Flag(name: .shortAndLong, help: "Connect standard input.")
  var interactive = false

  @Flag(name: .shortAndLong, help: "Give the command a terminal.")
  var tty = false

  @Option(name: .shortAndLong, help: ArgumentHelp("Set an environment variable, or pass the caller's on.", valueName: "name[=value]"))
  var env: [String] = []

  @Option(name: [.customShort("w"), .long], help: ArgumentHelp("The working directory.", valueName: "path"))
  var workdir: String?

  @Option(name: .shortAndLong, help: ArgumentHelp("The user, by name or number.", valueName: "user[:group]"))
  var user: String?

  func apply(to process: inout ProcessConfiguration) throws {
    for entry in env {
      let name = entry.prefix { $0 != "=" }
      var value = entry
      if name == entry[...] {
        // A name alone passes the caller's variable on, where there is one.
        guard let own = getenv(entry) else { continue }
        value = "\(entry)=\(String(cString: own))"
      }
      process.environment.removeAll { $0.prefix { $0 != "=" } == name }
      process.environment.append(value)
    }
    if let workdir { process.workingDirectory = workdir }
    if let user { process.user = try UserSpecification(parsing: user) }
    if tty {
      if interactive, isatty(0) == 0 {
        throw ContainrError(.terminal, "connecting the terminal", hint: "standard input is no terminal: leave out -t or -i")
      }
      process.terminal = isatty(1) == 1 ? try TerminalSize(of: 1) : TerminalSize()
    } else {
      process.streams = StandardStreams(input: interactive ? .inherit(0) : .null)
    }
  }

  /// Waits for the process while signals and, with a terminal, bytes and window sizes go back and forth.
  func attend(
    _ terminal: Terminal?, signals: borrowing SignalForwarder, send: @escaping @Sendable (Signal) async throws -> Void,
    wait: @escaping @Sendable () async throws -> Int32
  ) async throws -> Int32 {
    let forwarder = try signals.task { signal in
      if signal == .windowChange, let terminal {
        try terminal.resize(try TerminalSize(of: 1))
      } else {
        try await send(signal)
      }
    }
    defer { forwarder.cancel() }
    guard let terminal else { return try await wait() }
    async let status = wait()
    try await TerminalSession(terminal: terminal, isInteractive: interactive).run()
    return try await status
  }
}
