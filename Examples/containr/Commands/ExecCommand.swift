import ArgumentParser

/// `containr exec`: a further program in a running container.
struct ExecCommand: ToolCommand {
  static let configuration = CommandConfiguration(
    commandName: "exec", abstract: "Run a command in a running container.",
    discussion: "It joins all namespaces and the cgroup of the container, and has the same rights as its first process.")

  @OptionGroup var global: GlobalOptions
  @OptionGroup var process: ProcessOptions

  @Argument(
    parsing: .captureForPassthrough,
    help: ArgumentHelp("The container, then the command with its arguments.", valueName: "container command ..."))
  var containerAndCommand: [String] = []

  func validate() throws { try Self.checkPassthrough(containerAndCommand) }

  var tool: any AsyncTool {
    ExecRequest(global: global.request, process: process.request, words: containerAndCommand)
  }
}
