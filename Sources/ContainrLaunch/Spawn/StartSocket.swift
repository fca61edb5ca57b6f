import CContainrInit
import CContainrLinux
import ContainrCore
import Glibc
import SystemPackage

/// The socket at which a detached process waits for its start (``LaunchOperation/awaitStart(_:first:)``).
///
/// It lies in a directory that only its owner can enter, and needs no helper process: a connection to a process that has died
/// is refused, and the end of the connection without a report says that the program runs.
public enum StartSocket {
  /// Makes the socket in a directory and listens.
  ///
  /// - Throws: `IO_FAILURE`.
  public static func listen(_ name: String, in directory: borrowing OwnedDescriptor) throws(ContainrError) -> OwnedDescriptor {
    let socket = try unixSocket("making the start socket")
    var address = try Self.address(name, in: directory)
    guard withAddress(&address, { bind(socket.rawValue, $0, $1) }) == 0 else {
      throw .errno(.current, .ioFailure, "making the start socket", call: "bind(2)")
    }
    guard Glibc.listen(socket.rawValue, 8) == 0 else {
      throw .errno(.current, .ioFailure, "making the start socket", call: "listen(2)")
    }
    return socket
  }

  /// Whether a process waits at the socket. It takes the connection for that of somebody who thought better of it.
  public static func hasListener(_ name: String, in directory: borrowing OwnedDescriptor) -> Bool {
    guard case .success(var address) = Result(catching: { () throws(ContainrError) in try Self.address(name, in: directory) })
    else { return false }
    let descriptor = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    return withAddress(&address) { connect(descriptor, $0, $1) } == 0
  }

  /// Starts the process that waits at the socket, and returns once it runs its program.
  ///
  /// - Parameters:
  ///   - operations: what its plan does after the wait, for the words of an error.
  ///   - index: the number of the first of them in its plan.
  /// - Throws: the exact failure; `CONTAINER_STATE` where nobody waits (any more).
  public static func start(
    _ name: String, in directory: borrowing OwnedDescriptor, operations: [LaunchOperation], index: Int
  ) throws(ContainrError) {
    let socket = try unixSocket("starting the process")
    var address = try Self.address(name, in: directory)
    guard withAddress(&address, { connect(socket.rawValue, $0, $1) }) == 0 else {
      throw .errno(
        .current, .containerState, "starting the process", call: "connect(2)", hint: "it has been started, or has ended")
    }
    var byte: UInt8 = 1
    guard send(socket.rawValue, &byte, 1, CInt(MSG_NOSIGNAL)) == 1 else {
      throw .errno(.current, .containerState, "starting the process", call: "send(2)", hint: "it has ended")
    }
    var report = ci_report()
    var count = 0
    let size = MemoryLayout<ci_report>.size
    while count < size {
      let result = withUnsafeMutableBytes(of: &report) { buffer in
        recv(socket.rawValue, buffer.baseAddress! + count, size - count, 0)
      }
      if result < 0, Errno.current == .interrupted { continue }
      guard result >= 0 || Errno.current == .connectionReset else {
        throw .errno(.current, .containerStart, "waiting for the process to start", call: "recv(2)")
      }
      if result <= 0 { break }
      count += result
    }
    if count == 0 { return }
    var plan = LaunchPlan()
    for operation in operations { plan.append(operation) }
    report.operation -= Int32(index)
    throw plan.failure(report)
  }

  private static func unixSocket(_ activity: String) throws(ContainrError) -> OwnedDescriptor {
    let result = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
    guard result >= 0 else { throw .errno(.current, .ioFailure, activity, call: "socket(2)") }
    return OwnedDescriptor(owning: result)
  }

  /// The path may be too long for a socket's address; the descriptor's name in procfs is not.
  private static func address(
    _ name: String, in directory: borrowing OwnedDescriptor
  ) throws(ContainrError) -> sockaddr_un {
    let path = "/proc/self/fd/\(directory.rawValue)/\(name)"
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let fits = withUnsafeMutableBytes(of: &address.sun_path) { buffer in
      guard path.utf8.count < buffer.count else { return false }
      buffer.copyBytes(from: path.utf8)
      return true
    }
    guard fits else {
      throw ContainrError(.invalidArgument, "naming the start socket", hint: "\(name) is too long")
    }
    return address
  }

  private static func withAddress(
    _ address: inout sockaddr_un, _ body: (UnsafePointer<sockaddr>, socklen_t) -> CInt
  ) -> CInt {
    withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_un>.size)) }
    }
  }
}
