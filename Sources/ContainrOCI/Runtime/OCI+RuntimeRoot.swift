import ContainrCore

extension OCI.RuntimeSpec {
  /// The root file system (config.md#root).
  public struct Root: Hashable, Sendable {
    /// Its directory; a relative path starts at the bundle.
    public var path: String
    /// Whether it is read-only inside.
    public var readonly: Bool?

    /// Names a root file system.
    public init(path: String, readonly: Bool? = nil) {
      self.path = path
      self.readonly = readonly
    }
  }
}

extension OCI.RuntimeSpec.Root: JSONConvertible {
  /// Reads the `root` object.
  public init(_ cursor: JSON.Cursor) throws(ContainrError) {
    self.init(path: try cursor.required("path").string(), readonly: try cursor.bool("readonly"))
  }

  /// The `root` object.
  public var json: JSON {
    var object = JSON.Object()
    object["path"] = .string(path)
    object.add("readonly", readonly)
    return .object(object)
  }
}
