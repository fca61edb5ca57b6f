import ContainrCore
import ContainrLaunch
import ContainrTestSupport
import Glibc
import SystemPackage
import Testing

@Suite(.requires(.root, .file("/bin/busybox"), .file("/usr/bin/setpriv"))) struct RootlessTests {
  /// Runs the tool as the user 65534, who has no privileges and no subordinate ids.
  private func asNobody(_ arguments: String...) async throws -> (String, TerminationStatus) {
    try await withTemporaryDirectory { directory in
      try #require(chown(directory.string, 65534, 65534) == 0)
      let user = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
      let tool = [try Tool.program.string, "--state-dir", directory.appending("state").string]
      let (text, status) = try await run(
        { $0.append(.workingDirectory(directory.string, anywhere: true)) }, paths: ["/usr/bin/setpriv"],
        arguments: user + tool + arguments)
      #expect(try FileTree.names(in: directory.appending("state/containers")) == [])
      return (text, status)
    }
  }

  @Test func anOrdinaryUserIsRootInsideAndNobodyElseOutside() async throws {
    let (text, status) = try await asNobody(
      "run", "containr/busybox", "sh", "-c", "id -u; cat /proc/self/uid_map; touch /made && stat -c %u /made")
    #expect(text.split(whereSeparator: \.isWhitespace).map(String.init) == ["0", "0", "65534", "1", "0"])
    #expect(status.isSuccess)
  }

  @Test func anOrdinaryUserHasTheSameWalls() async throws {
    let (text, _) = try await asNobody(
      "run", "containr/busybox", "sh", "-c", "grep -E '^(CapBnd|NoNewPrivs|Seccomp):' /proc/self/status; mount -t tmpfs x /mnt")
    #expect(text.contains("CapBnd:\t00000000a80425fb"))
    #expect(text.contains("NoNewPrivs:\t1"))
    #expect(text.contains("Seccomp:\t2"))
    #expect(text.contains("mount: permission denied"))
  }

  @Test func anOrdinaryUserIsToldThatLimitsNeedACgroup() async throws {
    let (text, status) = try await asNobody("run", "--memory", "64m", "containr/busybox", "true")
    #expect(text.contains("[INVALID_CONFIGURATION] checking the limits"))
    #expect(status == .exited(125))
  }
}
