import ContainrCore

extension OCI.RuntimeSpec.Linux {
  /// A device node (config-linux.md#devices).
  public struct Device: Hashable, Sendable {
    /// A type of device node (mknod(1)).
    public enum Kind: String, CaseIterable, Hashable, Sendable {
      /// A character device.
      case character = "c"
      /// A character device, by an older name.
      case unbuffered = "u"
      /// A block device.
      case block = "b"
      /// A named pipe.
      case pipe = "p"
    }

    /// Where it is made.
    public var path: String
    /// Its type.
    public var type: Kind
    /// The major number; not for a pipe.
    public var major: Int64
    /// The minor number; not for a pipe.
    public var minor: Int64
    /// The permission bits; 0666 where nil.
    public var fileMode: UInt32?
    /// The owner; 0 where nil.
    public var uid: UInt32?
    /// The group; 0 where nil.
    public var gid: UInt32?

    /// Describes a node.
    public init(
      path: String, type: Kind, major: Int64 = 0, minor: Int64 = 0, fileMode: UInt32? = nil, uid: UInt32? = nil,
      gid: UInt32? = nil
    ) {
      self.path = path
      self.type = type
      self.major = major
      self.minor = minor
      self.fileMode = fileMode
      self.uid = uid
      self.gid = gid
    }
  }
}

extension OCI.RuntimeSpec.Linux.Device: JSONConvertible {
  /// Reads a device object.
  public init(_ cursor: JSON.Cursor) throws(ContainrError) {
    let type = try cursor.required("type").name(Kind.self)
    self.init(
      path: try cursor.required("path").string(), type: type, major: try cursor.integer("major") ?? 0,
      minor: try cursor.integer("minor") ?? 0, fileMode: try cursor.integer("fileMode", UInt32.self),
      uid: try cursor.integer("uid", UInt32.self), gid: try cursor.integer("gid", UInt32.self))
  }

  /// The device object.
  public var json: JSON {
    var object = JSON.Object()
    object["path"] = .string(path)
    object["type"] = .string(type.rawValue)
    object["major"] = .integer(major)
    object["minor"] = .integer(minor)
    object.add("fileMode", integer: fileMode)
    object.add("uid", integer: uid)
    object.add("gid", integer: gid)
    return .object(object)
  }
}
