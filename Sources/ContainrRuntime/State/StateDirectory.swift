import CContainrLinux
import ContainrCgroups
import ContainrCore
import ContainrOCI
import ContainrSecurity
import Glibc
import SystemPackage

/// Where containers are recorded: a directory for each, with a journal of what was acquired for it on the host.
///
/// ```
/// containers/<id>/           locked (flock(2)) by the program that runs the container, for as long as it lives
/// containers/<id>/journal    a line before each acquisition; read by exec, teardown and repair
/// cache/seccomp/             compiled filters
/// ```
///
/// A program killed at any instant leaves a directory that nobody has locked: ``repair()``, and the next start under the
/// same id, take down what its journal names.
public struct StateDirectory: Sendable {
  /// The directory.
  public let path: FilePath
  let seccompCache: SeccompFilterCache

  /// Opens a state directory, and makes it where it is missing, for the caller alone (0700).
  ///
  /// - Throws: `PERMISSION_DENIED` where it belongs to another user, `IO_FAILURE`.
  public init(_ path: FilePath) throws(ContainrError) {
    self.path = path
    seccompCache = SeccompFilterCache(directory: path.appending("cache/seccomp"))
    var status = stat()
    if stat(containers.string, &status) != 0 { try FileTree.makeDirectories(containers) }
    guard stat(path.string, &status) == 0 else {
      throw .errno(.current, .ioFailure, "opening the state directory \(path)", call: "stat(2)")
    }
    guard status.st_uid == geteuid() else {
      throw ContainrError(
        .permissionDenied, "opening the state directory \(path)",
        hint: "it belongs to the user id \(status.st_uid); choose a directory of your own")
    }
    // Others would otherwise reach the set-user-id programs of every container (CVE-2021-41091).
    if status.st_mode & 0o077 != 0, chmod(path.string, 0o700) != 0 {
      throw .errno(.current, .ioFailure, "closing \(path) to others", call: "chmod(2)")
    }
  }

  /// The default for the calling user: `/var/lib/containr` for root, `$XDG_DATA_HOME/containr` or
  /// `~/.local/share/containr` for others.
  public static var standard: FilePath {
    if geteuid() == 0 { return "/var/lib/containr" }
    if let data = getenv("XDG_DATA_HOME"), data.pointee != 0 {
      return FilePath(String(cString: data)).appending("containr")
    }
    let home = getenv("HOME").map { String(cString: $0) } ?? "/"
    return FilePath(home).appending(".local/share/containr")
  }

  var containers: FilePath { path.appending("containers") }

  func directory(_ id: ContainerID) -> FilePath { containers.appending(id.description) }

  // MARK: Claiming

  /// Takes an id: makes its directory and locks it. What a killed program left under the id is taken down first.
  ///
  /// - Throws: `CONTAINER_ALREADY_EXISTS` where a program holds it.
  func claim(_ id: ContainerID) throws(ContainrError) -> ClaimedDirectory {
    let path = directory(id)
    for _ in 0..<16 {
      if mkdir(path.string, 0o700) != 0 {
        guard Errno.current == .fileExists else {
          throw .errno(.current, .ioFailure, "making the container's directory \(path)", call: "mkdir(2)")
        }
        guard try repair(id) else {
          throw ContainrError(
            .containerAlreadyExists, "creating the container \(id)", hint: "choose another name, or remove that container")
        }
        continue
      }
      // Between the two calls a repair may have taken the directory for a leftover.
      if let lock = try lock(id) { return ClaimedDirectory(path: path, lock: lock) }
    }
    throw ContainrError(.internalError, "creating the container \(id)", hint: "its directory keeps being removed")
  }

  /// Locks the directory of a container; nil where it is gone or another program holds it.
  private func lock(_ id: ContainerID) throws(ContainrError) -> OwnedDescriptor? {
    let path = directory(id)
    let result = cl_openat(AT_FDCWD, path.string, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0)
    if result == -ENOENT { return nil }
    let directory = OwnedDescriptor(owning: try check(result, .ioFailure, "openat(2)", "opening \(path)"))
    let locked = cl_flock(directory.rawValue, LOCK_EX | LOCK_NB)
    if locked == -EWOULDBLOCK { return nil }
    try check(locked, .ioFailure, "flock(2)", "locking \(path)")
    var status = stat()
    guard fstat(directory.rawValue, &status) == 0, status.st_nlink > 0 else { return nil }
    return consume directory
  }

  // MARK: Reading

  /// The containers that have a directory, running or left behind.
  public func list() throws(ContainrError) -> [ContainerID] {
    var ids: [ContainerID] = []
    for name in try FileTree.names(in: containers) { ids.append(try ContainerID(name)) }
    return ids.sorted { $0.description < $1.description }
  }

  /// What the journal of a container says.
  ///
  /// - Throws: `CONTAINER_NOT_FOUND`.
  func record(_ id: ContainerID) throws(ContainrError) -> ContainerRecord {
    let path = directory(id).appending("journal")
    guard let journal = try FileContents.textIfPresent(path),
      let record = try ContainerRecord(journal: Array(journal.utf8), document: path.string)
    else {
      throw ContainrError(
        .containerNotFound, "looking for the container \(id)", hint: "there is none of this id in \(self.path)")
    }
    return record
  }

  // MARK: Repair

  /// Takes down every container whose program is gone: kills what still runs in it, and removes its cgroup and directory.
  ///
  /// - Returns: the containers that were taken down.
  /// - Throws: the first failure, after all others have been taken down.
  public func repair() throws(ContainrError) -> [ContainerID] {
    var repaired: [ContainerID] = []
    var failure: ContainrError?
    for id in try list() {
      do throws(ContainrError) {
        if try repair(id) { repaired.append(id) }
      } catch {
        failure = failure ?? error
      }
    }
    if let failure { throw failure }
    return repaired
  }

  /// Takes down one container whose program is gone. False where a program holds it.
  private func repair(_ id: ContainerID) throws(ContainrError) -> Bool {
    let path = directory(id)
    guard let lock = try lock(id) else { return access(path.string, F_OK) != 0 }
    defer { withExtendedLifetime(lock) {} }
    let journal = path.appending("journal")
    if let text = try FileContents.textIfPresent(journal),
      let record = try ContainerRecord(journal: Array(text.utf8), document: journal.string)
    {
      if let process = try record.process?.open() {
        try process.send(.kill)
        // It is no child of ours; its end shows on the descriptor.
        var entry = pollfd(fd: process.descriptor.rawValue, events: Int16(POLLIN), revents: 0)
        _ = poll(&entry, 1, 5000)
      }
      if let cgroup = record.cgroup { try remove(cgroup) }
    }
    try FileTree.remove(path)
    return true
  }

  /// Kills and removes a cgroup. One that was never made, or is gone since a reboot, is no failure.
  private func remove(_ path: CgroupPath) throws(ContainrError) {
    let group: Cgroup
    do throws(ContainrError) {
      group = try Cgroup.adopt(path, layout: try CgroupLayout.detect())
    } catch {
      if error.systemCall?.errno == .noSuchFileOrDirectory { return }
      throw error
    }
    try group.kill()
    try group.remove()
  }
}

/// A container's directory, locked by this program.
struct ClaimedDirectory: ~Copyable {
  let path: FilePath
  private let lock: OwnedDescriptor
  private var journal: OwnedDescriptor?

  init(path: FilePath, lock: consuming OwnedDescriptor) {
    self.path = path
    self.lock = lock
  }

  /// Adds a line to the journal, in one write.
  mutating func record(_ line: JSON) throws(ContainrError) {
    if journal == nil {
      let result = cl_openat(lock.rawValue, "journal", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
      journal = OwnedDescriptor(
        owning: try check(result, .ioFailure, "openat(2)", "opening the journal of \(path)"))
    }
    var bytes = try line.serialized()
    bytes.append(UInt8(ascii: "\n"))
    try FileContents.write(bytes, to: journal!, "writing the journal of \(path)")
  }

  /// Writes a file beside the journal.
  func write(_ bytes: some Collection<UInt8>, to name: String, mode: UInt32) throws(ContainrError) {
    let result = cl_openat(lock.rawValue, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode)
    let file = OwnedDescriptor(
      owning: try check(result, .ioFailure, "openat(2)", "making \(path.appending(name))"))
    // The caller's mask must not decide who can read it in the container.
    guard fchmod(file.rawValue, mode) == 0 else {
      throw .errno(.current, .ioFailure, "making \(path.appending(name))", call: "fchmod(2)")
    }
    try FileContents.write(bytes, to: file, "writing \(path.appending(name))")
  }

  /// Makes a directory beside the journal.
  func makeDirectory(_ name: String, mode: mode_t) throws(ContainrError) {
    guard mkdirat(lock.rawValue, name, mode) == 0, fchmodat(lock.rawValue, name, mode, 0) == 0 else {
      throw .errno(.current, .ioFailure, "making \(path.appending(name))", call: "mkdirat(2)")
    }
  }

  /// Removes the directory; the id is free then.
  func remove() throws(ContainrError) { try FileTree.remove(path) }
}
