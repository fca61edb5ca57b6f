import ContainrCore

extension OCI.RuntimeSpec.Linux.Resources {
  /// Marks of network packets; version 1 (config-linux.md#network).
  public struct Network: Hashable, Sendable {
    /// The class id.
    public var classID: UInt32?
    /// Priorities by interface.
    public var priorities: [InterfacePriority]?

    /// Nothing set.
    public init() {}
  }
}

extension OCI.RuntimeSpec.Linux.Resources.Network: JSONConvertible {
  /// Reads the object.
  public init(_ cursor: JSON.Cursor) throws(ContainrError) {
    _ = try cursor.object()
    classID = try cursor.integer("classID", UInt32.self)
    priorities = try cursor.values("priorities")
  }

  /// The object.
  public var json: JSON {
    var object = JSON.Object()
    object.add("classID", integer: classID)
    object.add("priorities", values: priorities)
    return .object(object)
  }
}
