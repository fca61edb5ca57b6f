import ArgumentParser
import Containr
import ContainrCore

/// `containr exec`: a further program in a running container.
struct ExecCommand: AsyncTool {
  static let configuration = CommandConfiguration(
    commandName: "exec", abstract: "Run a command in a running container.",
    discussion: "It joins all namespaces and the cgroup of the container, and has the same rights as its first process.")
  static let failureStatus: Int32 = 125

  @OptionGroup var global: GlobalOptions
  @OptionGroup var process: ProcessOptions

  @Argument(
    parsing: .captureForPassthrough,
    help: ArgumentHelp("The container, then the command with its arguments.", valueName: "container command ..."))
  var containerAndCommand: [String] = []

  func work() async throws -> Int32 {
    guard containerAndCommand.count >= 2 else {
      throw ContainrError(.invalidArgument, "reading the arguments", hint: "name a container and a command")
    }
    var configuration = ProcessConfiguration()
    configuration.arguments = Array(containerAndCommand.dropFirst())
    configuration.environment = []
    try process.apply(to: &configuration)
    let signals = try SignalForwarder()
    let program = try await global.state().execute(configuration, in: try ContainerID(containerAndCommand[0]))
    return try await process.attend(program.terminal, signals: signals) { signal in
      try program.signal(signal)
    } wait: {
      try await program.wait().code
    }
  }
}
