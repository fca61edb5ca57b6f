import ContainrCore

extension CgroupResources {
  /// Limits of CPU time.
  public struct CPU: Sendable, Hashable {
    /// The most CPU time: v1 `cpu.cfs_quota_us` and `cpu.cfs_period_us`, v2 `cpu.max`.
    public var quota: CPUQuota?
    /// The period alone, 1 ms to 1 s; the quota stays as it is. Not together with ``quota``, which has one.
    public var period: Duration?
    /// What may be saved up of the quota and used above it later, at most the quota; 0 is the default: v1
    /// `cpu.cfs_burst_us`, v2 `cpu.max.burst` (Linux 5.14).
    public var burst: Duration?
    /// The share against siblings when CPUs are short; 2 to 262144, the default is 1024. v1 `cpu.shares`; on v2
    /// `cpu.weight` by ``CPUWeight/init(shares:)``.
    public var shares: UInt64?
    /// The share in the scale of version 2, 1 to 10000, the default is 100: `cpu.weight`. On v1 `cpu.shares` by
    /// ``CPUWeight/shares``. Not together with ``shares``.
    public var weight: CPUWeight?
    /// Runs only where nothing else wants the CPU, `SCHED_IDLE` for the group: `cpu.idle` (Linux 5.15). An idle cgroup has
    /// no share: not together with ``shares`` or ``weight`` when true.
    public var idle: Bool?
    /// CPU time of real-time processes in each ``realtimePeriod``; 0, the default, is none: v1 `cpu.rt_runtime_us`. The
    /// cgroup above must have at least as much. Version 2 has none.
    public var realtimeRuntime: Limit<Duration>?
    /// The period of ``realtimeRuntime``, 1 s by default: v1 `cpu.rt_period_us`.
    public var realtimePeriod: Duration?
  }
}
