import ContainrCore

extension OCI.RuntimeSpec.Linux.Resources {
  /// Huge pages of one size (config-linux.md#huge-page-limits).
  public struct HugepageLimit: Hashable, Sendable {
    /// The size, `2MB`.
    public var pageSize: String
    /// Bytes.
    public var limit: UInt64

    /// A limit.
    public init(pageSize: String, limit: UInt64) {
      self.pageSize = pageSize
      self.limit = limit
    }
  }
}

extension OCI.RuntimeSpec.Linux.Resources.HugepageLimit: JSONConvertible {
  /// Reads the object.
  public init(_ cursor: JSON.Cursor) throws(ContainrError) {
    self.init(pageSize: try cursor.required("pageSize").string(), limit: try cursor.required("limit").integer())
  }

  /// The object.
  public var json: JSON {
    var object = JSON.Object()
    object.add("pageSize", pageSize)
    object.add("limit", integer: limit as UInt64?)
    return .object(object)
  }
}
