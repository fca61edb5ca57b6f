import ContainrCore
import ContainrTestSupport
import SystemPackage
import Testing

/// What belongs to the caller must not show in a container.
@Suite(.requires(.root, .file("/bin/busybox"))) struct CallerTests {
  @Test func theFileModeMaskDoesNotCloseTheRootToUsers() async throws {
    try await Tool.with { tool in
      let command = [try Tool.program.string, "--state-dir", tool.state.string, "run", "-u", "1000:1000", "--hostname", "open"]
      let (output, status) = try await run(
        { _ in }, paths: ["/bin/sh"],
        arguments: ["sh", "-c", "umask 077; exec \"$@\"", "sh"] + command
          + ["containr/busybox", "sh", "-c", "cat /etc/hostname; ls -d /bin"])
      #expect(output == "open\n/bin\n")
      #expect(status.isSuccess)
    }
  }
}
