import CContainrLinux
import ContainrRuntime
import ContainrTestSupport
import Glibc
import SystemPackage
import Testing

/// A program that is killed while it runs a container leaves it behind, recorded: the next one cleans up.
@Suite(.serialized, .requires(.root, .file("/bin/busybox"))) struct KilledOwnerTests {
  /// Where SwiftPM puts the program of the tests' own, beside the tests.
  private static func program() throws -> String {
    var buffer = [CChar](repeating: 0, count: 4096)
    let count = readlink("/proc/self/exe", &buffer, buffer.count)
    let own = FilePath(String(decoding: buffer[..<max(count, 0)].map(UInt8.init(bitPattern:)), as: UTF8.self))
    let path = own.removingLastComponent().appending("container-owner")
    guard access(path.string, X_OK) == 0 else { throw Unexpected("\(path) is not built") }
    return path.string
  }

  /// Starts a program that runs a container, waits until that runs, and kills the program.
  private func leave(_ id: ContainerID, in state: StateDirectory, root: FilePath) async throws {
    var ends: [CInt] = [-1, -1]
    guard cl_pipe2(&ends, O_CLOEXEC) == 0 else { throw Unexpected("no pipe") }
    defer { close(ends[0]) }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
    defer { posix_spawn_file_actions_destroy(&actions) }
    let words = [try Self.program(), state.path.string, id.description, root.string, "/bin/busybox", "sleep", "1000"]
    var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
    defer { for argument in arguments { free(argument) } }
    var pid: pid_t = 0
    let result = posix_spawn(&pid, words[0], &actions, nil, &arguments, environ)
    close(ends[1])
    guard result == 0 else { throw Unexpected("posix_spawn: \(result)") }
    var line = [UInt8](repeating: 0, count: 512)
    let count = read(ends[0], &line, line.count)
    kill(pid, SIGKILL)
    var status: CInt = 0
    waitpid(pid, &status, 0)
    let text = String(decoding: line[..<max(count, 0)], as: UTF8.self)
    guard text == "running\n" else { throw Unexpected("the program says: \(text)") }
  }

  private func withLeftContainer(_ body: (StateDirectory, ContainerID, FilePath) async throws -> Void) async throws {
    try await withTemporaryDirectory { directory in
      let root = directory.appending("root")
      for name in ["bin", "proc", "sys", "dev"] { try FileTree.makeDirectories(root.appending(name), mode: 0o755) }
      try FileContents.replace(
        root.appending("bin/busybox"), with: try FileContents.read("/bin/busybox"), mode: 0o755, durable: false)
      let state = try StateDirectory(directory.appending("state"))
      let id = try ContainerID("left-\(getpid())-\(UInt32.random(in: 0...UInt32.max))")
      try await leave(id, in: state, root: root)
      // The container runs on without its owner.
      let cgroups = try LeakCheck(marks: [id.description]).cgroups
      #expect(!cgroups.isEmpty)
      #expect(try state.list() == [id])
      #expect(try !processes(of: id).isEmpty)
      try await body(state, id, root)
    }
  }

  private func processes(of id: ContainerID) throws -> [String] {
    try FileTree.names(in: "/proc").filter { name in
      guard Int(name) != nil else { return false }
      do {
        return try FileContents.textIfPresent(FilePath("/proc/\(name)/cgroup"))?.contains(id.description) ?? false
      } catch {
        // It has ended between the listing and the reading (ESRCH).
        return false
      }
    }
  }

  @Test func repairTakesDownWhatAKilledProgramLeft() async throws {
    try await withLeftContainer { state, id, _ in
      let repaired = try state.repair()
      #expect(repaired == [id])
      #expect(try state.list().isEmpty)
      #expect(try LeakCheck(marks: [id.description]).cgroups.isEmpty)
      #expect(try processes(of: id).isEmpty)
      #expect(try state.repair().isEmpty)
    }
  }

  @Test func theNextContainerOfTheIdTakesItDownToo() async throws {
    try await withLeftContainer { state, id, root in
      var configuration = ContainerConfiguration(rootFS: RootFS(.directory(root)))
      configuration.id = id
      configuration.process.arguments = ["/bin/busybox", "sh", "-c", "echo $$"]
      configuration.process.streams = .captured
      let output = try await withContainer(configuration, in: state) { try await $0.standardOutput!.text() }
      #expect(output == "1\n")
      #expect(try state.list().isEmpty)
      #expect(try LeakCheck(marks: [id.description]).cgroups.isEmpty)
      #expect(try processes(of: id).isEmpty)
    }
  }

  @Test func repairLeavesAContainerThatAProgramRuns() async throws {
    try await Fixture.with { fixture in
      try await fixture.withShell { container in
        let repaired = try StateDirectory(fixture.state.path).repair()
        #expect(repaired.isEmpty)
        let output = try await fixture.execute("echo alive", in: container).output
        #expect(output == "alive\n")
      }
    }
  }

  @Test func aJournalThatWasCutOffIsRepaired() async throws {
    try await Fixture.with { fixture in
      for journal in [nil, "", "{\"version\":1,\"cgro"] {
        let id = ContainerID.random()
        let directory = fixture.state.path.appending("containers/\(id)")
        try FileTree.makeDirectories(directory)
        if let journal { try write(journal, to: directory.appending("journal")) }
        let repaired = try fixture.state.repair()
        #expect(repaired == [id])
      }
    }
  }
}
