import ContainrCore

extension OCI.RuntimeSpec.Linux.Resources.Network {
  /// The priority of packets that leave by one interface.
  public struct InterfacePriority: Hashable, Sendable {
    /// The interface.
    public var name: String
    /// The priority.
    public var priority: UInt32

    /// A priority.
    public init(name: String, priority: UInt32) {
      self.name = name
      self.priority = priority
    }
  }
}

extension OCI.RuntimeSpec.Linux.Resources.Network.InterfacePriority: JSONConvertible {
  /// Reads the object.
  public init(_ cursor: JSON.Cursor) throws(ContainrError) {
    self.init(name: try cursor.required("name").string(), priority: try cursor.required("priority").integer())
  }

  /// The object.
  public var json: JSON {
    var object = JSON.Object()
    object.add("name", name)
    object.add("priority", integer: priority as UInt32?)
    return .object(object)
  }
}
