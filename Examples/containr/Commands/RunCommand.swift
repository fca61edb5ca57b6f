import ArgumentParser

/// `containr run`: a container from an image, in the foreground.
struct RunCommand: ToolCommand {
  static let configuration = CommandConfiguration(
    commandName: "run", abstract: "Run a command in a new container.",
    discussion: "The exit status is the command's; 125 where containr itself fails, 126 where the command cannot be executed, "
      + "127 where it is not there, 128 and the signal's number where a signal ended it.")

  @OptionGroup var global: GlobalOptions
  @OptionGroup var process: ProcessOptions
  @OptionGroup var container: ContainerOptions

  @Flag(name: .customLong("rm"), help: "Remove the container when it ends. A container in the foreground always is.")
  var remove = false

  @Flag(help: "Print every operation of the start with its manual pages; afterwards the same with the time it took.")
  var explain = false

  @Argument(
    parsing: .captureForPassthrough,
    help: ArgumentHelp(
      "The image, then the command with its arguments, all of which go to it.", valueName: "image [command ...]"))
  var imageAndCommand: [String] = []

  func validate() throws { try Self.checkPassthrough(imageAndCommand) }

  var tool: any AsyncTool {
    RunRequest(
      global: global.request, process: process.request, container: container.request, explain: explain,
      words: imageAndCommand)
  }
}
