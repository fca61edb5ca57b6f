import ContainrCore

extension OCI.RuntimeSpec.Linux {
  /// What a moved network interface is called inside (config-linux.md#network-devices).
  public struct NetDevice: Hashable, Sendable {
    /// The name inside; its name on the host where nil.
    public var name: String?

    /// Names an interface.
    public init(name: String? = nil) { self.name = name }
  }
}

extension OCI.RuntimeSpec.Linux.NetDevice: JSONConvertible {
  /// Reads a network device object.
  public init(_ cursor: JSON.Cursor) throws(ContainrError) {
    // The empty object is the usual one, so the kind has to be asked for.
    _ = try cursor.object()
    self.init(name: try cursor.string("name"))
  }

  /// The network device object.
  public var json: JSON {
    var object = JSON.Object()
    object.add("name", name)
    return .object(object)
  }
}
