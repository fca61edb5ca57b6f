import CContainrLinux
import ContainrTestSupport
import Glibc
import Synchronization
import SystemPackage
import Testing

@testable import ContainrCore

@Suite struct FileTreeTests {
  @Test func removesATreeAndFollowsNoLink() async throws {
    try await withTemporaryDirectory { directory in
      let outside = directory.appending("outside")
      try FileTree.makeDirectories(outside)
      try FileContents.replace(outside.appending("kept"), with: "x".utf8, durable: false)
      let tree = directory.appending("tree")
      try FileTree.makeDirectories(tree.appending("a/b/c"))
      #expect(symlink("../../outside", tree.appending("a/link").string) == 0)
      #expect(symlink("nowhere", tree.appending("a/b/dangling").string) == 0)
      try FileContents.replace(tree.appending("a/b/file"), with: "y".utf8, durable: false)
      try FileTree.remove(tree)
      #expect(try openDescriptors(of: tree.string) == 0)
      #expect(try FileTree.names(in: directory) == ["outside"])
      #expect(try FileTree.names(in: outside) == ["kept"])
      try FileTree.remove(tree)
      // A link as the argument itself goes, not what it names.
      #expect(symlink("outside", directory.appending("link").string) == 0)
      try FileTree.remove(directory.appending("link"))
      #expect(try FileTree.names(in: outside) == ["kept"])
    }
  }

  @Test func removesNamesThatAreNoText() async throws {
    try await withTemporaryDirectory { directory in
      let tree = directory.appending("tree")
      try FileTree.makeDirectories(tree)
      let name: [CChar] = Array((tree.string + "/").utf8.map { CChar(bitPattern: $0) }) + [CChar(bitPattern: 0xe9), 0]
      #expect(mkdir(name, 0o700) == 0)
      #expect(throws: ContainrError.self) { try FileTree.names(in: tree) }
      try FileTree.remove(tree)
      #expect(try FileTree.names(in: directory).isEmpty)
    }
  }

  @Test func removesADeepTreeOnASmallStack() async throws {
    try await withTemporaryDirectory { directory in
      let tree = directory.appending("deep")
      try FileTree.makeDirectories(tree)
      var current = try OwnedDescriptor.open(tree, flags: O_RDONLY | O_DIRECTORY)
      // The kernel needs quadratic time for each removal of a deep tree: not deeper than tells.
      for _ in 0..<4000 {
        try #require(mkdirat(current.rawValue, "d", 0o700) == 0)
        let next = cl_openat(current.rawValue, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0)
        try #require(next >= 0)
        current = OwnedDescriptor(owning: next)
      }
      // On a thread with half a megabyte of stack.
      try await blocking("removal") { try FileTree.remove(tree) }
      #expect(try openDescriptors(of: tree.string) == 0)
      #expect(try FileTree.names(in: directory).isEmpty)
    }
  }

  @Test(.requires(.root)) func leavesWhatIsMountedBelow() async throws {
    try await withTemporaryDirectory { directory in
      let (source, tree) = (directory.appending("source"), directory.appending("tree"))
      try FileTree.makeDirectories(source)
      try FileTree.makeDirectories(tree.appending("a/mounted"))
      try FileContents.replace(source.appending("kept"), with: "x".utf8, durable: false)
      try #require(mount(source.string, tree.appending("a/mounted").string, nil, UInt(MS_BIND), nil) == 0)
      let error = #expect(throws: ContainrError.self) { try FileTree.remove(tree) }
      #expect(umount2(tree.appending("a/mounted").string, 0) == 0)
      #expect(error?.code == .ioFailure)
      #expect(try FileTree.names(in: source) == ["kept"])
    }
  }

  @Test func aFileWhereADirectoryShouldBeIsAnError() async throws {
    try await withTemporaryDirectory { directory in
      try FileContents.replace(directory.appending("file"), with: [], durable: false)
      let error = #expect(throws: ContainrError.self) { try FileTree.makeDirectories(directory.appending("file")) }
      #expect(error?.systemCall?.errno == .notDirectory)
      try FileTree.makeDirectories(directory.appending("a/b"))
      try FileTree.makeDirectories(directory.appending("a/b"))
    }
  }
}

@Suite struct FileContentsTests {
  @Test func replaceLeavesTheOldFileAndNothingElseWhenItFails() async throws {
    try await withTemporaryDirectory { directory in
      let path = directory.appending("state")
      try FileContents.replace(path, with: "old".utf8, durable: true)
      try FileContents.replace(path, with: "new".utf8, durable: true)
      #expect(try FileContents.text(path) == "new")
      // A directory cannot be replaced by a file.
      let taken = directory.appending("taken")
      try FileTree.makeDirectories(taken)
      #expect(throws: ContainrError.self) { try FileContents.replace(taken, with: "x".utf8, durable: false) }
      #expect(try FileTree.names(in: directory).sorted() == ["state", "taken"])
    }
  }

  @Test func aReaderSeesTheOldFileOrTheNewOne() async throws {
    try await withTemporaryDirectory { directory in
      let path = directory.appending("state")
      let versions = (0..<2).map { [UInt8](repeating: UInt8($0), count: 100_000) }
      try FileContents.replace(path, with: versions[0], durable: false)
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { for round in 0..<200 { try FileContents.replace(path, with: versions[round % 2], durable: false) } }
        group.addTask {
          for _ in 0..<200 {
            let bytes = try FileContents.read(path)
            #expect(versions.contains(bytes))
          }
        }
        try await group.waitForAll()
      }
    }
  }

  @Test func readingStopsAtTheLimit() async throws {
    try await withTemporaryDirectory { directory in
      let path = directory.appending("big")
      try FileContents.replace(path, with: [UInt8](repeating: 1, count: 5000), durable: false)
      #expect(try FileContents.read(path, limit: 5000).count == 5000)
      let error = #expect(throws: ContainrError.self) { try FileContents.read(path, limit: 4999) }
      #expect(error?.code == .resourceExhausted)
      #expect(try FileContents.textIfPresent(directory.appending("none")) == nil)
      #expect(try FileContents.textIfPresent(path.appending("below-a-file")) == nil)
    }
  }
}

@Suite struct RootDirectoryTests {
  /// A root beside a directory that nothing may reach.
  private func withRoot(_ body: (borrowing RootDirectory, FilePath, FilePath) async throws -> Void) async throws {
    try await withTemporaryDirectory { directory in
      let (root, outside) = (directory.appending("root"), directory.appending("outside"))
      try FileTree.makeDirectories(root.appending("etc"))
      try FileTree.makeDirectories(outside)
      try FileContents.replace(outside.appending("secret"), with: "secret".utf8, durable: false)
      try FileContents.replace(root.appending("secret"), with: "inside".utf8, durable: false)
      try await body(try RootDirectory(host: root), root, outside)
    }
  }

  @Test(arguments: ["../secret", "/../../secret", "etc/../../outside/../secret", "absolute/secret", "up/secret", "./secret"])
  func everyWayOutEndsInside(path: String) async throws {
    try await withRoot { root, host, outside in
      #expect(symlink("/", host.appending("absolute").string) == 0)
      #expect(symlink("../../../..", host.appending("up").string) == 0)
      #expect(symlink(outside.string, host.appending("out").string) == 0)
      do throws(ContainrError) {
        let file = try root.open(try RootedPath(path))
        let text = String(decoding: try FileContents.read(file, "reading"), as: UTF8.self)
        #expect(text == "inside")
      } catch { #expect(error.code == .ioFailure, "\(error)") }
      let isOutside = try root.openIfPresent(try RootedPath("out/secret")) != nil
      #expect(!isOutside)
    }
  }

  @Test func makingDirectoriesThroughALinkStaysInside() async throws {
    try await withRoot { root, host, outside in
      #expect(symlink(outside.string, host.appending("link").string) == 0)
      #expect(symlink("/etc", host.appending("inside").string) == 0)
      #expect(throws: ContainrError.self) { _ = try root.makeDirectories(try RootedPath("link/new")).rawValue }
      _ = try root.makeDirectories(try RootedPath("inside/../etc/new/deep"))
      #expect(try FileTree.names(in: host.appending("etc/new")) == ["deep"])
      #expect(try FileTree.names(in: outside) == ["secret"])
    }
  }

  @Test func aSlashWithACombiningMarkIsASlash() async throws {
    try await withRoot { root, host, outside in
      #expect(symlink(outside.string, host.appending("link").string) == 0)
      let path = try RootedPath("link/\u{301}new")
      #expect(path.components == ["link", "\u{301}new"])
      #expect(throws: ContainrError.self) { _ = try root.makeDirectories(path).rawValue }
      #expect(try FileTree.names(in: outside) == ["secret"])
    }
  }

  @Test func aMagicLinkIsAnEscapeAndALoopIsNot() async throws {
    let root = try RootDirectory(host: "/proc")
    let error = try #require(throws: ContainrError.self) { _ = try root.open(try RootedPath("/self/root/etc")).rawValue }
    #expect(error.code == .pathEscape)
    try await withRoot { root, host, _ in
      #expect(symlink("loop", host.appending("loop").string) == 0)
      do throws(ContainrError) {
        _ = try root.open(try RootedPath("loop"))
        Issue.record("a loop was opened")
      } catch {
        #expect(error.code == .ioFailure)
        #expect(error.systemCall?.errno == .tooManySymbolicLinkLevels)
      }
    }
  }

  @Test func missingAndWrongRootsAreNamed() async throws {
    let error = #expect(throws: ContainrError.self) { _ = try RootDirectory(host: "/nonexistent").descriptor.rawValue }
    #expect(error?.code == .rootfsNotFound)
    for text in ["", "a\0b", String(repeating: "x", count: 4096)] {
      #expect(throws: ContainrError.self) { try RootedPath(text) }
    }
  }

  @Test func swappingADirectoryForALinkNeverLeadsOutside() async throws {
    let rounds = getenv("CONTAINR_RACE_ROUNDS").flatMap { Int(String(cString: $0)) } ?? 10_000
    try await withRoot { root, host, outside in
      try FileTree.makeDirectories(host.appending("swap/deep"))
      try FileContents.replace(host.appending("swap/secret"), with: "inside".utf8, durable: false)
      #expect(symlink("../outside", host.appending("link").string) == 0)
      try whileSwapping(host) {
        let paths = try ["swap/secret", "swap/../secret", "swap/deep/../../secret"].map { try RootedPath($0) }
        for round in 0..<rounds {
          do throws(ContainrError) {
            let file = try root.open(paths[round % paths.count])
            var bytes = [UInt8](repeating: 0, count: 6)
            #expect(read(file.rawValue, &bytes, 6) == 6)
            #expect(bytes == Array("inside".utf8), "round \(round) read a file outside")
          } catch { #expect(error.code == .ioFailure, "\(error)") }
          if round % 16 == 0 {
            do throws(ContainrError) {
              _ = try root.makeDirectories(try RootedPath("swap/made/\(round)"))
            } catch { #expect(error.code == .ioFailure, "\(error)") }
          }
        }
      }
      #expect(try FileTree.names(in: outside) == ["secret"])
    }
  }

  /// Exchanges `swap` and `link` without end on another thread while the body runs.
  private func whileSwapping(_ host: FilePath, _ body: () throws -> Void) throws {
    let race = Race()
    let thread = try Thread.start(name: "race") {
      let (one, other) = (host.appending("swap").string, host.appending("link").string)
      let exchange: UInt32 = 2  // RENAME_EXCHANGE
      while race.isRunning { _ = cl_renameat2(AT_FDCWD, one, AT_FDCWD, other, exchange) }
    }
    defer {
      race.end()
      pthread_join(thread, nil)
    }
    try body()
  }

}

/// Tells a thread when to end.
private final class Race: Sendable {
  private let running = Atomic<Bool>(true)
  var isRunning: Bool { running.load(ordering: .relaxed) }
  func end() { running.store(false, ordering: .relaxed) }
}
