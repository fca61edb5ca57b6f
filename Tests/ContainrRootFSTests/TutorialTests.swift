import ContainrCore
import ContainrLaunch
import ContainrTestSupport
import Glibc
import SystemPackage
import Testing

@Suite struct TutorialTests {
  @Test(.requires(.root, .file("/bin/busybox")), .timeLimit(.minutes(2)))
  func theTutorialOnTheFileSystemRunsToItsEndAndLeavesNothingBehind() async throws {
    let maps = try FileContents.text("/proc/self/maps")
    let line = maps.split(separator: "\n").first { $0.contains(".xctest") } ?? ""
    let bundle = FilePath(String(line[(line.firstIndex(of: "/") ?? line.startIndex)...]))
    let program = bundle.removingLastComponent().appending("tutorial-filesystem").string
    let libraries = getenv("LD_LIBRARY_PATH").map { String(cString: $0) } ?? ""
    let (text, status) = try await run(
      { _ in }, paths: ["/usr/bin/env"], arguments: ["env", "LD_LIBRARY_PATH=\(libraries)", program])
    #expect(status == .exited(0), "\(text)")
    #expect(text.split(separator: "\n").count { $0.hasPrefix("   ok: ") } == 14, "\(text)")
    // The plan is shown, with its manual pages.
    #expect(text.contains("pivot_root(2), umount2(2)"))
    let place = text.split(whereSeparator: { $0 == " " || $0 == "\n" }).first { $0.hasPrefix("/tmp/tutorial-") }
    #expect(place == nil || access(String(place!.prefix(20)), F_OK) != 0)
  }
}
