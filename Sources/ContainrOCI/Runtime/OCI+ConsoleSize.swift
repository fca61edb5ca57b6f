import ContainrCore

extension OCI.RuntimeSpec.Process {
  /// The size of a terminal in characters.
  public struct ConsoleSize: Hashable, Sendable {
    /// Rows.
    public var height: UInt
    /// Columns.
    public var width: UInt

    /// Describes a size.
    public init(height: UInt, width: UInt) {
      self.height = height
      self.width = width
    }
  }
}

extension OCI.RuntimeSpec.Process.ConsoleSize: JSONConvertible {
  /// Reads the `consoleSize` object.
  public init(_ cursor: JSON.Cursor) throws(ContainrError) {
    self.init(height: try cursor.required("height").integer(), width: try cursor.required("width").integer())
  }

  /// The `consoleSize` object.
  public var json: JSON { ["height": JSON(integer: height), "width": JSON(integer: width)] }
}
