import ContainrCore

extension OCI.RuntimeSpec.Linux.Resources.BlockIO {
  /// A rate on one device.
  public struct ThrottleDevice: Hashable, Sendable {
    /// The major number.
    public var major: Int64
    /// The minor number.
    public var minor: Int64
    /// Bytes or operations in a second.
    public var rate: UInt64

    /// A rate.
    public init(major: Int64, minor: Int64, rate: UInt64) {
      self.major = major
      self.minor = minor
      self.rate = rate
    }
  }
}

extension OCI.RuntimeSpec.Linux.Resources.BlockIO.ThrottleDevice: JSONConvertible {
  /// Reads the object.
  public init(_ cursor: JSON.Cursor) throws(ContainrError) {
    self.init(
      major: try cursor.required("major").integer(), minor: try cursor.required("minor").integer(),
      rate: try cursor.required("rate").integer())
  }

  /// The object.
  public var json: JSON {
    var object = JSON.Object()
    object.add("major", integer: major as Int64?)
    object.add("minor", integer: minor as Int64?)
    object.add("rate", integer: rate as UInt64?)
    return .object(object)
  }
}
