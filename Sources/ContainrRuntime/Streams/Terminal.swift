import CContainrLinux
import ContainrCore
import Glibc

/// The controlling side of a container's terminal (pts(4)).
public final class Terminal: Sendable {
  /// What the container writes to its terminal.
  public let output: ByteStream
  /// What is typed into it.
  public let input: ByteSink
  private let descriptor: OwnedDescriptor

  init(owning descriptor: consuming OwnedDescriptor) throws(ContainrError) {
    output = try ByteStream(owning: try descriptor.duplicate())
    input = try ByteSink(owning: try descriptor.duplicate())
    self.descriptor = descriptor
  }

  /// Sets the size of the window; the processes in the foreground get SIGWINCH.
  public func resize(_ size: TerminalSize) throws(ContainrError) {
    try check(
      cl_set_terminal_size(descriptor.rawValue, size.rows, size.columns), .terminal, "ioctl(2)", "resizing the terminal")
  }
}
