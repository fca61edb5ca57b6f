import ContainrCore

extension OCI.RuntimeSpec {
  /// A range of ids that mean others inside (config-linux.md#user-namespace-mappings).
  public struct IDMapping: Hashable, Sendable {
    /// The first id inside.
    public var containerID: UInt32
    /// The first id outside.
    public var hostID: UInt32
    /// How many.
    public var size: UInt32

    /// Maps a range.
    public init(containerID: UInt32, hostID: UInt32, size: UInt32) {
      self.containerID = containerID
      self.hostID = hostID
      self.size = size
    }
  }
}

extension OCI.RuntimeSpec.IDMapping: JSONConvertible {
  /// Reads a mapping.
  public init(_ cursor: JSON.Cursor) throws(ContainrError) {
    self.init(
      containerID: try cursor.required("containerID").integer(), hostID: try cursor.required("hostID").integer(),
      size: try cursor.required("size").integer())
  }

  /// The mapping as an object.
  public var json: JSON {
    ["containerID": JSON(integer: containerID), "hostID": JSON(integer: hostID), "size": JSON(integer: size)]
  }
}
