import ContainrCore
import Glibc
import SystemPackage

extension Cgroup {
  /// Removes the directories of this cgroup and those below them. Idempotent: what is gone is success.
  ///
  /// The kernel refuses to remove a cgroup with processes (`EBUSY`). Those that are ending are waited for, up to `timeout`;
  /// with others `evicting` says what happens, again and again until none is left. Parents stay.
  ///
  /// - Throws: `CGROUP_REMOVE` with `EBUSY` where processes live on in it, `TIMEOUT` where they do not end,
  ///   `CGROUP_ADD_PROCESS` where they cannot be moved, `PERMISSION_DENIED`.
  public func remove(
    evicting: CgroupEviction = .wait, timeout: Duration = .seconds(2)
  ) throws(ContainrError) {
    var failure: ContainrError?
    let deadline = ContinuousClock.now + timeout
    // One that fails does not keep the others: fewer are left for the next try.
    for place in places.reversed() {
      do throws(ContainrError) { try remove(place.directory, evicting, until: deadline) } catch {
        failure = failure ?? error
      }
    }
    if let failure { throw failure }
  }

  private func remove(
    _ directory: CgroupDirectory, _ eviction: CgroupEviction, until deadline: ContinuousClock.Instant
  ) throws(ContainrError) {
    if directory.isSimulated {
      try FileTree.remove(FilePath(directory.path))
      return
    }
    while rmdir(directory.path) != 0 {
      let errno = Errno.current
      switch errno {
      case .noSuchFileOrDirectory: return
      case .resourceBusy, .directoryNotEmpty:
        for below in try directory.descendants() { rmdir(below.path) }
        if rmdir(directory.path) == 0 { return }
        guard Errno.current == .resourceBusy || Errno.current == .directoryNotEmpty else { continue }
        try makeRoom(in: directory, eviction, errno, until: deadline)
      default:
        throw .errno(errno, .cgroupRemove, "removing the cgroup \(directory.path)", call: "rmdir(2)")
      }
    }
  }

  /// Waits for a process to end, or makes them, where the kernel called the directory busy.
  private func makeRoom(
    in directory: CgroupDirectory, _ eviction: CgroupEviction, _ errno: Errno, until deadline: ContinuousClock.Instant
  ) throws(ContainrError) {
    let living = try directory.livingHereAndBelow(.cgroupRemove)
    guard ContinuousClock.now < deadline else {
      throw .errno(
        errno, .cgroupRemove, "removing the cgroup \(directory.path)", call: "rmdir(2)",
        hint: living.isEmpty
          ? "processes of another pid namespace are in it"
          : "the processes \(living.map(String.init).joined(separator: ", ")) are in it: stop them, or kill() the cgroup")
    }
    // A process that has ended may hold its place for a moment after it has left the list.
    guard let pid = living.first else {
      sched_yield()
      return
    }
    switch eviction {
    case .wait: try waitForEnd(of: pid, until: deadline)
    case .kill:
      try kill(timeout: deadline - ContinuousClock.now)
      try waitForEnd(of: pid, until: deadline)
    case .move(let target): try moveProcesses(to: target, timeout: deadline - ContinuousClock.now)
    }
  }
}
