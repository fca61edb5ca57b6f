import ContainrCore

extension OCI.RuntimeSpec.Linux.Resources {
  /// CPU time, CPUs and memory nodes (config-linux.md#cpu).
  public struct CPU: Hashable, Sendable {
    /// The share against siblings.
    public var shares: UInt64?
    /// Microseconds in each period; `-1` is no limit.
    public var quota: Int64?
    /// Microseconds that may be saved up.
    public var burst: UInt64?
    /// The period in microseconds.
    public var period: UInt64?
    /// Microseconds of real-time scheduling in each real-time period; version 1.
    public var realtimeRuntime: Int64?
    /// The real-time period in microseconds; version 1.
    public var realtimePeriod: UInt64?
    /// CPUs, a list such as `0-3,8`.
    public var cpus: String?
    /// Memory nodes, a list.
    public var mems: String?
    /// 1 for `SCHED_IDLE`.
    public var idle: Int64?

    /// No limits.
    public init() {}
  }
}

extension OCI.RuntimeSpec.Linux.Resources.CPU: JSONConvertible {
  /// Reads the object.
  public init(_ cursor: JSON.Cursor) throws(ContainrError) {
    _ = try cursor.object()
    shares = try cursor.integer("shares", UInt64.self)
    quota = try cursor.integer("quota", Int64.self)
    burst = try cursor.integer("burst", UInt64.self)
    period = try cursor.integer("period", UInt64.self)
    realtimeRuntime = try cursor.integer("realtimeRuntime", Int64.self)
    realtimePeriod = try cursor.integer("realtimePeriod", UInt64.self)
    cpus = try cursor.string("cpus")
    mems = try cursor.string("mems")
    idle = try cursor.integer("idle", Int64.self)
  }

  /// The object.
  public var json: JSON {
    var object = JSON.Object()
    object.add("shares", integer: shares)
    object.add("quota", integer: quota)
    object.add("burst", integer: burst)
    object.add("period", integer: period)
    object.add("realtimeRuntime", integer: realtimeRuntime)
    object.add("realtimePeriod", integer: realtimePeriod)
    object.add("cpus", cpus)
    object.add("mems", mems)
    object.add("idle", integer: idle)
    return .object(object)
  }
}
