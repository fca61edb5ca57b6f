import ContainrCore
import ContainrTestSupport
import Glibc
import SystemPackage
import Testing

@Suite(.requires(.root), .requires(.file("/bin/busybox"))) struct TutorialTests {
  @Test("The tutorial on file systems runs to its end, and leaves nothing behind", .timeLimit(.minutes(5)))
  func tutorial() async throws {
    let maps = try FileContents.text("/proc/self/maps")
    let line = maps.split(separator: "\n").first { $0.contains(".xctest") } ?? ""
    let bundle = FilePath(String(line[(line.firstIndex(of: "/") ?? line.startIndex)...]))
    let program = bundle.removingLastComponent().appending("tutorial-filesystem").string
    try await withTemporaryDirectory { directory in
      let output = directory.appending("output").string
      var actions = posix_spawn_file_actions_t()
      posix_spawn_file_actions_init(&actions)
      defer { posix_spawn_file_actions_destroy(&actions) }
      posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT, 0o600)
      var arguments: [UnsafeMutablePointer<CChar>?] = [strdup(program), nil]
      defer { free(arguments[0]) }
      var pid: pid_t = 0
      try #require(posix_spawn(&pid, program, &actions, nil, &arguments, environ) == 0)
      let status = try await ProcessDescriptor(pid: pid).wait()
      let text = try FileContents.text(FilePath(output))
      #expect(status == .exited(0), "\(text)")
      #expect(text.split(separator: "\n").count { $0.hasPrefix("   ok: ") } == 10, "\(text)")
    }
  }
}
