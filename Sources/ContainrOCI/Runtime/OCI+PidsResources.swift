import ContainrCore

extension OCI.RuntimeSpec.Linux.Resources {
  /// Processes and threads (config-linux.md#pids).
  public struct Pids: Hashable, Sendable {
    /// The most; `-1` is no limit. A specification before 1.3 requires it.
    public var limit: Int64?

    /// No limit.
    public init() {}
  }
}

extension OCI.RuntimeSpec.Linux.Resources.Pids: JSONConvertible {
  /// Reads the object.
  public init(_ cursor: JSON.Cursor) throws(ContainrError) {
    _ = try cursor.object()
    limit = try cursor.integer("limit", Int64.self)
  }

  /// The object.
  public var json: JSON {
    var object = JSON.Object()
    object.add("limit", integer: limit)
    return .object(object)
  }
}
