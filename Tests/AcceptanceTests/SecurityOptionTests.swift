import ContainrTestSupport
import Testing

@Suite(.requires(.root, .file("/bin/busybox"))) struct SecurityOptionTests {
  @Test func whatIsUnsafeIsGivenAndSaidInOneLine() async throws {
    try await Tool.with { tool async throws in
      let safe = try await tool.shell(script: "true")
      #expect(safe.error == "" && safe.status == 0)
      for (options, fallen) in [
        (["--privileged"], "all capabilities, no system call filter"),
        (["--security-opt", "seccomp=unconfined"], "no system call filter"),
        (["--security-opt", "systempaths=unconfined"], "no hidden paths, no read-only paths"),
        (["-v", "/:/host:ro"], "the host's root at /host"),
        (["--cap-add", "SYS_ADMIN"], "capabilities cap_sys_admin"),
      ] {
        let outcome = try await tool(["run"] + options + ["containr/busybox", "true"])
        #expect(outcome.status == 0, "\(outcome)")
        let lines = outcome.error.split(separator: "\n")
        #expect(lines.count == 1 && lines[0].contains("walls are down") && lines[0].contains(fallen), "\(outcome)")
      }
    }
  }

  @Test func systemPathsAreShownOnRequest() async throws {
    try await Tool.with { tool async throws in
      let script = "awk '$5 ~ \"^/proc/\" {print $5}' /proc/self/mountinfo"
      #expect(try await tool.shell(script: script).output.contains("/proc/sys\n"))
      #expect(try await tool.shell("--security-opt", "systempaths=unconfined", script: script).output == "")
    }
  }

  @Test func aPolicyIsChosenByName() async throws {
    try await Tool.with { tool async throws in
      let strict = try await tool.shell(
        "--security-opt", "policy=strict", script: "grep CapBnd /proc/self/status; touch /x 2>/dev/null || echo refused")
      #expect(strict.output == "CapBnd:\t0000000000000000\nrefused\n")
      let restricted = try await tool.shell("--security-opt", "policy=kubernetes-restricted", script: "true")
      #expect(restricted.status == 125 && restricted.error.contains("refuses user 0"))
    }
  }

  @Test(arguments: [
    "bogus", "policy=bogus", "no-new-privileges=maybe", "apparmor", "label=bogus:x", "seccomp=no-such-thing", "=", "apparmor=",
  ])
  func otherOptionsAreRefusedByName(option: String) async throws {
    try await Tool.with { tool async throws in
      let outcome = try await tool.shell("--security-opt", option, script: "true")
      #expect(outcome.status == 125 && outcome.output == "")
      #expect(outcome.error.contains("INVALID_ARGUMENT") || outcome.error.contains("UNSUPPORTED"))
    }
  }

  @Test func aLabelThatTheKernelCannotGiveIsAnError() async throws {
    try await Tool.with { tool async throws in
      for option in ["apparmor=no-such-profile", "label=type:no_such_type_t"] {
        let outcome = try await tool.shell("--security-opt", option, script: "true")
        #expect(outcome.status == 125 && outcome.error.contains("SECURITY_MODULE"), "\(outcome)")
      }
      for option in ["apparmor=unconfined", "label=disable"] {
        #expect(try await tool.shell("--security-opt", option, script: "true").status == 0)
      }
    }
  }

  @Test func everyWallIsReported() async throws {
    try await Tool.with { tool async throws in
      let table = try await tool("system", "security", "--network", "host")
      #expect(table.status == 0 && table.output.contains("system calls") && table.output.contains("landlock"))
      let json = try await tool("system", "security", "--policy", "strict", "--json")
      #expect(json.output.hasPrefix("[{\"name\":\"capabilities\",\"state\":\"on\""))
      #expect(try await tool("system", "security", "--policy", "bogus").status == 1)
    }
  }
}
