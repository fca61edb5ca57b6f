import ArgumentParser
import Containr
import ContainrCore

/// `containr version`.
struct VersionCommand: ToolCommand, AsyncTool {
  static let configuration = CommandConfiguration(commandName: "version", abstract: "Print the version.")

  @OptionGroup var globals: GlobalOptions
  var global: GlobalRequest { globals.request }
  var tool: any AsyncTool { self }

  @Flag(help: "Print the number only.")
  var short = false

  @Flag(help: "Print all there is as JSON.")
  var json = false

  func work() async throws -> Int32 {
    let build = BuildInformation.current
    Console.output(short ? build.short : json ? build.json : build.description)
    return 0
  }
}

/// `containr system`.
struct SystemCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "system", abstract: "Look at the machine, and clean up after killed programs.",
    subcommands: [SystemInfoCommand.self, SystemSecurityCommand.self, SystemRepairCommand.self])
}

/// `containr system info`: the preflight.
struct SystemInfoCommand: ToolCommand, AsyncTool {
  static let configuration = CommandConfiguration(
    commandName: "info", abstract: "Show what this kernel and user can do, what is missing, and what to do about it.")

  @OptionGroup var globals: GlobalOptions
  var global: GlobalRequest { globals.request }
  var tool: any AsyncTool { self }

  @Flag(help: "Print JSON.")
  var json = false

  func work() async throws -> Int32 {
    let preflight = try Preflight.current()
    Console.output(json ? preflight.json : preflight.description)
    if !json { Console.output(Self.cgroups()) }
    return 0
  }
}

extension SystemInfoCommand {
  /// Where this user can make cgroups, and with which controllers.
  fileprivate static func cgroups() -> String {
    do {
      let places = try CgroupLayout.detect().delegations()
      return places.isEmpty ? "no cgroups" : "delegation of cgroups\n" + places.map { "  \($0)" }.joined(separator: "\n")
    } catch {
      return "\(error)"
    }
  }
}

/// `containr system security`: the walls around a container.
struct SystemSecurityCommand: ToolCommand, AsyncTool {
  static let configuration = CommandConfiguration(
    commandName: "security", abstract: "Show every wall around a container on this machine, whether it stands, and why.")

  @OptionGroup var globals: GlobalOptions
  var global: GlobalRequest { globals.request }
  var tool: any AsyncTool { self }

  @Option(help: "default, strict, privileged, kubernetes-baseline or kubernetes-restricted.")
  var policy = "default"

  @Option(help: ArgumentHelp("none, or host.", valueName: "mode"))
  var network = "none"

  @Flag(help: "Print JSON.")
  var json = false

  func work() async throws -> Int32 {
    guard ["none", "host"].contains(network) else {
      throw ContainrError(.invalidArgument, "reading --network \(network)", hint: "none or host")
    }
    let report = try SecurityOption.policy(policy).report(for: .current(), sharesNetwork: network == "host")
    Console.output(json ? report.json : report.description)
    return 0
  }
}

/// `containr system repair`.
struct SystemRepairCommand: ToolCommand, AsyncTool {
  static let configuration = CommandConfiguration(
    commandName: "repair",
    abstract: "Take down what killed programs left: processes, cgroups, directories, half-written images.")

  @OptionGroup var globals: GlobalOptions
  var global: GlobalRequest { globals.request }
  var tool: any AsyncTool { self }

  func work() async throws -> Int32 {
    for id in try global.state().repair() { Console.output("Removed container: \(id)") }
    try global.images().repair()
    return 0
  }
}
