import CContainrLinux
import ContainrCore

/// The size of a terminal's window in characters (ioctl_tty(2)).
public struct TerminalSize: Hashable, Sendable {
  /// Lines.
  public var rows: UInt16
  /// Characters a line.
  public var columns: UInt16

  /// Describes a size.
  public init(rows: UInt16 = 24, columns: UInt16 = 80) {
    self.rows = rows
    self.columns = columns
  }

  /// The size of the terminal behind a descriptor.
  ///
  /// - Throws: `TERMINAL` where it is none.
  public init(of descriptor: CInt) throws(ContainrError) {
    self.init()
    try check(
      cl_terminal_size(descriptor, &rows, &columns), .terminal, "ioctl(2)", "reading the size of the terminal",
      hint: "the descriptor must be a terminal")
  }
}
