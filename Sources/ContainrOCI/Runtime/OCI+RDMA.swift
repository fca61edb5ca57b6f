import ContainrCore

extension OCI.RuntimeSpec.Linux.Resources {
  /// Limits on one RDMA device (config-linux.md#rdma).
  public struct RDMA: Hashable, Sendable {
    /// Handles.
    public var hcaHandles: UInt32?
    /// Objects.
    public var hcaObjects: UInt32?

    /// No limits.
    public init() {}
  }
}

extension OCI.RuntimeSpec.Linux.Resources.RDMA: JSONConvertible {
  /// Reads the object.
  public init(_ cursor: JSON.Cursor) throws(ContainrError) {
    _ = try cursor.object()
    hcaHandles = try cursor.integer("hcaHandles", UInt32.self)
    hcaObjects = try cursor.integer("hcaObjects", UInt32.self)
  }

  /// The object.
  public var json: JSON {
    var object = JSON.Object()
    object.add("hcaHandles", integer: hcaHandles)
    object.add("hcaObjects", integer: hcaObjects)
    return .object(object)
  }
}
