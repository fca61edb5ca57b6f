import ContainrCore

/// What a cgroup uses and has used. A part is nil where its controller is not there.
public struct CgroupStatistics: Sendable, Hashable {
  /// Memory.
  public var memory: Memory?
  /// CPU time.
  public var cpu: CPU?
  /// Processes.
  public var pids: Pids?
  /// Block I/O.
  public var io: IO?
  /// Huge pages, by the size of the page.
  public var hugetlb: [ByteCount: Hugetlb]?
  /// RDMA resources, by device.
  public var rdma: [String: RDMA]?
  /// Scalar resources, by name.
  public var misc: [String: Misc]?

  /// Nothing counted.
  public init() {}

  /// Memory: `memory.usage_in_bytes`, `memory.oom_control` and others of version 1; `memory.current`, `memory.events` of 2.
  public struct Memory: Sendable, Hashable {
    /// In use now, caches included.
    public var usage: ByteCount = 0
    /// The most that was in use; nil before Linux 5.19 on version 2.
    public var peak: ByteCount?
    /// The limit; nil without one.
    public var limit: ByteCount?
    /// How often the limit was reached.
    public var limitHits: UInt64 = 0
    /// Processes that the kernel killed for want of memory. Above 0 a container counts as OOM-killed.
    public var oomKills: UInt64 = 0
    /// Pages of files.
    public var cache: ByteCount = 0
    /// Pages of files that were not used lately; `docker stats` takes them off ``usage``.
    public var inactiveFile: ByteCount = 0
    /// Pages of no file.
    public var anonymous: ByteCount = 0
  }

  /// CPU time: `cpuacct.*` and `cpu.stat`.
  public struct CPU: Sendable, Hashable {
    /// CPU time used.
    public var usage: Duration = .zero
    /// The part outside the kernel.
    public var user: Duration = .zero
    /// The part in the kernel.
    public var system: Duration = .zero
    /// Periods with a quota in force in which something ran.
    public var periods: UInt64 = 0
    /// Periods in which the quota was used up.
    public var throttledPeriods: UInt64 = 0
    /// Time spent waiting for the next period.
    public var throttled: Duration = .zero
  }

  /// Processes and threads: `pids.*`.
  public struct Pids: Sendable, Hashable {
    /// Alive now.
    public var current: UInt64 = 0
    /// The most that were alive; nil before Linux 6.1.
    public var peak: UInt64?
    /// The limit; nil without one.
    public var limit: UInt64?
    /// How often a fork was refused.
    public var limitHits: UInt64 = 0
  }

  /// Block I/O of all devices: `blkio.throttle.*`, `io.stat`.
  public struct IO: Sendable, Hashable {
    /// Bytes read.
    public var read: ByteCount = 0
    /// Bytes written.
    public var written: ByteCount = 0
    /// Read operations.
    public var reads: UInt64 = 0
    /// Write operations.
    public var writes: UInt64 = 0
  }
}
