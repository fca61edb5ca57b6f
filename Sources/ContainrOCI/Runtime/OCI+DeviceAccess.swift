import ContainrCore

extension OCI.RuntimeSpec.Linux.Resources {
  /// A line of the device list (config-linux.md#allowed-device-list).
  public struct DeviceAccess: Hashable, Sendable {
    /// Whether the access is allowed.
    public var allow: Bool
    /// `a`, `b` or `c`; all where nil.
    public var type: String?
    /// The major number; all where nil.
    public var major: Int64?
    /// The minor number; all where nil.
    public var minor: Int64?
    /// Of `r`, `w` and `m`; all where nil.
    public var access: String?

    /// A line that allows or denies all.
    public init(allow: Bool) {
      self.allow = allow
    }
  }
}

extension OCI.RuntimeSpec.Linux.Resources.DeviceAccess: JSONConvertible {
  /// Reads the object.
  public init(_ cursor: JSON.Cursor) throws(ContainrError) {
    self.init(allow: try cursor.required("allow").bool())
    type = try cursor.string("type")
    major = try cursor.integer("major", Int64.self)
    minor = try cursor.integer("minor", Int64.self)
    access = try cursor.string("access")
  }

  /// The object.
  public var json: JSON {
    var object = JSON.Object()
    object.add("allow", allow)
    object.add("type", type)
    object.add("major", integer: major)
    object.add("minor", integer: minor)
    object.add("access", access)
    return .object(object)
  }
}
