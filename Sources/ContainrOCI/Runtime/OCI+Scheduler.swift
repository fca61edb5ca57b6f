import ContainrCore

extension OCI.RuntimeSpec.Process {
  /// What sched_setattr(2) is told (config.md#linux-process).
  public struct Scheduler: Hashable, Sendable {
    /// A scheduling policy.
    public enum Policy: String, CaseIterable, Hashable, Sendable {
      /// The default.
      case other = "SCHED_OTHER"
      /// First in, first out.
      case fifo = "SCHED_FIFO"
      /// Round robin.
      case roundRobin = "SCHED_RR"
      /// For what needs no quick answer.
      case batch = "SCHED_BATCH"
      /// Reserved by the kernel, and not implemented.
      case iso = "SCHED_ISO"
      /// Only when nothing else runs.
      case idle = "SCHED_IDLE"
      /// With a deadline.
      case deadline = "SCHED_DEADLINE"
    }

    /// A flag of sched_setattr(2).
    public enum Flag: String, CaseIterable, Hashable, Sendable {
      /// Children get the default policy.
      case resetOnFork = "SCHED_FLAG_RESET_ON_FORK"
      /// Bandwidth that others leave may be used.
      case reclaim = "SCHED_FLAG_RECLAIM"
      /// An overrun sends a signal.
      case deadlineOverrun = "SCHED_FLAG_DL_OVERRUN"
      /// The policy stays.
      case keepPolicy = "SCHED_FLAG_KEEP_POLICY"
      /// The parameters stay.
      case keepParameters = "SCHED_FLAG_KEEP_PARAMS"
      /// A least utilization.
      case utilClampMin = "SCHED_FLAG_UTIL_CLAMP_MIN"
      /// A most utilization.
      case utilClampMax = "SCHED_FLAG_UTIL_CLAMP_MAX"
    }

    /// The policy.
    public var policy: Policy
    /// The nice value, −20 to 19.
    public var nice: Int32?
    /// The static priority, 1 to 99 under `SCHED_FIFO` and `SCHED_RR`.
    public var priority: Int32?
    /// Flags.
    public var flags: [Flag]?
    /// Of `SCHED_DEADLINE`: run time in each period, nanoseconds.
    public var runtime: UInt64?
    /// Of `SCHED_DEADLINE`: the deadline, nanoseconds.
    public var deadline: UInt64?
    /// Of `SCHED_DEADLINE`: the period, nanoseconds.
    public var period: UInt64?

    /// A policy with the kernel's defaults.
    public init(policy: Policy) { self.policy = policy }
  }
}

extension OCI.RuntimeSpec.Process.Scheduler: JSONConvertible {
  /// Reads the `scheduler` object.
  public init(_ cursor: JSON.Cursor) throws(ContainrError) {
    self.init(policy: try cursor.required("policy").name(Policy.self))
    nice = try cursor.integer("nice", Int32.self)
    priority = try cursor.integer("priority", Int32.self)
    if let elements = try cursor.elements("flags") {
      var flags: [Flag] = []
      for element in elements { flags.append(try element.name(Flag.self)) }
      self.flags = flags
    }
    runtime = try cursor.integer("runtime", UInt64.self)
    deadline = try cursor.integer("deadline", UInt64.self)
    period = try cursor.integer("period", UInt64.self)
  }

  /// The `scheduler` object.
  public var json: JSON {
    var object = JSON.Object()
    object["policy"] = .string(policy.rawValue)
    object.add("nice", integer: nice)
    object.add("priority", integer: priority)
    object.add("flags", strings: flags?.map(\.rawValue))
    object.add("runtime", integer: runtime)
    object.add("deadline", integer: deadline)
    object.add("period", integer: period)
    return .object(object)
  }
}
