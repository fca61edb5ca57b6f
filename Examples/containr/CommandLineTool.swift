import ArgumentParser
import Containr
import ContainrCore
import Glibc

/// Work on the event loop that gives an exit status.
protocol AsyncTool: Sendable {
  var global: GlobalRequest { get }
  /// The exit status of a failure of our own: 125 where the command's own status would else be the contained program's.
  static var failureStatus: Int32 { get }
  func work() async throws -> Int32
}

extension AsyncTool {
  static var failureStatus: Int32 { 1 }
}

/// A command whose arguments ask for such work.
protocol ToolCommand: ParsableCommand {
  var tool: any AsyncTool { get }
}

extension ToolCommand {
  /// Finds an option of ours that nobody knows in front of the words that are passed through.
  static func checkPassthrough(_ words: [String]) throws {
    guard let first = words.first, first.hasPrefix("-") else { return }
    if first == "--help" || first == "-h" { throw CleanExit.helpRequest(Self.self) }
    throw ValidationError("unknown option \(first)")
  }
}

/// `containr` and what stands below it.
struct CommandLineTool: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "containr", abstract: "Run containers from kernel primitives.",
    subcommands: [
      RunCommand.self, ExecCommand.self, ImagesCommand.self, LoadCommand.self, ImportCommand.self, VersionCommand.self,
      SystemCommand.self,
    ])

  /// Parses and runs, and gives the exit status.
  static func run(_ arguments: [String]) -> Int32 {
    let arguments = globalOptionsLast(arguments)
    if let tool = QuickArguments.request(arguments) { return run(tool) }
    var command: any ParsableCommand
    do {
      command = try parseAsRoot(arguments)
    } catch {
      return report(parsing: error, arguments)
    }
    guard let tool = (command as? any ToolCommand)?.tool else {
      do {
        try command.run()
        return 0
      } catch {
        return report(parsing: error, arguments)
      }
    }
    return run(tool)
  }

  private static func run(_ tool: some AsyncTool) -> Int32 {
    do { try tool.global.apply() } catch {
      report(error, debug: false)
      return type(of: tool).failureStatus
    }
    return EventLoop.shared.run {
      do { return try await tool.work() } catch {
        report(error, debug: tool.global.isDebugging)
        return status(of: error, otherwise: type(of: tool).failureStatus)
      }
    }
  }

  /// The exit status of a failed start, as `docker run` has it: 127 where the command is not there, 126 where it cannot be
  /// executed.
  private static func status(of error: any Error, otherwise status: Int32) -> Int32 {
    guard status == 125, let error = error as? ContainrError else { return status }
    switch error.code {
    case .commandNotFound: return 127
    case .commandNotExecutable: return 126
    default: return status
    }
  }

  // MARK: Messages

  private static func report(_ error: any Error, debug: Bool) {
    guard let error = error as? ContainrError else {
      return Console.error("containr: \(error)")
    }
    var shown = error
    if shown.hint == nil { shown.hint = "run again with --debug, which shows each step and the causes" }
    if !debug { shown.cause = nil }
    Console.error("containr: \(shown)")
  }

  /// Prints help or what is wrong with the arguments.
  private static func report(parsing error: any Error, _ arguments: [String]) -> Int32 {
    if exitCode(for: error) == .success {
      Console.output(fullMessage(for: error))
      return 0
    }
    let command = arguments.first.flatMap { commandNames.contains($0) ? " " + $0 : nil } ?? ""
    let unknown = arguments.first.flatMap { command.isEmpty && !$0.hasPrefix("-") ? "there is no command \($0)" : nil }
    Console.error(
      "containr: \(PrintableText.singleLine(unknown ?? message(for: error)))\n  hint: see `containr\(command) --help`")
    return ["run", "exec"].contains(arguments.first) ? 125 : 1
  }

  private static let commandNames = ["run", "exec", "images", "load", "import", "version", "system"]

  /// `containr --debug run …` means the same as `containr run --debug …`.
  private static func globalOptionsLast(_ arguments: [String]) -> [String] {
    var leading: [String] = []
    var rest = arguments[...]
    while let first = rest.first, first.hasPrefix("--"), GlobalRequest.names.contains(String(first.prefix { $0 != "=" })) {
      leading.append(rest.removeFirst())
      if first != "--debug", !first.contains("="), let value = rest.popFirst() { leading.append(value) }
    }
    guard !leading.isEmpty else { return arguments }
    // What only has help to give takes no options but that: `containr`, `containr system`, a command that is not there.
    guard let command = rest.first, commandNames.contains(command) else { return Array(rest) }
    guard command == "system" else { return [command] + leading + rest.dropFirst() }
    // `system info` and its siblings are two words.
    let words = Array(rest.prefix(2))
    guard ["info", "security", "repair"].contains(words.last) else { return Array(rest) }
    return words + leading + rest.dropFirst(2)
  }
}
