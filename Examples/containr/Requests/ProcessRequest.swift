import Containr
import ContainrCore
import Glibc

/// What `run` and `exec` are asked about the process and its streams.
struct ProcessRequest: Sendable {
  var interactive = false
  var tty = false
  var env: [String] = []
  var workdir: String?
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
