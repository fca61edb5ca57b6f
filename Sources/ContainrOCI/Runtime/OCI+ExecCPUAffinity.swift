import ContainrCore

extension OCI.RuntimeSpec.Process {
  /// The CPUs that a program executed in a running container may use.
  public struct ExecCPUAffinity: Hashable, Sendable {
    /// Before it enters the container's cgroup: a list such as `0-3,7`.
    public var initial: String?
    /// Afterwards.
    public var final: String?

    /// Names CPUs.
    public init(initial: String? = nil, final: String? = nil) {
      self.initial = initial
      self.final = final
    }
  }
}

extension OCI.RuntimeSpec.Process.ExecCPUAffinity: JSONConvertible {
  /// Reads the `execCPUAffinity` object.
  public init(_ cursor: JSON.Cursor) throws(ContainrError) {
    self.init(initial: try cursor.string("initial"), final: try cursor.string("final"))
  }

  /// The `execCPUAffinity` object.
  public var json: JSON {
    var object = JSON.Object()
    object.add("initial", initial)
    object.add("final", final)
    return .object(object)
  }
}
