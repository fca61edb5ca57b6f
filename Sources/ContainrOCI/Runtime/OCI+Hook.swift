import ContainrCore

extension OCI.RuntimeSpec {
  /// A program that the runtime runs, with the container's state on its standard input.
  public struct Hook: Hashable, Sendable {
    /// The program, an absolute path.
    public var path: String
    /// Its arguments; the first is its name, as execve(2) has it.
    public var args: [String]?
    /// Its whole environment.
    public var env: [String]?
    /// After how many seconds it is ended, and failed.
    public var timeout: Int?

    /// Describes a hook.
    public init(path: String, args: [String]? = nil, env: [String]? = nil, timeout: Int? = nil) {
      self.path = path
      self.args = args
      self.env = env
      self.timeout = timeout
    }
  }
}

extension OCI.RuntimeSpec.Hook: JSONConvertible {
  /// Reads a hook object.
  public init(_ cursor: JSON.Cursor) throws(ContainrError) {
    self.init(
      path: try cursor.required("path").string(), args: try cursor.strings("args"), env: try cursor.strings("env"),
      timeout: try cursor.integer("timeout", Int.self))
  }

  /// The hook object.
  public var json: JSON {
    var object = JSON.Object()
    object["path"] = .string(path)
    object.add("args", strings: args)
    object.add("env", strings: env)
    object.add("timeout", integer: timeout)
    return .object(object)
  }
}
