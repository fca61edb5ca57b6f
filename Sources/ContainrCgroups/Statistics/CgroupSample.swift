import ContainrCore

/// One element of ``CgroupSamples``.
public struct CgroupSample: Sendable, Hashable {
  /// What the cgroup uses and has used.
  public var statistics: CgroupStatistics
  /// The time since the sample before; nil for the first one.
  public var elapsed: Duration?
  /// The CPU time since the sample before, in hundredths of one CPU; nil for the first one and without a counter.
  public var cpuPercent: Double?
}
