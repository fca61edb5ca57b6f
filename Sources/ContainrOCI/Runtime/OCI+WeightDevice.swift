import ContainrCore

extension OCI.RuntimeSpec.Linux.Resources.BlockIO {
  /// A share on one device.
  public struct WeightDevice: Hashable, Sendable {
    /// The major number.
    public var major: Int64
    /// The minor number.
    public var minor: Int64
    /// The share against siblings.
    public var weight: UInt16?
    /// The share against children.
    public var leafWeight: UInt16?

    /// A device without shares.
    public init(major: Int64, minor: Int64) {
      self.major = major
      self.minor = minor
    }
  }
}

extension OCI.RuntimeSpec.Linux.Resources.BlockIO.WeightDevice: JSONConvertible {
  /// Reads the object.
  public init(_ cursor: JSON.Cursor) throws(ContainrError) {
    self.init(major: try cursor.required("major").integer(), minor: try cursor.required("minor").integer())
    weight = try cursor.integer("weight", UInt16.self)
    leafWeight = try cursor.integer("leafWeight", UInt16.self)
  }

  /// The object.
  public var json: JSON {
    var object = JSON.Object()
    object.add("major", integer: major as Int64?)
    object.add("minor", integer: minor as Int64?)
    object.add("weight", integer: weight)
    object.add("leafWeight", integer: leafWeight)
    return .object(object)
  }
}
