import CContainrLinux
import ContainrCore
import SystemPackage

/// The connection to whoever takes care of a terminal (`--console-socket`).
struct ConsoleSocket: ~Copyable {
  private let path: FilePath
  private let socket: OwnedDescriptor

  /// Connects to a listening socket.
  ///
  /// - Throws: `TERMINAL`.
  init(_ path: FilePath) throws(ContainrError) {
    self.path = path
    socket = OwnedDescriptor(
      owning: try check(cl_unix_connect(path.string), .terminal, "connect(2)", "connecting to the console socket \(path)"))
  }

  /// Hands a terminal over.
  func send(_ terminal: borrowing OwnedDescriptor) throws(ContainrError) {
    // The message is the terminal's name, as runc sends it.
    let name = Array("/dev/ptmx".utf8)
    try check(
      name.withUnsafeBytes { cl_send_descriptor(socket.rawValue, $0.baseAddress, $0.count, terminal.rawValue) }, .terminal,
      "sendmsg(2)", "sending the terminal to \(path)")
  }
}
