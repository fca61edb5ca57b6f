import ContainrCore
import Glibc
import SystemPackage

/// Waits for a change of `cgroup.events` (`cgroup-v2.rst`): `populated` and `frozen`.
enum CgroupEvents {
  /// Blocks until `cgroup.events` changes, or until the time is over.
  ///
  /// A change between the caller's look and the wait is not lost: the file is read once after it is opened, and the
  /// kernel reports what happened since; the caller looks again in any case, and the wait ends after 10 ms at most.
  static func wait(_ directory: CgroupDirectory, until deadline: ContinuousClock.Instant) throws(ContainrError) {
    let file = try OwnedDescriptor.open(FilePath(directory.file("cgroup.events")), code: .cgroupStatistics)
    try wait(file.rawValue, events: Int16(POLLPRI), until: deadline)
  }

  /// Polls one descriptor, for 10 ms at most.
  static func wait(_ descriptor: CInt, events: Int16, until deadline: ContinuousClock.Instant) throws(ContainrError) {
    let left = (deadline - ContinuousClock.now).wholeMicroseconds / 1000
    var poll = pollfd(fd: descriptor, events: events, revents: 0)
    Glibc.poll(&poll, 1, CInt(max(0, min(left, 10))))
  }
}
