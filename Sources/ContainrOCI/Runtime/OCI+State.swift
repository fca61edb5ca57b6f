import ContainrCore

extension OCI {
  /// What is told of a container to people and hooks (runtime-spec runtime.md#state).
  public struct State: Hashable, Sendable {
    /// Where a container stands.
    public enum Status: String, CaseIterable, Hashable, Sendable {
      /// Its environment is being made.
      case creating
      /// Its environment is ready, its program has not run.
      case created
      /// Its program runs.
      case running
      /// Its program has ended.
      case stopped
      /// Its processes are frozen: an additional state that runc, crun and the engines know.
      case paused
    }

    /// The version of the specification.
    public var ociVersion: String
    /// The container's id.
    public var id: String
    /// Where it stands.
    public var status: Status
    /// The host's id of its first process; nil once it has ended.
    public var pid: Int32?
    /// The absolute path of its bundle.
    public var bundle: String
    /// The annotations of its configuration.
    public var annotations: [String: String]?

    /// Describes a container.
    public init(
      ociVersion: String = RuntimeSpec.currentVersion, id: String, status: Status, pid: Int32? = nil, bundle: String,
      annotations: [String: String]? = nil
    ) {
      self.ociVersion = ociVersion
      self.id = id
      self.status = status
      self.pid = pid
      self.bundle = bundle
      self.annotations = annotations
    }
  }
}

extension OCI.State: JSONConvertible {
  /// Reads a state document.
  public init(_ cursor: JSON.Cursor) throws(ContainrError) {
    self.init(
      ociVersion: try cursor.required("ociVersion").string(), id: try cursor.required("id").string(),
      status: try cursor.required("status").name(Status.self), pid: try cursor.integer("pid", Int32.self),
      bundle: try cursor.required("bundle").string(), annotations: try cursor.stringMap("annotations"))
  }

  /// The state document.
  public var json: JSON {
    var object = JSON.Object()
    object["ociVersion"] = .string(ociVersion)
    object["id"] = .string(id)
    object["status"] = .string(status.rawValue)
    object.add("pid", integer: pid)
    object["bundle"] = .string(bundle)
    object.add("annotations", map: annotations)
    return .object(object)
  }
}
