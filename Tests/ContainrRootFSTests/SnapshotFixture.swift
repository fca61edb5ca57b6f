import CContainrLinux
import ContainrCore
import ContainrRootFS
import ContainrTestSupport
import Glibc
import SystemPackage
import Testing

/// The drivers, with the file systems that they are tested on.
enum TestedDriver: String, CaseIterable, CustomTestStringConvertible {
  case overlay
  /// With renamed directories and changes that copy no data.
  case overlayMetacopy = "overlay with metacopy"
  case copy
  /// Where the file system shares data.
  case copyOnBtrfs = "copy on btrfs"
  case btrfs
  case zfs

  var testDescription: String { rawValue }

  var driver: SnapshotDriver {
    switch self {
    case .overlay: .overlay()
    case .overlayMetacopy: .overlay(features: [.metacopy, .redirects])
    case .copy, .copyOnBtrfs: .copy
    case .btrfs: .btrfs
    case .zfs: .zfs(dataset: getenv("CONTAINR_TEST_ZFS").map { String(cString: $0) } ?? "containr-test")
    }
  }

  /// Whether a snapshot shares its parent's data.
  var sharesData: Bool { self != .copy }
  var isOverlay: Bool { self == .overlay || self == .overlayMetacopy }

  /// What this machine can test.
  static let here: [TestedDriver] = {
    let fileSystems = (try? FileContents.text("/proc/filesystems")) ?? ""
    let hasBtrfs =
      fileSystems.contains("btrfs") && access("/sbin/mkfs.btrfs", X_OK) == 0 && access("/dev/loop-control", W_OK) == 0
    return allCases.filter {
      switch $0 {
      case .btrfs, .copyOnBtrfs: hasBtrfs
      case .zfs: getenv("CONTAINR_TEST_ZFS") != nil
      default: true
      }
    }
  }()
}

/// A store in a directory of its own, on a file system of its own where the driver needs one.
struct StoreFixture {
  let fixture: Fixture
  let tested: TestedDriver
  let store: SnapshotStore
  var place: FilePath { fixture.directory.appending("place") }

  /// Mounts a snapshot while the closure runs.
  func mounted<Result>(_ mount: SnapshotMount, _ body: (FilePath) async throws -> Result) async throws -> Result {
    try await withMountedRootFS(mount.source, at: place, isReadOnly: mount.isReadOnly, body)
  }

  /// Begins a snapshot, fills it and commits it.
  func layer(
    _ name: String, on parent: String? = nil, labels: [String: String] = [:], _ body: (FilePath) async throws -> Void
  ) async throws {
    let key = try SnapshotKey("filling \(name)")
    // A sync of a machine where others write may take seconds.
    let mount = try await store.prepare(key, from: try parent.map { try SnapshotKey($0) }, labels: [:], isEphemeral: true)
    try await mounted(mount, body)
    try await store.commit(key, as: SnapshotKey(name), labels: labels)
  }

  /// What a view of a snapshot shows.
  func view<Result>(_ parent: String, _ body: (FilePath) async throws -> Result) async throws -> Result {
    let key = try SnapshotKey("viewing \(parent)")
    let mount = try await store.view(key, of: SnapshotKey(parent))
    let result = try await mounted(mount, body)
    try await store.remove(key)
    return result
  }

  func contents(_ parent: String) async throws -> [String: String] { try await view(parent) { try fixture.contents($0) } }

  /// The directories of the store, and what the indexes and records say, for people. Empty where all agree.
  static func faults(_ root: FilePath) async throws -> [String] {
    func names(_ name: String) throws -> [String] { try FileTree.names(in: root.appending(name)) }
    var faults = try names("staging").map { "staging/\($0)" } + names("trash").map { "trash/\($0)" }
    let numbers = Set(try names("snapshots"))
    var linked: Set<String> = []
    for name in try names("names") {
      var buffer = [CChar](repeating: 0, count: 64)
      let count = readlink("\(root)/names/\(name)", &buffer, buffer.count)
      let number = String(decoding: buffer[..<max(count, 0)].map(UInt8.init(bitPattern:)), as: UTF8.self)
      if !numbers.contains(number) { faults.append("names/\(name) leads nowhere") }
      if !linked.insert(number).inserted { faults.append("\(number) has two names") }
    }
    for number in numbers.subtracting(linked) { faults.append("\(number) has no name") }
    for number in numbers {
      let children = root.appending("snapshots").appending(number).appending("children")
      guard access(children.string, F_OK) == 0 else { continue }
      for child in try FileTree.names(in: children) where !numbers.contains(child) {
        faults.append("\(number) has a child \(child) that is not there")
      }
    }
    return faults
  }
}

/// A loop device with a btrfs on it, unmounted in the end.
func withBtrfs<Result>(
  _ fixture: Fixture, isolation: isolated (any Actor)? = #isolation, _ body: (FilePath) async throws -> Result
) async throws -> Result {
  let image = fixture.directory.appending("image")
  let place = fixture.directory.appending("btrfs")
  try FileTree.makeDirectories(place)
  let file = try OwnedDescriptor.open(image, flags: O_RDWR | O_CREAT, mode: 0o600)
  try #require(ftruncate(file.rawValue, 512 << 20) == 0)
  try execute(["/sbin/mkfs.btrfs", "-q", image.string])
  // mount(8) frees the loop device when the file system goes.
  try execute(["/bin/mount", "-o", "loop", image.string, place.string])
  let result: Swift.Result<Result, any Error>
  do { result = .success(try await body(place)) } catch { result = .failure(error) }
  try execute(["/bin/umount", place.string])
  return try result.get()
}

/// Gives a test a store.
func withStore<Result>(
  _ tested: TestedDriver, isolation: isolated (any Actor)? = #isolation, _ body: (StoreFixture) async throws -> Result
) async throws -> Result {
  try await withFixture { fixture in
    switch tested {
    case .btrfs, .copyOnBtrfs: try await withBtrfs(fixture) { try await withStore(tested, at: $0, fixture, body) }
    default: try await withStore(tested, at: fixture.directory, fixture, body)
    }
  }
}

private func withStore<Result>(
  _ tested: TestedDriver, at root: FilePath, _ fixture: Fixture, isolation: isolated (any Actor)? = #isolation,
  _ body: (StoreFixture) async throws -> Result
) async throws -> Result {
  let path = root.appending("store")
  let store = try await SnapshotStore(tested.driver, at: path)
  let result = try await body(StoreFixture(fixture: fixture, tested: tested, store: store))
  let faults = try await StoreFixture.faults(path)
  #expect(faults == [])
  return result
}

/// Runs a program to its end.
func execute(_ words: [String]) throws {
  let silence = try OwnedDescriptor.open("/dev/null", flags: O_WRONLY)
  let pid = try start(words, output: silence.rawValue)
  var status: CInt = 0
  while waitpid(pid, &status, 0) < 0, errno == EINTR {}
  try #require(status == 0, "\(words)")
}

/// Starts a program; its output goes to a descriptor, where one is given.
func start(_ words: [String], output: CInt? = nil) throws -> pid_t {
  var actions = posix_spawn_file_actions_t()
  posix_spawn_file_actions_init(&actions)
  defer { posix_spawn_file_actions_destroy(&actions) }
  if let output { posix_spawn_file_actions_adddup2(&actions, output, 1) }
  var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
  defer { for argument in arguments { free(argument) } }
  var pid: pid_t = 0
  try #require(posix_spawn(&pid, words[0], &actions, nil, &arguments, environ) == 0, "\(words)")
  return pid
}

/// The tests' own program, which SwiftPM puts beside the tests.
func snapshotWorker() throws -> String {
  var buffer = [CChar](repeating: 0, count: 4096)
  let count = readlink("/proc/self/exe", &buffer, buffer.count)
  let own = FilePath(String(decoding: buffer[..<max(count, 0)].map(UInt8.init(bitPattern:)), as: UTF8.self))
  let path = own.removingLastComponent().appending("snapshot-worker")
  try #require(access(path.string, X_OK) == 0, "\(path) is not built")
  return path.string
}

/// Writes random bytes, which nothing can compress or share.
func writeRandom(_ count: Int, to path: FilePath) throws {
  var bytes = [UInt8](repeating: 0, count: count)
  // Xorshift: the kernel's generator is a system call for every number, and calls are slow where the kernel is emulated.
  var state: UInt64 = 0x9e37_79b9_7f4a_7c15
  for index in bytes.indices {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    bytes[index] = UInt8(truncatingIfNeeded: state)
  }
  try FileContents.replace(path, with: bytes, durable: false)
}
