import Containr
import ContainrCore

/// What every command is asked.
struct GlobalRequest: Sendable {
  static let names = ["--debug", "--log-level", "--log-format", "--state-dir"]

  var debug = false
  var logLevel: String?
  var logFormat: String?
  var stateDir: String?

  var isDebugging: Bool { debug || logLevel == "debug" }

  /// Sets up logging. Nothing of it is touched where nothing asks for it.
  func apply() throws {
    let format = try logFormat.map { try LogFormat(parsing: $0) } ?? .text
    let level = try logLevel.map { try LogLevel(parsing: $0) } ?? .warn
    if choosesLog { ContainrLog.bootstrap(level: debug ? .debug : level, format: format) }
  }

  private var choosesLog: Bool { debug || logLevel != nil || logFormat != nil }

  /// Sets up logging where nothing asked for it and there is something to warn of.
  func prepareToWarn() {
    if !choosesLog { ContainrLog.bootstrap() }
  }

  var directory: FilePath { stateDir.map { FilePath($0) } ?? StateDirectory.standard }

  func state() throws -> StateDirectory { try StateDirectory(directory) }
  func images() throws -> ImageStore { try ImageStore(directory.appending("images")) }
}
