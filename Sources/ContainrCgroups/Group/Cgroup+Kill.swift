import CContainrLinux
import ContainrCore
import Glibc
import SystemPackage

extension Cgroup {
  /// Kills every process of the cgroup and of those below it with SIGKILL. They may still be ending when it returns.
  ///
  /// `cgroup.kill` of a version 2 directory (Linux 5.14) does it at once. Without one the processes are kept from forking
  /// while each is killed, so that not even a fork bomb gets away: frozen where the cgroup can be, else with a `pids.max`
  /// of 0, which is then put back, else stopped by SIGSTOP; repeated until none is left or `timeout` is over. A process is
  /// killed by its pidfd, after a second look at the list, so that a number that came to mean another process harms none.
  /// Idempotent: a cgroup that is gone has no process.
  ///
  /// - Throws: `TIMEOUT` where processes are left, `CGROUP_STATISTICS`, `PERMISSION_DENIED`.
  public func kill(timeout: Duration = .seconds(5)) throws(ContainrError) {
    for mechanism in KillMechanism.best(for: self) { try kill(by: mechanism, timeout: timeout) }
  }

  /// Kills with one mechanism.
  func kill(by mechanism: KillMechanism, timeout: Duration = .seconds(5)) throws(ContainrError) {
    if case .file(let directory) = mechanism {
      do throws(ContainrError) { try directory.write("cgroup.kill", "1", .cgroupRemove) } catch {
        let errno = error.systemCall?.errno
        if errno != .noSuchFileOrDirectory, errno != .operationNotSupportedByDevice { throw error }
      }
      return
    }
    let deadline = ContinuousClock.now + timeout
    while true {
      let living = try living()
      if living.isEmpty { return }
      let release = try mechanism.hold()
      do throws(ContainrError) {
        try killAll(stoppingFirst: mechanism == .signals, until: deadline)
        // They cannot fork while pids.max is 0, but some of version 1 end only when they are thawed.
        if case .pids = mechanism { try waitUntilEmpty(until: deadline) }
      } catch {
        if let release { try release() }
        throw error
      }
      if let release { try released(release) }
      guard ContinuousClock.now < deadline else {
        throw ContainrError(
          .timeout, "killing the processes of the cgroup \(path)",
          hint:
            "processes \(living.map(String.init).joined(separator: ", ")) do not end: an uninterruptible wait (state D in ps)?")
      }
      try waitForEnd(of: living[0], until: deadline)
    }
  }

  /// Undoes a hold on a cgroup that may be gone by now.
  private func released(_ release: () throws(ContainrError) -> Void) throws(ContainrError) {
    do throws(ContainrError) { try release() } catch {
      let errno = error.systemCall?.errno
      if errno != .noSuchFileOrDirectory, errno != .operationNotSupportedByDevice { throw error }
    }
  }

  /// Kills until a look at the list finds no process that was not signalled: forks that were under way have ended by then.
  private func killAll(stoppingFirst: Bool, until deadline: ContinuousClock.Instant) throws(ContainrError) {
    if stoppingFirst { try signalAll(Signal(rawValue: SIGSTOP), until: deadline) }
    try signalAll(.kill, until: deadline)
  }

  private func signalAll(_ signal: Signal, until deadline: ContinuousClock.Instant) throws(ContainrError) {
    var signalled: Set<pid_t> = []
    while ContinuousClock.now < deadline {
      let fresh = try living().filter { !signalled.contains($0) }
      if fresh.isEmpty { return }
      // In portions, as each takes a descriptor.
      for start in stride(from: 0, to: fresh.count, by: 64) {
        let portion = fresh[start..<min(start + 64, fresh.count)]
        try send(signal, to: Array(portion))
        signalled.formUnion(portion)
      }
    }
  }

  /// Signals processes that are in the cgroup now. One that has ended, or whose number means another one, is left alone.
  private func send(_ signal: Signal, to pids: [pid_t]) throws(ContainrError) {
    var descriptors: [pid_t: CInt] = [:]
    defer { for descriptor in descriptors.values { close(descriptor) } }
    for pid in pids {
      let result = cl_pidfd_open(pid, 0)
      if result == -ESRCH || result == -EINVAL { continue }
      descriptors[pid] = try check(result, .cgroupRemove, "pidfd_open(2)", "killing the process \(pid) of \(path)")
    }
    for pid in try living() {
      guard let descriptor = descriptors[pid] else { continue }
      let result = cl_pidfd_send_signal(descriptor, signal.rawValue)
      if result == -ESRCH { continue }
      try check(result, .cgroupRemove, "pidfd_send_signal(2)", "killing the process \(pid) of \(path)")
    }
  }

  private func waitUntilEmpty(until deadline: ContinuousClock.Instant) throws(ContainrError) {
    while let pid = try living().first, ContinuousClock.now < deadline {
      try waitForEnd(of: pid, until: deadline)
      try signalAll(.kill, until: deadline)
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
    let left = (deadline - ContinuousClock.now).wholeMicroseconds / 1000
    process.rawValue.waitBriefly(for: POLLIN, milliseconds: Int32(max(0, min(left, 10))))
  }
}
