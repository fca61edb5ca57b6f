import ContainrCore

/// What a cgroup may use. Nothing set is nothing limited.
///
/// ```swift
/// var resources = CgroupResources()
/// resources.memory.limit = .mebibytes(50)
/// resources.cpu.quota = try CPUQuota(cpus: 0.5)
/// resources.pids.limit = 100
/// ```
public struct CgroupResources: Sendable, Hashable {
  /// Memory and swap.
  public var memory = Memory()
  /// CPU time.
  public var cpu = CPU()
  /// CPUs and memory nodes.
  public var cpuset = Cpuset()
  /// Processes.
  public var pids = Pids()
  /// What devices may be used: everything that no rule allows is denied, and of two rules the later one counts. Nil
  /// leaves what the parent allows.
  public var devices: [DeviceRule]?

  /// No limit.
  public init() {}

  /// Sets limits in a closure.
  public init<Failure: Error>(_ configure: (inout CgroupResources) throws(Failure) -> Void) throws(Failure) {
    try configure(&self)
  }

  /// Limits of memory.
  public struct Memory: Sendable, Hashable {
    /// The most memory that is used: v1 `memory.limit_in_bytes`, v2 `memory.max`. Past it the kernel reclaims, then kills.
    public var limit: ByteCount?
    /// The most of memory and swap together, as Docker's `--memory-swap`: v1 `memory.memsw.limit_in_bytes`; v2
    /// `memory.swap.max` gets this minus ``limit``, which must be set too. The same as `limit` is no swap.
    public var limitWithSwap: ByteCount?
    /// What is kept when memory is short: v1 `memory.soft_limit_in_bytes`, v2 `memory.low`.
    public var reservation: ByteCount?
    /// Above it the cgroup's processes are slowed and made to reclaim: v2 `memory.high`. Version 1 has none.
    public var high: ByteCount?
  }

  /// Limits of CPU time.
  public struct CPU: Sendable, Hashable {
    /// The most CPU time: v1 `cpu.cfs_quota_us`, v2 `cpu.max`.
    public var quota: CPUQuota?
    /// The share against siblings when CPUs are short; 2 to 262144, the default is 1024. v1 `cpu.shares`; on v2
    /// `cpu.weight` by ``CPUWeight/init(shares:)``.
    public var shares: UInt64?
    /// The share in the scale of version 2, 1 to 10000, the default is 100: `cpu.weight`. On v1 `cpu.shares` by
    /// ``CPUWeight/shares``. Not together with ``shares``.
    public var weight: CPUWeight?
  }

  /// The CPUs and memory nodes that may be used, as lists like `0-3,8`.
  public struct Cpuset: Sendable, Hashable {
    /// `cpuset.cpus`.
    public var cpus: String?
    /// `cpuset.mems`.
    public var mems: String?
  }

  /// Limits of processes.
  public struct Pids: Sendable, Hashable {
    /// The most processes and threads: `pids.max`. Past it `fork(2)` fails with `EAGAIN`.
    public var limit: UInt64?
  }

  /// The controllers that these limits need.
  public var controllers: CgroupControllers {
    var set: CgroupControllers = []
    if memory != Memory() { set.insert(.memory) }
    if cpu != CPU() { set.insert(.cpu) }
    if cpuset != Cpuset() { set.insert(.cpuset) }
    if pids != Pids() { set.insert(.pids) }
    if devices != nil { set.insert(.devices) }
    return set
  }
}
