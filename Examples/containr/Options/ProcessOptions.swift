import ArgumentParser

/// What `run` and `exec` have in common: the process and its streams.
struct ProcessOptions: ParsableArguments {
  @Flag(name: .shortAndLong, help: "Connect standard input.")
  var interactive = false

  @Flag(name: .shortAndLong, help: "Give the command a terminal.")
  var tty = false

  @Option(
    name: .shortAndLong, help: ArgumentHelp("Set an environment variable, or pass the caller's on.", valueName: "name[=value]"))
  var env: [String] = []

  @Option(name: [.customShort("w"), .long], help: ArgumentHelp("The working directory.", valueName: "path"))
  var workdir: String?

  @Option(name: .shortAndLong, help: ArgumentHelp("The user, by name or number.", valueName: "user[:group]"))
  var user: String?

  var request: ProcessRequest {
    ProcessRequest(interactive: interactive, tty: tty, env: env, workdir: workdir, user: user)
  }
}
