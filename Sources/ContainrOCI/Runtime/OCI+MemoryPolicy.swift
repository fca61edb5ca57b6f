import ContainrCore

extension OCI.RuntimeSpec.Linux {
  /// What set_mempolicy(2) is told (config-linux.md#memory-policy, specification 1.3).
  public struct MemoryPolicy: Hashable, Sendable {
    /// A mode of set_mempolicy(2).
    public enum Mode: String, CaseIterable, Hashable, Sendable {
      /// The kernel's default.
      case `default` = "MPOL_DEFAULT"
      /// One node, then others.
      case preferred = "MPOL_PREFERRED"
      /// These nodes only.
      case bind = "MPOL_BIND"
      /// In turns.
      case interleave = "MPOL_INTERLEAVE"
      /// Where the CPU is.
      case local = "MPOL_LOCAL"
      /// These nodes, then others.
      case preferredMany = "MPOL_PREFERRED_MANY"
      /// In turns by weight.
      case weightedInterleave = "MPOL_WEIGHTED_INTERLEAVE"
    }

    /// A flag of the mode.
    public enum Flag: String, CaseIterable, Hashable, Sendable {
      /// Pages move to where they are used.
      case numaBalancing = "MPOL_F_NUMA_BALANCING"
      /// Node numbers are relative to what the cpuset allows.
      case relativeNodes = "MPOL_F_RELATIVE_NODES"
      /// Node numbers stay as they are.
      case staticNodes = "MPOL_F_STATIC_NODES"
    }

    /// The mode.
    public var mode: Mode
    /// The nodes, a list such as `0-3,7`.
    public var nodes: String?
    /// Flags.
    public var flags: [Flag]?

    /// A mode for nodes.
    public init(mode: Mode, nodes: String? = nil, flags: [Flag]? = nil) {
      self.mode = mode
      self.nodes = nodes
      self.flags = flags
    }
  }
}

extension OCI.RuntimeSpec.Linux.MemoryPolicy: JSONConvertible {
  /// Reads the `memoryPolicy` object.
  public init(_ cursor: JSON.Cursor) throws(ContainrError) {
    self.init(mode: try cursor.required("mode").name(Mode.self), nodes: try cursor.string("nodes"))
    if let elements = try cursor.elements("flags") {
      var flags: [Flag] = []
      for element in elements { flags.append(try element.name(Flag.self)) }
      self.flags = flags
    }
  }

  /// The `memoryPolicy` object.
  public var json: JSON {
    var object = JSON.Object()
    object["mode"] = .string(mode.rawValue)
    object.add("nodes", nodes)
    object.add("flags", strings: flags?.map(\.rawValue))
    return .object(object)
  }
}
