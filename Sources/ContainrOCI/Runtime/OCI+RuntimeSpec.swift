import ContainrCore

extension OCI {
  /// A bundle's `config.json`: everything that makes a container (runtime-spec 1.3, config.md).
  ///
  /// What is nil is not in the document. Reading refuses wrong types and passes over unknown keys; whether the values mean
  /// something together is for ``violations``.
  public struct RuntimeSpec: Hashable, Sendable {
    /// The version of the specification that the document follows.
    public var ociVersion: String
    /// The program. Needed by start, not by create.
    public var process: Process?
    /// The root file system.
    public var root: Root?
    /// The host name.
    public var hostname: String?
    /// The NIS domain name.
    public var domainname: String?
    /// What is mounted, in this order.
    public var mounts: [Mount]?
    /// Programs that run at points of the life cycle.
    public var hooks: Hooks?
    /// Free names and values.
    public var annotations: [String: String]?
    /// What only Linux has.
    public var linux: Linux?
    /// The sections of other platforms, as they stand in the document.
    public var otherPlatforms = JSON.Object()

    /// The version of the specification that these types follow.
    public static let currentVersion = "1.3.0"
    static let otherPlatformKeys = ["solaris", "windows", "vm", "zos", "freebsd"]

    /// A document with nothing but its version.
    public init(ociVersion: String = Self.currentVersion) { self.ociVersion = ociVersion }

    /// Builds a document in a closure.
    public init(_ configure: (inout RuntimeSpec) throws -> Void) rethrows {
      self.init()
      try configure(&self)
    }
  }
}

extension OCI.RuntimeSpec: JSONConvertible {
  /// Reads `config.json`.
  public init(_ cursor: JSON.Cursor) throws(ContainrError) {
    self.init(ociVersion: try cursor.required("ociVersion").string())
    process = try cursor.value("process")
    root = try cursor.value("root")
    hostname = try cursor.string("hostname")
    domainname = try cursor.string("domainname")
    mounts = try cursor.values("mounts")
    hooks = try cursor.value("hooks")
    annotations = try cursor.stringMap("annotations")
    linux = try cursor.value("linux")
    for key in Self.otherPlatformKeys {
      if let member = try cursor.member(key) { otherPlatforms[key] = .object(try member.object()) }
    }
  }

  /// The document.
  public var json: JSON {
    var object = JSON.Object()
    object["ociVersion"] = .string(ociVersion)
    object.add("process", value: process)
    object.add("root", value: root)
    object.add("hostname", hostname)
    object.add("domainname", domainname)
    object.add("mounts", values: mounts)
    object.add("hooks", value: hooks)
    object.add("annotations", map: annotations)
    object.add("linux", value: linux)
    for member in otherPlatforms.members { object[member.key] = member.value }
    return .object(object)
  }
}
