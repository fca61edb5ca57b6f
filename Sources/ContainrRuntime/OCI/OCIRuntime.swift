import CContainrLinux
import ContainrCgroups
import ContainrCore
import ContainrOCI
import ContainrSecurity
import Glibc
import SystemPackage

/// The operations of the OCI runtime specification on bundles (runtime.md#operations): `create`, `start`, `state`, `kill`,
/// `delete`, and those that engines add.
///
/// ```
/// let runtime = OCIRuntime(root: "/run/containr")
/// let id = try ContainerID("web")
/// try runtime.create(id, try Bundle("/srv/bundle"))
/// try runtime.start(id)
/// ```
///
/// Containers outlive the program that makes them. Nothing runs for them but their own processes: between two operations a
/// container is its directory below ``root``, its cgroup, and its first process. Each operation locks the directory, blocks
/// the calling thread, and may be made by any program.
public struct OCIRuntime: Sendable {
  /// Where containers are recorded, a directory for each.
  public let root: FilePath
  /// Gets what the specification wants to be logged and not to fail for.
  public var warn: @Sendable (String) -> Void = { _ in }
  let seccompCache: SeccompFilterCache

  /// Names the directory of the records; it is made when the first container is.
  public init(root: FilePath = OCIRuntime.defaultRoot) {
    self.root = root
    seccompCache = SeccompFilterCache(directory: root.appending(".cache"))
  }

  /// `/run/containr` for root, `$XDG_RUNTIME_DIR/containr` for others, and for root of a user namespace, where engines without
  /// root run.
  public static var defaultRoot: FilePath {
    if let directory = getenv("XDG_RUNTIME_DIR"), directory.pointee != 0, isRootless {
      return FilePath(String(cString: directory)).appending("containr")
    }
    return "/run/containr"
  }

  /// Whether the caller is not the root of the machine.
  static var isRootless: Bool {
    if geteuid() != 0 { return true }
    // The first user namespace has a fixed number (PROC_USER_INIT_INO, linux/proc_ns.h).
    var status = stat()
    return stat("/proc/self/ns/user", &status) == 0 && status.st_ino != 0xefff_fffd
  }

  // MARK: State

  /// Where a container stands (runtime.md#query-state).
  ///
  /// - Throws: `CONTAINER_NOT_FOUND`.
  public func state(_ id: ContainerID) throws(ContainrError) -> OCI.State {
    let directory = try OCIContainerDirectory.open(id, in: root)
    guard let record = try directory.record() else { throw Self.unfinished(id) }
    return try state(record, directory)
  }

  /// A container as `state` shows it.
  ///
  /// - Throws: `CONTAINER_NOT_FOUND`.
  public func summary(_ id: ContainerID) throws(ContainrError) -> OCIContainerSummary {
    let directory = try OCIContainerDirectory.open(id, in: root)
    guard let record = try directory.record() else { throw Self.unfinished(id) }
    return try summary(record, directory)
  }

  private func summary(
    _ record: OCIContainerRecord, _ directory: borrowing OCIContainerDirectory
  ) throws(ContainrError) -> OCIContainerSummary {
    var status = stat()
    guard fstat(directory.descriptor.rawValue, &status) == 0 else {
      throw .errno(.current, .containerState, "reading \(directory.path)", call: "fstat(2)")
    }
    return OCIContainerSummary(
      state: try state(record, directory), created: record.created, owner: status.st_uid,
      rootfs: record.bundle.pushing(FilePath(record.spec.root?.path ?? "rootfs")))
  }

  /// All containers, by id.
  public func list() throws(ContainrError) -> [OCIContainerSummary] {
    guard access(root.string, F_OK) == 0 else { return [] }
    var found: [OCIContainerSummary] = []
    for name in try FileTree.names(in: root).sorted() where !name.hasPrefix(".") {
      let id = try ContainerID(name)
      let directory: OCIContainerDirectory
      do throws(ContainrError) { directory = try OCIContainerDirectory.open(id, in: root) } catch {
        if error.code == .containerNotFound { continue }
        throw error
      }
      guard let record = try directory.record() else { continue }
      found.append(try summary(record, directory))
    }
    return found
  }

  func state(_ record: OCIContainerRecord, _ directory: borrowing OCIContainerDirectory) throws(ContainrError) -> OCI.State {
    guard let process = try record.process?.open() else { return record.state(.stopped, pid: nil) }
    guard record.isCreated else { return record.state(.creating, pid: process.pid) }
    if directory.isWaitingForStart() { return record.state(.created, pid: process.pid) }
    if let cgroup = try cgroup(record), cgroup.canFreeze, try cgroup.isFrozen() {
      return record.state(.paused, pid: process.pid)
    }
    return record.state(.running, pid: process.pid)
  }

  /// The record of a container that create has finished.
  func record(_ id: ContainerID, _ directory: borrowing OCIContainerDirectory) throws(ContainrError) -> OCIContainerRecord {
    guard let record = try directory.record(), record.isCreated else { throw Self.unfinished(id) }
    return record
  }

  static func unfinished(_ id: ContainerID) -> ContainrError {
    ContainrError(
      .containerState, "looking at the container \(id)", hint: "its creation did not finish: delete it with --force")
  }

  /// The container's cgroup; nil where it has none, or it is gone.
  func cgroup(_ record: OCIContainerRecord) throws(ContainrError) -> Cgroup? {
    guard let path = record.cgroup else { return nil }
    do throws(ContainrError) {
      return try Cgroup.adopt(path, layout: try CgroupLayout.detect())
    } catch {
      if error.systemCall?.errno == .noSuchFileOrDirectory { return nil }
      throw error
    }
  }
}

extension Cgroup {
  /// Whether its processes can be frozen.
  var canFreeze: Bool { !controllers.isDisjoint(with: [.freezer, .unified]) }
}
