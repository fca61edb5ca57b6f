import CContainrLinux
import ContainrCore
import Glibc
import SystemPackage

/// The blocking side of ``SnapshotStore``.
///
/// Every change has one step that decides, a rename(2); a process killed before it leaves what the next opening removes, one
/// killed after it leaves a complete change. No step depends on the number of snapshots, and none reads the mount table.
package struct SnapshotDirectory: Sendable {
  let places: SnapshotPlaces
  let backend: any SnapshotBackend

  // MARK: Beginning

  func begin(
    _ key: SnapshotKey, from parent: SnapshotKey?, kind: Snapshot.Kind, labels: [String: String], isEphemeral: Bool
  ) throws(ContainrError) -> SnapshotMount {
    try checkLabels(labels)
    let (record, above, holder) = try reserve(key, from: parent, kind: kind, labels: labels, isEphemeral: isEphemeral)
    defer { Glibc.close(holder) }
    do throws(ContainrError) {
      // Copying a tree may take long: others go on meanwhile. The mark keeps the parent.
      try backend.build(record, from: above, at: places.staging(record.id), places)
      try publish(record, holder: holder)
    } catch {
      try giveUp(record.id, error)
      throw error
    }
    return try backend.mount(record, places)
  }

  /// Makes and locks the directory of a new snapshot, and notes its parent's child.
  private func reserve(
    _ key: SnapshotKey, from parent: SnapshotKey?, kind: Snapshot.Kind, labels: [String: String], isEphemeral: Bool
  ) throws(ContainrError) -> (record: SnapshotRecord, above: SnapshotRecord?, holder: CInt) {
    let lock = try StoreLock(places.lock)
    try checkFree(key)
    let above: SnapshotRecord?
    if let parent { above = try committed(parent) } else { above = nil }
    let now = Self.now()
    let record = SnapshotRecord(
      id: try freeNumber(lock), name: key, parent: parent, chain: above.map { $0.chain + [$0.id] } ?? [], kind: kind,
      created: now, updated: now, labels: labels, isEphemeral: isEphemeral,
      features: backend.features.union(above?.features ?? []))
    let staging = places.staging(record.id)
    do throws(ContainrError) {
      let holder = try Self.hold(staging)
      try places.write(record, in: staging, durable: false)
      if let above { try mark(record.id, of: above.id) }
      lock.unlock()
      return (record, above, holder.release())
    } catch {
      try FileTree.remove(staging)
      throw error
    }
  }

  private func publish(_ record: SnapshotRecord, holder: CInt) throws(ContainrError) {
    let lock = try StoreLock(places.lock)
    try checkFree(record.name)
    try places.link(record.name, to: record.id)
    try SnapshotPlaces.rename(places.staging(record.id), places.snapshot(record.id))
    // From now on whoever removes it may lock it.
    try check(cl_flock(holder, LOCK_UN), .ioFailure, "flock(2)", "unlocking \(record.name)")
    lock.unlock()
  }

  /// Takes back what a snapshot that could not be made has acquired.
  private func giveUp(_ id: UInt64, _ reason: ContainrError) throws(ContainrError) {
    let staging = places.staging(id)
    do throws(ContainrError) {
      let lock = try StoreLock(places.lock)
      try forget(staging, id: id)
      lock.unlock()
      try backend.delete(id, at: staging, places)
    } catch {
      var reason = reason
      reason.cause = error
      throw reason
    }
  }

  private func freeNumber(_ lock: borrowing StoreLock) throws(ContainrError) -> UInt64 {
    while true {
      let id = try lock.takeNumber()
      if access(places.snapshot(id).string, F_OK) == 0 || access(places.trash(id).string, F_OK) == 0 { continue }
      if mkdir(places.staging(id).string, 0o711) == 0 { return id }
      guard Errno.current == .fileExists else {
        throw .errno(.current, .ioFailure, "making \(places.staging(id))", call: "mkdir(2)")
      }
    }
  }

  /// Notes that a snapshot has a child.
  private func mark(_ child: UInt64, of id: UInt64) throws(ContainrError) {
    let path = places.child(child, of: id)
    var result = cl_openat(AT_FDCWD, path.string, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
    if result == -ENOENT {
      guard mkdir(places.children(id).string, 0o700) == 0 else {
        throw .errno(.current, .ioFailure, "making \(places.children(id))", call: "mkdir(2)")
      }
      result = cl_openat(AT_FDCWD, path.string, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
    }
    Glibc.close(try check(result, .ioFailure, "openat(2)", "making \(path)"))
  }

  // MARK: Committing

  func commit(_ key: SnapshotKey, as name: SnapshotKey, labels: [String: String]) throws(ContainrError) {
    try checkLabels(labels)
    var lock: StoreLock? = try StoreLock(places.lock)
    let before = try active(key)
    try checkFree(name)
    lock = nil
    // Counting a tree and syncing it may take long: others go on meanwhile.
    let measure = try backend.measure(before, places)
    if !before.isEphemeral {
      let directory = try OwnedDescriptor.open(places.snapshots, flags: O_RDONLY | O_DIRECTORY)
      try check(cl_syncfs(directory.rawValue), .ioFailure, "syncfs(2)", "syncing \(places.root)")
    }

    lock = try StoreLock(places.lock)
    var record = try active(key)
    guard record.id == before.id else { throw missing(key) }
    try checkFree(name)
    record.name = name
    record.kind = .committed
    record.created = Self.now()
    record.updated = record.created
    record.labels = labels
    record.usage = measure.usage
    record.features = measure.features
    let intent = places.commit(record.id)
    guard symlink("\(key.fileName)/\(name.fileName)", intent.string) == 0 else {
      throw .errno(.current, .ioFailure, "making \(intent)", call: "symlink(2)")
    }
    do throws(ContainrError) {
      try places.link(name, to: record.id)
      if !record.isEphemeral { try sync(places.names) }
      try places.write(record, in: places.snapshot(record.id), durable: !record.isEphemeral)
    } catch {
      try finish(intent, of: record.id)
      throw error
    }
    try finish(intent, of: record.id)
    try backend.seal(record, places)
    lock = nil
    _ = consume lock
  }

  /// Ends a commit, whether it came to its record or not: of its two names the one that is not the record's goes.
  func finish(_ intent: FilePath, of id: UInt64) throws(ContainrError) {
    guard let names = try SnapshotPlaces.target(of: intent)?.split(separator: "/") else { return }
    let name = try places.record(in: places.snapshot(id))?.name.fileName
    for other in names where String(other) != name {
      let link = FilePath("\(places.names.string)/\(other)")
      if try SnapshotPlaces.target(of: link) == String(id) { try SnapshotPlaces.unlinkIfPresent(link) }
    }
    try SnapshotPlaces.unlinkIfPresent(intent)
  }

  private func sync(_ path: FilePath) throws(ContainrError) {
    let directory = try OwnedDescriptor.open(path, flags: O_RDONLY | O_DIRECTORY)
    guard fsync(directory.rawValue) == 0 else { throw .errno(.current, .ioFailure, "syncing \(path)", call: "fsync(2)") }
  }

  // MARK: Removing

  func remove(_ key: SnapshotKey) throws(ContainrError) {
    let lock = try StoreLock(places.lock)
    let record = try found(key)
    try checkChildless(record)
    let trash = places.trash(record.id)
    let holder = try Self.hold(places.snapshot(record.id))
    try SnapshotPlaces.rename(places.snapshot(record.id), trash)
    try forget(trash, id: record.id)
    lock.unlock()
    do throws(ContainrError) { try backend.delete(record.id, at: trash, places) } catch {
      var error = error
      error.hint = "the snapshot is gone; its files are tried again when the store is opened next. \(error.hint ?? "")"
      throw error
    }
    Glibc.close(holder.release())
  }

  private func checkChildless(_ record: SnapshotRecord) throws(ContainrError) {
    let children = places.children(record.id)
    if rmdir(children.string) == 0 || Errno.current == .noSuchFileOrDirectory { return }
    guard Errno.current == .directoryNotEmpty || Errno.current == .fileExists else {
      throw .errno(.current, .ioFailure, "removing \(children)", call: "rmdir(2)")
    }
    for name in try FileTree.names(in: children) {
      guard let child = UInt64(name) else { continue }
      // A process that was killed while it began a snapshot has left its note, and holds no lock any more.
      let isBeingMade = try !Self.isAbandoned(places.staging(child))
      if isBeingMade || access(places.snapshot(child).string, F_OK) == 0 {
        throw ContainrError(
          .snapshotState, "removing the snapshot \(record.name)",
          hint: "others began from it; remove them first", fields: ["snapshot": record.name.description])
      }
      try SnapshotPlaces.unlinkIfPresent(places.child(child, of: record.id))
    }
    guard rmdir(children.string) == 0 else {
      throw .errno(.current, .ioFailure, "removing \(children)", call: "rmdir(2)")
    }
  }

  /// Whether no process works in a directory of `staging`.
  private static func isAbandoned(_ directory: FilePath) throws(ContainrError) -> Bool {
    let result = cl_openat(AT_FDCWD, directory.string, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0)
    if result == -ENOENT { return true }
    let file = OwnedDescriptor(owning: try check(result, .ioFailure, "openat(2)", "opening \(directory)"))
    guard cl_flock(file.rawValue, LOCK_EX | LOCK_NB) == 0 else { return false }
    try check(cl_flock(file.rawValue, LOCK_UN), .ioFailure, "flock(2)", "unlocking \(directory)")
    return true
  }

  /// Takes a directory that is no snapshot any more, or never was one, out of the indexes.
  func forget(_ directory: FilePath, id: UInt64) throws(ContainrError) {
    guard let record = try places.record(in: directory) else { return }
    let link = places.name(record.name)
    if try SnapshotPlaces.target(of: link) == String(id) { try SnapshotPlaces.unlinkIfPresent(link) }
    if let parent = record.chain.last { try SnapshotPlaces.unlinkIfPresent(places.child(id, of: parent)) }
  }

  /// Locks a directory of this process's own, so that an opening of the store elsewhere leaves it alone.
  private static func hold(_ directory: FilePath) throws(ContainrError) -> OwnedDescriptor {
    let holder = try OwnedDescriptor.open(directory, flags: O_RDONLY | O_DIRECTORY)
    try check(cl_flock(holder.rawValue, LOCK_EX | LOCK_NB), .ioFailure, "flock(2)", "locking \(directory)")
    return holder
  }

  // MARK: Looking

  func mounts(of key: SnapshotKey) throws(ContainrError) -> SnapshotMount {
    let record = try found(key)
    guard record.kind != .committed else {
      throw wrongKind(record, "mounting", "a committed snapshot is not mounted itself; view it, or prepare one from it")
    }
    return try backend.mount(record, places)
  }

  func stat(_ key: SnapshotKey) throws(ContainrError) -> Snapshot { try found(key).snapshot }

  func usage(of key: SnapshotKey) throws(ContainrError) -> SnapshotUsage {
    let record = try found(key)
    return record.kind == .active ? try backend.measure(record, places).usage : record.usage
  }

  func walk(_ filter: SnapshotFilter) throws(ContainrError) -> [Snapshot] {
    let lock = try StoreLock(places.lock, shared: true)
    var result: [Snapshot] = []
    for name in try FileTree.names(in: places.snapshots) {
      guard let record = try places.record(in: FilePath("\(places.snapshots.string)/\(name)")) else { continue }
      if filter.accepts(record.snapshot) { result.append(record.snapshot) }
    }
    lock.unlock()
    return result.sorted { $0.name < $1.name }
  }

  func updateLabels(of key: SnapshotKey, _ changes: [String: String?]) throws(ContainrError) -> Snapshot {
    let lock = try StoreLock(places.lock)
    var record = try found(key)
    for (label, value) in changes { record.labels[label] = value }
    try checkLabels(record.labels)
    record.updated = max(Self.now(), record.updated + 1)
    try places.write(record, in: places.snapshot(record.id), durable: record.kind == .committed && !record.isEphemeral)
    lock.unlock()
    return record.snapshot
  }
}
