import ContainrCore
import ContainrRootFS
import ContainrTestSupport
import Glibc
import SystemPackage
import Testing

/// A program may be killed at any instant.
@Suite(.enabled(if: geteuid() == 0, "needs user id 0")) struct SnapshotCrashTests {
  @Test(arguments: TestedDriver.here.filter { [.overlay, .copy, .btrfs].contains($0) })
  func aStoreOpensAfterEveryKill(tested: TestedDriver) async throws {
    try await withStore(tested) { fixture in
      let path = fixture.store.path
      let worker = try snapshotWorker()
      // One that lives on shows that two processes share the store, and that an opening leaves the work of others alone.
      var made = 0
      for round in 0..<50 {
        let (process, survivor) = try (
          startWorker([worker, "churn", tested.rawValue, path.string, "killed-\(round)"]),
          round % 5 == 0 ? startWorker([worker, "churn", tested.rawValue, path.string, "other-\(round)"]) : nil
        )
        usleep(UInt32.random(in: 0..<20_000))
        end(process)
        let store = try await SnapshotStore(tested.driver, at: path)
        if let survivor { end(survivor) }
        let reopened = try await SnapshotStore(tested.driver, at: path)
        #expect(try await StoreFixture.faults(path) == [], "round \(round)")
        let all = try await reopened.walk()
        made += all.count
        for snapshot in all {
          #expect(try await store.stat(snapshot.name) == snapshot)
          if let parent = snapshot.parent { #expect(try await store.stat(parent).kind == .committed) }
          guard snapshot.kind == .committed else { continue }
          // What was committed is complete.
          let view = try SnapshotKey("view")
          let mount = try await store.view(view, of: snapshot.name)
          var files: FilePath
          switch mount.source {
          case .directory(let path): files = path
          case .overlay(let overlay): files = overlay.layers[0]
          }
          for number in 0..<3 { #expect(try fixture.fixture.text(files.appending("file-\(number)")) == "\(number)") }
          try await store.remove(view)
        }
        // Everything can be taken apart, children before parents.
        for snapshot in all where snapshot.kind != .committed { try await store.remove(snapshot.name) }
        for snapshot in all where snapshot.kind == .committed { try await store.remove(snapshot.name) }
        #expect(try await StoreFixture.faults(path) == [], "round \(round)")
      }
      #expect(made > 0)
    }
  }

  /// Starts a worker, and waits until it has made its first round.
  private func startWorker(_ words: [String]) throws -> pid_t {
    var pipe = try OwnedDescriptor.pipe()
    let reader = pipe.takeFirst()
    let writer = pipe.takeSecond()
    let pid = try start(words, output: writer.rawValue)
    close(writer.release())
    var bytes = [UInt8](repeating: 0, count: 16)
    try #require(read(reader.rawValue, &bytes, 16) == 8, "the worker ended")
    return pid
  }

  private func end(_ pid: pid_t) {
    kill(pid, SIGKILL)
    var status: CInt = 0
    while waitpid(pid, &status, 0) < 0, errno == EINTR {}
  }
}
