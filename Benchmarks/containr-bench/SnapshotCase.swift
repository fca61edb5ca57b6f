import CContainrLinux
import ContainrRootFS
import Glibc
import SystemPackage

/// Begins a snapshot of a stack of layers and removes it again, with and without a mount in between, against containerd's
/// overlay snapshotter, and with 10,000 mounts around.
struct SnapshotCase {
  let options: Options
  let workspace: Workspace
  let launcher: Launcher

  private static let depths = [1, 50, 400]
  private static let crowd = 10_000

  func measure() throws -> [Measurement] {
    let path = FilePath(workspace.path + "/snapshots")
    let store = try awaiting { try await SnapshotStore(.overlay(), at: path) }
    try makeLayers(store)
    var subjects = Self.depths.flatMap { ours(store, depth: $0) } + [try floor()]
    let containerd: Containerd?
    do throws(BenchmarkError) {
      let daemon = try Containerd(workspace.path, launcher)
      containerd = daemon
      subjects += Self.depths.map { theirs(daemon, depth: $0) }
      subjects.append(
        Subject("containerd idle", "two calls of ctr that change nothing: what a process and a connection take") {
          _ throws(BenchmarkError) in
          var result = try launcher.run(daemon.call("info", "name-1"))
          result.nanoseconds += try launcher.run(daemon.call("info", "name-1")).nanoseconds
          return result
        })
    } catch {
      containerd = nil
      subjects.append(Subject("containerd", missing: error.description))
    }
    defer { containerd?.stop() }
    let rounds = RoundRobin(
      rounds: options.rounds, warmup: options.warmup, meter: "", settleMicroseconds: options.settle)
    var measurements = rounds.measure(subjects, log: launcher)
    try withCrowd {
      let crowded = rounds.measure(subjects, log: launcher)
      measurements += crowded.map { measurement in
        var named = Measurement(
          subject: measurement.subject + " +10k", note: "the same among \(Self.crowd) mounts", missing: measurement.missing)
        named.samples = measurement.samples
        return named
      }
    }
    return measurements
  }

  // MARK: Ours

  private func makeLayers(_ store: SnapshotStore) throws {
    try awaiting {
      var parent: SnapshotKey?
      for number in 1...(Self.depths.max() ?? 1) {
        let key = try SnapshotKey("key")
        _ = try await store.prepare(key, from: parent, labels: [:], isEphemeral: true)
        let name = try SnapshotKey("name-\(number)")
        try await store.commit(key, as: name)
        parent = name
      }
    }
  }

  private func ours(_ store: SnapshotStore, depth: Int) -> [Subject] {
    let place = FilePath(workspace.path + "/merged-snapshot")
    func timed(_ body: @escaping @Sendable () async throws -> Void) throws(BenchmarkError) -> LaunchResult {
      let begin = monotonicNanoseconds()
      do { try awaiting(body) } catch { throw BenchmarkError("\(error)") }
      return LaunchResult(nanoseconds: monotonicNanoseconds() - begin, exitStatus: 0)
    }
    return [
      Subject("prepare \(depth)", "prepare and remove on \(depth) layers, in one process") { serial throws(BenchmarkError) in
        try timed {
          let key = try SnapshotKey("key-\(serial)")
          _ = try await store.prepare(key, from: SnapshotKey("name-\(depth)"), labels: [:], isEphemeral: true)
          try await store.remove(key)
        }
      },
      Subject("mount \(depth)", "prepare, mount, unmount and remove on \(depth) layers") { serial throws(BenchmarkError) in
        try timed {
          let key = try SnapshotKey("key-\(serial)")
          let mount = try await store.prepare(key, from: SnapshotKey("name-\(depth)"), labels: [:], isEphemeral: true)
          let root = mount.onHost(at: place)
          try await root.setUp()
          try await root.tearDown()
          try await store.remove(key)
        }
      },
    ]
  }

  /// The kernel's part for one layer.
  private func floor() throws(BenchmarkError) -> Subject {
    Subject("floor", "mkdir, mount, umount, rmdir of an overlay of one layer") { _ throws(BenchmarkError) in
      let begin = monotonicNanoseconds()
      try workspace.withOverlay { () throws(BenchmarkError) in }
      return LaunchResult(nanoseconds: monotonicNanoseconds() - begin, exitStatus: 0)
    }
  }

  // MARK: containerd

  private func theirs(_ daemon: Containerd, depth: Int) -> Subject {
    Subject("containerd \(depth)", "ctr snapshots prepare and remove: two processes") { serial throws(BenchmarkError) in
      var result = try launcher.run(daemon.call("prepare", "key-\(serial)", "name-\(depth)"))
      guard result.exitStatus == 0 else { return result }
      let removal = try launcher.run(daemon.call("remove", "key-\(serial)"))
      result.nanoseconds += removal.nanoseconds
      result.exitStatus = removal.exitStatus
      return result
    }
  }

  /// A containerd of this benchmark's own, with its state in the workspace.
  private final class Containerd {
    let address: String
    private let ctr: String
    private let process: pid_t

    init(_ directory: String, _ launcher: Launcher) throws(BenchmarkError) {
      guard let daemon = findExecutable("containerd"), let ctr = findExecutable("ctr") else {
        throw BenchmarkError("containerd is not installed")
      }
      self.ctr = ctr
      address = directory + "/containerd.sock"
      let configuration = """
        version = 2
        root = "\(directory)/containerd-root"
        state = "\(directory)/containerd-state"
        disabled_plugins = ["io.containerd.grpc.v1.cri"]
        [grpc]
        address = "\(address)"

        """
      try writeText(configuration, to: directory + "/containerd.toml")
      let log = Launcher(logPath: directory + "/containerd.log")
      process = try log.start([daemon, "--config", directory + "/containerd.toml"])
      var waited = 0
      while try launcher.run([ctr, "--address", address, "version"]).exitStatus != 0 {
        waited += 1
        guard waited < 300 else {
          stop()
          throw BenchmarkError("containerd does not answer: \(try readText(log.logPath).suffix(300))")
        }
        sleepMicroseconds(50_000)
      }
      var parent: String?
      for number in 1...(SnapshotCase.depths.max() ?? 1) {
        _ = try launcher.output(call("prepare", ["key"] + (parent.map { [$0] } ?? [])))
        _ = try launcher.output(call("commit", "name-\(number)", "key"))
        parent = "name-\(number)"
      }
    }

    func call(_ verb: String, _ arguments: String...) -> [String] { call(verb, arguments) }
    private func call(_ verb: String, _ arguments: [String]) -> [String] {
      [ctr, "--address", address, "snapshots", verb] + arguments
    }

    func stop() {
      kill(process, SIGKILL)
      var status: Int32 = 0
      while waitpid(process, &status, 0) < 0, errno == EINTR {}
    }
  }

  // MARK: Many mounts

  /// Mounts one directory in many places, in this process's own mount namespace.
  private func withCrowd(_ body: () throws -> Void) throws {
    let crowd = workspace.path + "/crowd"
    try makeDirectory(crowd)
    try require(mount("crowd", crowd, "tmpfs", 0, nil), "mount(2) tmpfs")
    for number in 0..<Self.crowd {
      try makeDirectory("\(crowd)/\(number)")
      try require(mount(workspace.rootfs, "\(crowd)/\(number)", nil, UInt(MS_BIND), nil), "mount(2) bind")
    }
    let result = Result { try body() }
    try require(umount2(crowd, Int32(MNT_DETACH)), "umount2(2)")
    try removeIfPresent(directory: crowd)
    try result.get()
  }
}

/// A value that another thread leaves for the one that waits for it: written before the semaphore is raised, read after.
private final class Slot<Value>: @unchecked Sendable {
  var value: Result<Value, any Error>?
}

/// Runs asynchronous work to its end; the calling thread waits.
private func awaiting<Value: Sendable>(_ body: @escaping @Sendable () async throws -> Value) throws -> Value {
  let slot = Slot<Value>()
  var semaphore = sem_t()
  sem_init(&semaphore, 0, 0)
  defer { sem_destroy(&semaphore) }
  return try withUnsafeMutablePointer(to: &semaphore) { pointer in
    let address = UInt(bitPattern: pointer)
    Task.detached {
      do { slot.value = .success(try await body()) } catch { slot.value = .failure(error) }
      sem_post(UnsafeMutablePointer<sem_t>(bitPattern: address)!)
    }
    while sem_wait(pointer) != 0 {}
    guard let value = slot.value else { throw BenchmarkError("the work ended without a result") }
    return try value.get()
  }
}
