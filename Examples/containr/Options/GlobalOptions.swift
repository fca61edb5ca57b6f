import ArgumentParser
import Containr
import ContainrCore

/// What every command takes.
struct GlobalOptions: ParsableArguments {
  static let names = ["--debug", "--log-level", "--log-format", "--state-dir"]

  @Flag(help: "Show each step, and the causes of a failure.")
  var debug = false

  @Option(help: "The least level that is logged: debug, info, warn, error or fatal.")
  var logLevel: String?

  @Option(help: "How log lines read: text or json.")
  var logFormat: String?

  @Option(help: ArgumentHelp("Where images and containers are kept.", valueName: "directory"))
  var stateDir: String?

  var isDebugging: Bool { debug || logLevel == "debug" }

  /// Sets up logging. Nothing of it is touched where nothing asks for it.
  func apply() throws {
    let format = try logFormat.map { try LogFormat(parsing: $0) } ?? .text
    let level = try logLevel.map { try LogLevel(parsing: $0) } ?? .warn
    if debug || logLevel != nil || logFormat != nil { ContainrLog.bootstrap(level: debug ? .debug : level, format: format) }
  }

  var directory: FilePath { stateDir.map { FilePath($0) } ?? StateDirectory.standard }

  func state() throws -> StateDirectory { try StateDirectory(directory) }
  func images() throws -> ImageStore { try ImageStore(directory.appending("images")) }
}
