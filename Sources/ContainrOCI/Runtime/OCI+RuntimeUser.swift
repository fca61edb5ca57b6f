import ContainrCore

extension OCI.RuntimeSpec.Process {
  /// Who a program runs as, by numbers (config.md#user).
  public struct User: Hashable, Sendable {
    /// The user id inside the container.
    public var uid: UInt32 = 0
    /// The group id inside the container.
    public var gid: UInt32 = 0
    /// The file mode mask; the runtime's own where nil.
    public var umask: UInt32?
    /// Further group ids.
    public var additionalGids: [UInt32]?

    /// Root.
    public init(uid: UInt32 = 0, gid: UInt32 = 0, umask: UInt32? = nil, additionalGids: [UInt32]? = nil) {
      self.uid = uid
      self.gid = gid
      self.umask = umask
      self.additionalGids = additionalGids
    }
  }
}

extension OCI.RuntimeSpec.Process.User: JSONConvertible {
  /// Reads the `user` object.
  public init(_ cursor: JSON.Cursor) throws(ContainrError) {
    self.init(
      uid: try cursor.integer("uid", UInt32.self) ?? 0, gid: try cursor.integer("gid", UInt32.self) ?? 0,
      umask: try cursor.integer("umask", UInt32.self), additionalGids: try cursor.integers("additionalGids"))
  }

  /// The `user` object.
  public var json: JSON {
    var object = JSON.Object()
    object["uid"] = JSON(integer: uid)
    object["gid"] = JSON(integer: gid)
    object.add("umask", integer: umask)
    object.add("additionalGids", integers: additionalGids)
    return .object(object)
  }
}
