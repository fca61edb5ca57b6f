import ContainrCore

extension OCI.RuntimeSpec {
  /// One mount (config.md#mounts).
  public struct Mount: Hashable, Sendable {
    /// Where, inside the container.
    public var destination: String
    /// The type of the file system; `bind`, or nil with a `bind` option, for a part of the host's tree.
    public var type: String?
    /// What is mounted: a device, a directory of the host, or a name without meaning.
    public var source: String?
    /// Options as in fstab(5).
    public var options: [String]?
    /// The user ids of an id-mapped mount.
    public var uidMappings: [IDMapping]?
    /// The group ids of an id-mapped mount.
    public var gidMappings: [IDMapping]?

    /// Describes a mount.
    public init(
      destination: String, type: String? = nil, source: String? = nil, options: [String]? = nil,
      uidMappings: [IDMapping]? = nil, gidMappings: [IDMapping]? = nil
    ) {
      self.destination = destination
      self.type = type
      self.source = source
      self.options = options
      self.uidMappings = uidMappings
      self.gidMappings = gidMappings
    }
  }
}

extension OCI.RuntimeSpec.Mount: JSONConvertible {
  /// Reads a mount object.
  public init(_ cursor: JSON.Cursor) throws(ContainrError) {
    self.init(
      destination: try cursor.required("destination").string(), type: try cursor.string("type"),
      source: try cursor.string("source"), options: try cursor.strings("options"),
      uidMappings: try cursor.values("uidMappings"), gidMappings: try cursor.values("gidMappings"))
  }

  /// The mount object.
  public var json: JSON {
    var object = JSON.Object()
    object["destination"] = .string(destination)
    object.add("type", type)
    object.add("source", source)
    object.add("options", strings: options)
    object.add("uidMappings", values: uidMappings)
    object.add("gidMappings", values: gidMappings)
    return .object(object)
  }
}
