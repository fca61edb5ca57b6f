import ContainrCore

extension OCI.RuntimeSpec.Linux {
  /// A namespace to make or to join (config-linux.md#namespaces).
  public struct Namespace: Hashable, Sendable {
    /// A type of namespace by the specification's name (namespaces(7)).
    public enum Kind: String, CaseIterable, Hashable, Sendable {
      /// Process ids.
      case pid
      /// The network.
      case network
      /// Mounts.
      case mount
      /// System V and POSIX inter-process communication.
      case ipc
      /// Host and domain name.
      case uts
      /// User and group ids.
      case user
      /// The cgroup root.
      case cgroup
      /// Clocks.
      case time
    }

    /// The type.
    public var type: Kind
    /// The namespace to join; nil makes a new one.
    public var path: String?

    /// Describes a namespace.
    public init(_ type: Kind, path: String? = nil) {
      self.type = type
      self.path = path
    }
  }
}

extension OCI.RuntimeSpec.Linux.Namespace: JSONConvertible {
  /// Reads a namespace object. An empty path is none.
  public init(_ cursor: JSON.Cursor) throws(ContainrError) {
    self.init(try cursor.required("type").name(Kind.self), path: try cursor.string("path"))
    if path == "" { path = nil }
  }

  /// The namespace object.
  public var json: JSON {
    var object = JSON.Object()
    object["type"] = .string(type.rawValue)
    object.add("path", path)
    return .object(object)
  }
}
