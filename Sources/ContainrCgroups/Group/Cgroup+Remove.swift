import ContainrCore
import Glibc
import SystemPackage

extension Cgroup {
  /// Removes the directories of this cgroup and those below them. Idempotent: what is gone is success.
  ///
  /// Processes that are ending are waited for, up to `timeout`; nothing is killed. Parents stay.
  ///
  /// - Throws: `CGROUP_REMOVE` with `EBUSY` where processes live on in it, `PERMISSION_DENIED`.
  public func remove(timeout: Duration = .seconds(2)) throws(ContainrError) {
    var failure: ContainrError?
    // One that fails does not keep the others: fewer are left for the next try.
    for place in places.reversed() {
      do throws(ContainrError) { try Self.remove(place.directory, timeout: timeout, of: self) } catch {
        failure = failure ?? error
      }
    }
    if let failure { throw failure }
  }

  private static func remove(
    _ directory: CgroupDirectory, timeout: Duration, of cgroup: Cgroup
  ) throws(ContainrError) {
    if directory.isSimulated {
      try FileTree.remove(FilePath(directory.path))
      return
    }
    if rmdir(directory.path) == 0 { return }
    let deadline = ContinuousClock.now + timeout
    while true {
      let errno = Errno.current
      switch errno {
      case .noSuchFileOrDirectory: return
      case .resourceBusy, .directoryNotEmpty:
        for below in try directory.descendants() { rmdir(below.path) }
        if rmdir(directory.path) == 0 { return }
        guard Errno.current == .resourceBusy || Errno.current == .directoryNotEmpty else { continue }
        let living = try directory.livingHereAndBelow(.cgroupRemove)
        guard ContinuousClock.now < deadline else {
          throw .errno(
            errno, .cgroupRemove, "removing the cgroup \(directory.path)", call: "rmdir(2)",
            hint: living.isEmpty
              ? "processes of another pid namespace are in it"
              : "the processes \(living.map(String.init).joined(separator: ", ")) are in it: stop them, or kill() the cgroup")
        }
        // A process that has ended may hold its place for a moment after it has left the list.
        if let pid = living.first {
          try cgroup.waitForEnd(of: pid, until: deadline)
        } else {
          sched_yield()
        }
      default:
        throw .errno(errno, .cgroupRemove, "removing the cgroup \(directory.path)", call: "rmdir(2)")
      }
      if rmdir(directory.path) == 0 { return }
    }
  }
}
