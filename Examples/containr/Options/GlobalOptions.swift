import ArgumentParser

/// What every command takes.
struct GlobalOptions: ParsableArguments {
  @Flag(help: "Show each step, and the causes of a failure.")
  var debug = false

  @Option(help: "The least level that is logged: debug, info, warn, error or fatal.")
  var logLevel: String?

  @Option(help: "How log lines read: text or json.")
  var logFormat: String?

  @Option(help: ArgumentHelp("Where images and containers are kept.", valueName: "directory"))
  var stateDir: String?

  var request: GlobalRequest {
    GlobalRequest(debug: debug, logLevel: logLevel, logFormat: logFormat, stateDir: stateDir)
  }
}
