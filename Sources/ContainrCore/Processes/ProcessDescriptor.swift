import CContainrLinux
import Glibc
import SystemPackage

/// A process held by its pidfd (pidfd_open(2)), so that its number cannot come to mean another process.
public struct ProcessDescriptor: ~Copyable, Sendable {
  /// The pidfd.
  public let descriptor: OwnedDescriptor
  /// The process id in the caller's pid namespace.
  public let pid: Int32

  /// Takes ownership of a pidfd.
  public init(owning descriptor: consuming OwnedDescriptor, pid: Int32) {
    self.descriptor = descriptor
    self.pid = pid
  }

  /// Opens the process that has this id now.
  ///
  /// - Throws: `CONTAINER_STATE` where there is none.
  public init(pid: Int32) throws(ContainrError) {
    descriptor = OwnedDescriptor(
      owning: try check(cl_pidfd_open(pid, 0), .containerState, "pidfd_open(2)", "opening the process \(pid)"))
    self.pid = pid
  }

  /// Sends a signal. A process that has ended counts as signalled.
  ///
  /// - Throws: `PERMISSION_DENIED`; `SIGNAL` for a number that the kernel does not know.
  public func send(_ signal: Signal) throws(ContainrError) {
    let result = cl_pidfd_send_signal(descriptor.rawValue, signal.rawValue)
    if result == -ESRCH { return }
    try check(result, .signal, "pidfd_send_signal(2)", "sending \(signal) to the process \(pid)")
  }

  /// Whether the process has ended: its pidfd is readable.
  public var hasEnded: Bool {
    var entry = pollfd(fd: descriptor.rawValue, events: Int16(POLLIN), revents: 0)
    return poll(&entry, 1, 0) == 1
  }

  /// Waits for a child of this program to end, and reaps it.
  ///
  /// - Throws: `CONTAINER_STATE` where it is no child, or something else has reaped it.
  public func wait() async throws -> TerminationStatus {
    if !hasEnded { try await EventLoop.shared.readable(descriptor.rawValue) }
    return try reap()
  }

  /// Waits for the process to end, be it a child of this program or not.
  public func waitUntilEnded() async throws {
    if !hasEnded { try await EventLoop.shared.readable(descriptor.rawValue) }
  }

  /// Reaps a child that has ended or is about to; blocks the calling thread until then.
  public func reap() throws(ContainrError) -> TerminationStatus {
    var status: CInt = 0
    var result: CInt
    repeat { result = cl_pidfd_wait(descriptor.rawValue, 0, &status) } while result == -EINTR
    if result == -ECHILD, let kept = exitStatusKeptByKernel() { return kept }
    try check(
      result, .containerState, "waitid(2)", "waiting for the process \(pid)",
      hint: "only the parent learns the exit status, and only once")
    return TerminationStatus(waitStatus: status)
  }

  /// The status of a process that was reaped by others (`PIDFD_GET_INFO`, Linux 6.15): a program that ignores SIGCHLD
  /// never has a child to wait for.
  private func exitStatusKeptByKernel() -> TerminationStatus? {
    var status: CInt = 0
    return cl_pidfd_exit_status(descriptor.rawValue, &status) == 0 ? TerminationStatus(waitStatus: status) : nil
  }
}
