import ContainrCore

extension OCI.RuntimeSpec.Process {
  /// Five sets of capabilities by name, `CAP_KILL` (capabilities(7)).
  public struct Capabilities: Hashable, Sendable {
    /// What no program of the container can get past.
    public var bounding: [String]?
    /// What the kernel checks.
    public var effective: [String]?
    /// What survives execve(2) with the file's consent.
    public var inheritable: [String]?
    /// What may be made effective.
    public var permitted: [String]?
    /// What survives execve(2) of a program without file capabilities.
    public var ambient: [String]?

    /// No capability.
    public init() {}
  }
}

extension OCI.RuntimeSpec.Process.Capabilities: JSONConvertible {
  /// Reads the `capabilities` object.
  public init(_ cursor: JSON.Cursor) throws(ContainrError) {
    bounding = try cursor.strings("bounding")
    effective = try cursor.strings("effective")
    inheritable = try cursor.strings("inheritable")
    permitted = try cursor.strings("permitted")
    ambient = try cursor.strings("ambient")
  }

  /// The `capabilities` object.
  public var json: JSON {
    var object = JSON.Object()
    object.add("bounding", strings: bounding)
    object.add("effective", strings: effective)
    object.add("inheritable", strings: inheritable)
    object.add("permitted", strings: permitted)
    object.add("ambient", strings: ambient)
    return .object(object)
  }
}
