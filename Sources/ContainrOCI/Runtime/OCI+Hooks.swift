import ContainrCore

extension OCI.RuntimeSpec {
  /// The programs that run at points of the life cycle, each list in its order (config.md#posix-platform-hooks).
  public struct Hooks: Hashable, Sendable {
    /// Deprecated: during create, after the runtime environment, before pivot_root(2); in the runtime's namespaces.
    public var prestart: [Hook]?
    /// During create, after the runtime environment, before pivot_root(2); in the runtime's namespaces.
    public var createRuntime: [Hook]?
    /// During create, after `createRuntime`; in the container's namespaces, with the host's root.
    public var createContainer: [Hook]?
    /// During start, before the program; in the container, as its process.
    public var startContainer: [Hook]?
    /// After start; in the runtime's namespaces.
    public var poststart: [Hook]?
    /// After delete; in the runtime's namespaces.
    public var poststop: [Hook]?

    /// No hooks.
    public init() {}

    /// Whether there is no hook at all.
    public var isEmpty: Bool {
      [prestart, createRuntime, createContainer, startContainer, poststart, poststop].allSatisfy { $0?.isEmpty ?? true }
    }
  }
}

extension OCI.RuntimeSpec.Hooks: JSONConvertible {
  /// Reads the `hooks` object.
  public init(_ cursor: JSON.Cursor) throws(ContainrError) {
    prestart = try cursor.values("prestart")
    createRuntime = try cursor.values("createRuntime")
    createContainer = try cursor.values("createContainer")
    startContainer = try cursor.values("startContainer")
    poststart = try cursor.values("poststart")
    poststop = try cursor.values("poststop")
  }

  /// The `hooks` object.
  public var json: JSON {
    var object = JSON.Object()
    object.add("prestart", values: prestart)
    object.add("createRuntime", values: createRuntime)
    object.add("createContainer", values: createContainer)
    object.add("startContainer", values: startContainer)
    object.add("poststart", values: poststart)
    object.add("poststop", values: poststop)
    return .object(object)
  }
}
