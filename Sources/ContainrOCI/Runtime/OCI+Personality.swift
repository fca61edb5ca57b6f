import ContainrCore

extension OCI.RuntimeSpec.Linux {
  /// The execution domain (config-linux.md#personality, personality(2)).
  public struct Personality: Hashable, Sendable {
    /// An execution domain.
    public enum Domain: String, CaseIterable, Hashable, Sendable {
      /// The kernel's own.
      case linux = "LINUX"
      /// uname(2) names a 32-bit machine.
      case linux32 = "LINUX32"
    }

    /// The domain.
    public var domain: Domain
    /// Flags; the specification has none yet.
    public var flags: [String]?

    /// A domain.
    public init(domain: Domain, flags: [String]? = nil) {
      self.domain = domain
      self.flags = flags
    }
  }
}

extension OCI.RuntimeSpec.Linux.Personality: JSONConvertible {
  /// Reads the `personality` object.
  public init(_ cursor: JSON.Cursor) throws(ContainrError) {
    self.init(domain: try cursor.required("domain").name(Domain.self), flags: try cursor.strings("flags"))
  }

  /// The `personality` object.
  public var json: JSON {
    var object = JSON.Object()
    object["domain"] = .string(domain.rawValue)
    object.add("flags", strings: flags)
    return .object(object)
  }
}
