import Containr
import ContainrCore

/// What `exec` is asked: to run a further program in a running container.
struct ExecRequest: AsyncTool {
  static let failureStatus: Int32 = 125

  var global = GlobalRequest()
  var process = ProcessRequest()
  /// The container, then the command.
  var words: [String] = []

  func work() async throws -> Int32 {
    guard words.count >= 2 else {
      throw ContainrError(.invalidArgument, "reading the arguments", hint: "name a container and a command")
    }
    var configuration = ProcessConfiguration()
    configuration.arguments = Array(words.dropFirst())
    configuration.environment = []
    try process.apply(to: &configuration)
    let signals = try SignalForwarder()
    let program = try await global.state().execute(configuration, in: try ContainerID(words[0]))
    return try await process.attend(program.terminal, signals: signals) { signal in
      try program.signal(signal)
    } wait: {
      try await program.wait().code
    }
  }
}
