import ContainrCore

extension OCI.RuntimeSpec.Linux {
  /// By how much a clock differs inside (config-linux.md#offset-for-time-namespace).
  public struct TimeOffset: Hashable, Sendable {
    /// Seconds.
    public var secs: Int64?
    /// Nanoseconds.
    public var nanosecs: UInt32?

    /// An offset.
    public init(secs: Int64? = nil, nanosecs: UInt32? = nil) {
      self.secs = secs
      self.nanosecs = nanosecs
    }
  }
}

extension OCI.RuntimeSpec.Linux.TimeOffset: JSONConvertible {
  /// Reads an offset.
  public init(_ cursor: JSON.Cursor) throws(ContainrError) {
    _ = try cursor.object()
    self.init(secs: try cursor.integer("secs"), nanosecs: try cursor.integer("nanosecs", UInt32.self))
  }

  /// The offset as an object.
  public var json: JSON {
    var object = JSON.Object()
    object.add("secs", integer: secs)
    object.add("nanosecs", integer: nanosecs)
    return .object(object)
  }
}
