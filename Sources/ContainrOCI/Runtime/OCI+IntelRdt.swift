import ContainrCore

extension OCI.RuntimeSpec.Linux {
  /// Intel's Resource Director Technology, by the resctrl file system (config-linux.md#intelrdt).
  public struct IntelRdt: Hashable, Sendable {
    /// The class of service: a directory of resctrl; the container's id where nil.
    public var closID: String?
    /// Lines that are written to `schemata` (specification 1.3).
    public var schemata: [String]?
    /// The part of the L3 cache, `L3:0=7f0;1=1f`.
    public var l3CacheSchema: String?
    /// The memory bandwidth, `MB:0=20;1=70`.
    public var memBwSchema: String?
    /// Whether the container gets a monitoring group of its own (specification 1.3).
    public var enableMonitoring: Bool?

    /// Nothing set.
    public init() {}
  }
}

extension OCI.RuntimeSpec.Linux.IntelRdt: JSONConvertible {
  /// Reads the `intelRdt` object.
  public init(_ cursor: JSON.Cursor) throws(ContainrError) {
    closID = try cursor.string("closID")
    schemata = try cursor.strings("schemata")
    l3CacheSchema = try cursor.string("l3CacheSchema")
    memBwSchema = try cursor.string("memBwSchema")
    enableMonitoring = try cursor.bool("enableMonitoring")
  }

  /// The `intelRdt` object.
  public var json: JSON {
    var object = JSON.Object()
    object.add("closID", closID)
    object.add("schemata", strings: schemata)
    object.add("l3CacheSchema", l3CacheSchema)
    object.add("memBwSchema", memBwSchema)
    object.add("enableMonitoring", enableMonitoring)
    return .object(object)
  }
}
