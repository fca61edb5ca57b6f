import ContainrCore

extension OCI.RuntimeSpec.Linux.Resources {
  /// Block devices (config-linux.md#block-io).
  public struct BlockIO: Hashable, Sendable {
    /// The share against siblings, 10 to 1000.
    public var weight: UInt16?
    /// The share against children; version 1.
    public var leafWeight: UInt16?
    /// Shares by device.
    public var weightDevice: [WeightDevice]?
    /// Bytes read in a second by device.
    public var throttleReadBpsDevice: [ThrottleDevice]?
    /// Bytes written in a second by device.
    public var throttleWriteBpsDevice: [ThrottleDevice]?
    /// Reads in a second by device.
    public var throttleReadIOPSDevice: [ThrottleDevice]?
    /// Writes in a second by device.
    public var throttleWriteIOPSDevice: [ThrottleDevice]?

    /// No limits.
    public init() {}
  }
}

extension OCI.RuntimeSpec.Linux.Resources.BlockIO: JSONConvertible {
  /// Reads the object.
  public init(_ cursor: JSON.Cursor) throws(ContainrError) {
    _ = try cursor.object()
    weight = try cursor.integer("weight", UInt16.self)
    leafWeight = try cursor.integer("leafWeight", UInt16.self)
    weightDevice = try cursor.values("weightDevice")
    throttleReadBpsDevice = try cursor.values("throttleReadBpsDevice")
    throttleWriteBpsDevice = try cursor.values("throttleWriteBpsDevice")
    throttleReadIOPSDevice = try cursor.values("throttleReadIOPSDevice")
    throttleWriteIOPSDevice = try cursor.values("throttleWriteIOPSDevice")
  }

  /// The object.
  public var json: JSON {
    var object = JSON.Object()
    object.add("weight", integer: weight)
    object.add("leafWeight", integer: leafWeight)
    object.add("weightDevice", values: weightDevice)
    object.add("throttleReadBpsDevice", values: throttleReadBpsDevice)
    object.add("throttleWriteBpsDevice", values: throttleWriteBpsDevice)
    object.add("throttleReadIOPSDevice", values: throttleReadIOPSDevice)
    object.add("throttleWriteIOPSDevice", values: throttleWriteIOPSDevice)
    return .object(object)
  }
}
