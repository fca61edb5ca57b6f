import CContainrLinux
import ContainrCore
import Glibc
import SystemPackage

extension Cgroup {
  /// Kills every process of the cgroup and of those below it with SIGKILL. They may still be ending when it returns.
  ///
  /// `cgroup.kill` of a version 2 directory (Linux 5.14) does it at once. Without one the cgroup is frozen where it can be,
  /// so that no process forks away, each is killed, and it is thawed; repeated until none is left or `timeout` is over. Idempotent: a cgroup that is gone has no process.
  ///
  /// - Throws: `TIMEOUT` where processes are left, `CGROUP_STATISTICS`, `PERMISSION_DENIED`.
  public func kill(timeout: Duration = .seconds(5)) throws(ContainrError) {
    if let unified, access(unified.file("cgroup.kill"), F_OK) == 0 {
      try unified.write("cgroup.kill", "1")
      // On a hybrid machine a process may be in the version 1 directories only: one that was added by hand.
      if places.count == 1 { return }
    }
    let deadline = ContinuousClock.now + timeout
    let freezer = places.first { $0.controllers.contains(.freezer) && $0.directory.version == .v1 }?.directory
    while true {
      let living = try living()
      if living.isEmpty { return }
      // Frozen processes take a SIGKILL when they are thawed. A freeze need not be complete: the loop looks again.
      if let freezer { try freezer.write("freezer.state", "FROZEN") }
      for pid in try freezer == nil ? living : self.living() {
        if Glibc.kill(pid, SIGKILL) != 0, Errno.current != .noSuchProcess {
          let error = ContainrError.errno(.current, .cgroupRemove, "killing the process \(pid) of \(path)", call: "kill(2)")
          if let freezer { try freezer.write("freezer.state", "THAWED") }
          throw error
        }
      }
      if let freezer { try freezer.write("freezer.state", "THAWED") }
      guard ContinuousClock.now < deadline else {
        throw ContainrError(
          .timeout, "killing the processes of the cgroup \(path)",
          hint:
            "processes \(living.map(String.init).joined(separator: ", ")) do not end: an uninterruptible wait (state D in ps)?")
      }
      try waitForEnd(of: living[0], until: deadline)
    }
  }

  /// Waits until a process has ended, for 10 ms at most: the caller looks at the cgroup again.
  func waitForEnd(of pid: pid_t, until deadline: ContinuousClock.Instant) throws(ContainrError) {
    let descriptor = cl_pidfd_open(pid, 0)
    if descriptor == -ESRCH || descriptor == -EINVAL {
      sched_yield()
      return
    }
    let process = OwnedDescriptor(
      owning: try check(descriptor, .cgroupRemove, "pidfd_open(2)", "watching the process \(pid) of the cgroup \(path)"))
    try CgroupEvents.wait(process.rawValue, events: Int16(POLLIN), until: deadline)
  }
}
