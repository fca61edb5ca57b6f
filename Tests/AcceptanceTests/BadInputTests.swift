import ContainrCore
import ContainrTestSupport
import SystemPackage
import Testing

/// What the tool says to what it cannot do.
@Suite(.requires(.root, .file("/bin/busybox"))) struct BadInputTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var arguments: [String]
    var status: Int32
    var text: String
    var testDescription: String { arguments.joined(separator: " ") }

    init(_ line: String, _ status: Int32, _ text: String) {
      arguments = line.split(separator: " ").map { $0 == "IMAGE" ? "containr/busybox" : String($0) }
      self.status = status
      self.text = text
    }
  }

  static let cases = [
    Case("run", 125, "name an image"),
    Case("run no-such:1 true", 125, "[IMAGE_NOT_FOUND]"),
    Case("run UPPER/case true", 125, "UPPER/case"),
    Case("run --no-such IMAGE true", 125, "--no-such"),
    Case("run --memory 1m IMAGE true", 125, "at least 6m"),
    Case("run --memory lots IMAGE true", 125, "lots"),
    Case("run --memory 99999999999999999999 IMAGE true", 125, "99999999999999999999"),
    Case("run --cpus 0 IMAGE true", 125, "CPU"),
    Case("run --cpus many IMAGE true", 125, "--cpus many"),
    Case("run --cpus=nan IMAGE true", 125, "CPU"),
    Case("run --cpus=inf IMAGE true", 125, "CPU"),
    Case("run --pids 0 IMAGE true", 125, "--pids 0"),
    Case("run --name a/b IMAGE true", 125, "\"a/b\""),
    Case("run --name ../up IMAGE true", 125, "\"../up\""),
    Case("run --user ghost IMAGE true", 125, "[USER]"),
    Case("run --user 99999999999 IMAGE true", 125, "99999999999"),
    Case("run --cap-add NO_SUCH IMAGE true", 125, "[CAPABILITY]"),
    Case("run --security-opt apparmor=x IMAGE true", 125, "[SECURITY_MODULE]"),
    Case("run --network bridge IMAGE true", 125, "--network bridge"),
    Case("run --sysctl kernel.hostname=x IMAGE true", 125, "kernel.hostname"),
    Case("run --sysctl net.ipv4.ip_forward IMAGE true", 125, "--sysctl"),
    Case("run --ulimit nofile IMAGE true", 125, "nofile"),
    Case("run --ulimit nofile=9:1 IMAGE true", 125, "nofile"),
    Case("run --volume /only IMAGE true", 125, "--volume /only"),
    Case("run --volume /tmp:/x:sideways IMAGE true", 125, "sideways"),
    Case("run --volume /tmp:/ IMAGE true", 125, "--volume"),
    Case("run --tmpfs relative IMAGE true", 125, "--tmpfs relative"),
    Case("run --tmpfs /x:odd IMAGE true", 125, "odd"),
    Case("run --workdir relative IMAGE true", 125, "relative"),
    Case("run --env =x IMAGE true", 125, "=x"),
    Case("run --writable-layer moon IMAGE true", 125, "moon"),
    Case("run --log-level loud IMAGE true", 125, "loud"),
    Case("run --log-format xml IMAGE true", 125, "xml"),
    Case("exec", 125, "name a container and a command"),
    Case("exec a/b true", 125, "\"a/b\""),
    Case("exec --memory 1g x true", 125, "--memory"),
    Case("load", 1, "path"),
    Case("load /no/such", 1, "/no/such"),
    Case("load /etc/passwd", 1, "/etc/passwd"),
    Case("load /etc", 1, "/etc"),
    Case("import /no/such x", 1, "/no/such"),
    Case("import /dev/null x", 1, "empty"),
    Case("import /etc/passwd x", 1, "[LAYER_INVALID]"),
    Case("import /etc/passwd UPPER", 1, "UPPER"),
    Case("images --no-such", 1, "--no-such"),
    Case("no-such", 1, "no-such"),
    Case("system no-such", 1, "no-such"),
  ]

  @Test("A failure is a line and a hint, and leaves nothing", arguments: cases)
  func refusal(of bad: Case) async throws {
    try await Tool.with { tool in
      let outcome = try await tool(bad.arguments)
      #expect(outcome.status == bad.status)
      outcome.expectFailure(mentioning: bad.text)
    }
  }

  @Test func controlCharactersOfArgumentsDoNotReachTheTerminal() async throws {
    try await Tool.with { tool in
      for arguments in [["run", "x\u{1b}[31m\ny"], ["run", "--tmpfs", "/x:a\u{1b}[31m", "containr/busybox"], ["\u{1b}[31m"]] {
        let outcome = try await tool(arguments)
        outcome.expectFailure(mentioning: "[31m")
        #expect(!outcome.error.contains("\u{1b}"))
      }
    }
  }

  @Test(
    "Every command has help",
    arguments: [
      [], ["--help"], ["run", "--help"], ["run", "-h"], ["exec", "--help"], ["images", "--help"], ["load", "--help"],
      ["import", "--help"], ["version", "--help"], ["system"], ["system", "--help"], ["system", "info", "--help"],
      ["system", "repair", "--help"], ["help", "run"],
    ])
  func help(arguments: [String]) async throws {
    try await Tool.with { tool in
      let outcome = try await tool(arguments)
      #expect(outcome.status == 0)
      #expect(outcome.error == "")
      #expect(outcome.output.hasPrefix("OVERVIEW: "))
      #expect(outcome.output.contains("USAGE: containr"))
      // Every option and command says what it does.
      for line in outcome.output.split(separator: "\n") where line.hasPrefix("  -") && !line.contains(",") {
        #expect(line.contains(" ") && !line.hasSuffix("undocumented"))
      }
    }
  }

  @Test func theVersionIsThereInThreeForms() async throws {
    try await Tool.with { tool in
      let short = try await tool("version", "--short").output
      let version = try SemanticVersion(parsing: String(short.dropLast()))
      #expect(version.description + "\n" == short)
      #expect(try await tool("version").output.hasPrefix("containr \(short.dropLast()) ("))
      #expect(try await tool("version", "--json").output.hasPrefix("{\"version\":\"\(short.dropLast())\","))
    }
  }

  @Test func theMachineIsDescribed() async throws {
    try await Tool.with { tool in
      let text = try await tool("system", "info")
      #expect(text.status == 0)
      #expect(text.output.contains("cgroups"))
      #expect(text.output.hasPrefix("kernel  "))
      let json = try await tool("system", "info", "--json")
      #expect(json.output.hasPrefix("{") && json.output.hasSuffix("}\n"))
      #expect(json.output.split(separator: "\n").count == 1)
    }
  }
}
