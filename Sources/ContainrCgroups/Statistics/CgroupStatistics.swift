import ContainrCore

/// What a cgroup uses and has used. A part is nil where its controller is not there.
///
/// Counters count from the making of the cgroup on, and include the cgroups below it, but for those of version 1 that say
/// otherwise.
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
  /// How long processes had to wait for resources. Only where the cgroup has a version 2 directory.
  public var pressure: Pressure?

  /// Nothing counted.
  public init() {}

  /// Memory: `memory.usage_in_bytes`, `memory.stat`, `memory.oom_control` and others of version 1; `memory.current`,
  /// `memory.stat`, `memory.events` and others of version 2.
  public struct Memory: Sendable, Hashable {
    /// Nothing counted.
    public init() {}

    /// In use now, caches included.
    public var usage: ByteCount = 0
    /// The most that was in use; nil before Linux 5.19 on version 2.
    public var peak: ByteCount?
    /// The limit; nil without one.
    public var limit: ByteCount?
    /// How often the limit was reached.
    public var limitHits: UInt64 = 0
    /// How often processes were slowed above `memory.high`; 0 on version 1, which has none.
    public var highHits: UInt64 = 0
    /// Processes that the kernel killed for want of memory. Above 0 a container counts as OOM-killed. Version 1 does not
    /// count those in cgroups below.
    public var oomKills: UInt64 = 0
    /// Pages of files.
    public var cache: ByteCount = 0
    /// Pages of files that were not used lately.
    public var inactiveFile: ByteCount = 0
    /// Pages of no file: what processes allocated. Version 1 calls it rss.
    public var anonymous: ByteCount = 0
    /// Swapped out.
    public var swap: ByteCount = 0
    /// Used by the kernel for the cgroup: stacks, page tables, slabs.
    public var kernel: ByteCount = 0
    /// Page faults.
    public var pageFaults: UInt64 = 0
    /// Page faults that had to read from a disk.
    public var majorPageFaults: UInt64 = 0

    /// What cannot be dropped at once: ``usage`` without ``inactiveFile``, as `docker stats` shows it.
    public var workingSet: ByteCount { ByteCount(usage.bytes - min(usage.bytes, inactiveFile.bytes)) }

    /// The working set in hundredths of the limit; nil without a limit.
    public var percent: Double? {
      guard let limit, limit.bytes > 0 else { return nil }
      return 100 * Double(workingSet.bytes) / Double(limit.bytes)
    }
  }

  /// CPU time: `cpuacct.*` and `cpu.stat`.
  public struct CPU: Sendable, Hashable {
    /// Nothing counted.
    public init() {}

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

    /// The CPU time between two samples in hundredths of one CPU: 150 is one and a half. 0 where no time passed.
    ///
    /// - Parameters:
    ///   - earlier: the earlier sample of the same cgroup.
    ///   - elapsed: the time between the two.
    public func percent(since earlier: CPU, over elapsed: Duration) -> Double {
      guard elapsed > .zero, usage > earlier.usage else { return 0 }
      return 100 * ((usage - earlier.usage) / elapsed)
    }
  }

  /// Processes and threads: `pids.*`.
  public struct Pids: Sendable, Hashable {
    /// Nothing counted.
    public init() {}

    /// Alive now.
    public var current: UInt64 = 0
    /// The most that were alive; nil before Linux 6.1.
    public var peak: UInt64?
    /// The limit; nil without one.
    public var limit: UInt64?
    /// How often a fork was refused.
    public var limitHits: UInt64 = 0
  }

  /// Pressure stall information (`accounting/psi.rst`, `cgroup-v2.rst`): a resource is nil where the kernel does not say.
  public struct Pressure: Sendable, Hashable {
    /// Waiting for a CPU: `cpu.pressure`.
    public var cpu: PressureStatistics?
    /// Waiting for memory: `memory.pressure`.
    public var memory: PressureStatistics?
    /// Waiting for I/O: `io.pressure`.
    public var io: PressureStatistics?
  }
}
