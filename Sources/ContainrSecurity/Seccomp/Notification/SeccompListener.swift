import CContainrLinux
import ContainrCore
import Glibc
import SystemPackage

/// The supervisor's end of a filter that notifies (seccomp_unotify(2)): the system calls that wait for an answer.
///
/// ```swift
/// let session = try LaunchSession(plan)             // with plan.append(filter) before its program
/// let listener = SeccompListener(owning: try session.receiveDescriptor()!)
/// for try await request in listener {
///   try request.answer(request.name == "mknodat" ? .error(.notPermitted) : .continue)
/// }
/// ```
///
/// The sequence ends when no process has the filter any more; before Linux 6.11 a process counts until it is reaped, so wait
/// for it at the same time. One task at a time iterates. A call waits as long as its request is not answered: answer
/// from another task what takes long. Closing the listener, by dropping it, fails all later calls with `ENOSYS`.
///
/// Needs Linux 5.9.
public final class SeccompListener: AsyncSequence, Sendable {
  private let descriptor: OwnedDescriptor

  /// Takes ownership of a listener's descriptor.
  public init(owning descriptor: consuming OwnedDescriptor) { self.descriptor = descriptor }

  var rawValue: CInt { descriptor.rawValue }

  /// Starts to receive.
  public func makeAsyncIterator() -> Iterator { Iterator(listener: self) }

  /// Receives one call after another.
  public struct Iterator: AsyncIteratorProtocol {
    let listener: SeccompListener

    /// Waits for the next call; nil when no process has the filter any more.
    ///
    /// - Throws: `SECCOMP`; `CancellationError`.
    public mutating func next() async throws -> SeccompRequest? { try await listener.next() }
  }

  private func next() async throws -> SeccompRequest? {
    while true {
      try Task.checkCancellation()
      try await EventLoop.shared.readable(rawValue)
      var entry = pollfd(fd: rawValue, events: Int16(POLLIN), revents: 0)
      guard poll(&entry, 1, 0) >= 0 || Errno.current == .interrupted else {
        throw ContainrError.errno(.current, .seccomp, "waiting for system calls", call: "poll(2)")
      }
      guard Int32(entry.revents) & Int32(POLLIN) != 0 else {
        if Int32(entry.revents) & Int32(POLLHUP | POLLERR | POLLNVAL) != 0 { return nil }
        continue
      }
      // Where the process is killed right now there is nothing to receive, and the call blocks until there is.
      let request = try await blocking("containr-seccomp") { [self] in try receive() }
      if let request { return SeccompRequest(request, from: self) }
    }
  }

  private func receive() throws(ContainrError) -> cl_seccomp_request? {
    var request = cl_seccomp_request()
    let result = cl_seccomp_receive(rawValue, &request)
    // Killed before it was received; or the last process ended meanwhile, which the next look tells.
    if result == -ENOENT || result == -EINTR || result == -ENOTCONN { return nil }
    try check(result, .seccomp, "ioctl(2)", "receiving a system call")
    return request
  }
}
