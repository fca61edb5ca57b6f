import ContainrCore
import SystemPackage

extension Cgroup {
  /// Reads what the cgroup uses and has used. ``CgroupSampler`` does it again and again for less.
  ///
  /// - Throws: `CGROUP_STATISTICS` where the cgroup is gone, or a file cannot be read or has another form than documented.
  public func statistics() throws(ContainrError) -> CgroupStatistics {
    guard let statistics = try CgroupSampler(self).sample() else {
      throw .errno(
        .noSuchFileOrDirectory, .cgroupStatistics, "reading the statistics of the cgroup \(path)", call: "openat(2)",
        hint: "the cgroup is gone")
    }
    return statistics
  }

  /// The statistics at regular times, until the cgroup is removed.
  ///
  /// ```swift
  /// for try await sample in cgroup.statistics(every: .seconds(1)) { print(sample.cpuPercent ?? 0) }
  /// ```
  ///
  /// - Parameters:
  ///   - interval: the time between two samples.
  ///   - clock: what measures it.
  public func statistics<C: Clock>(
    every interval: Duration, clock: C = ContinuousClock()
  ) -> CgroupSamples<C> where C.Duration == Duration {
    CgroupSamples(cgroup: self, interval: interval, clock: clock)
  }

  /// Reads back the limits that are in force, as the kernel rounded them. Device rules cannot be read back.
  ///
  /// - Throws: `CGROUP_STATISTICS`.
  public func limits() throws(ContainrError) -> CgroupResources {
    var resources = CgroupResources()
    for place in places {
      for files in controllerFiles where place.controllers.contains(files.controller) {
        try files.readLimits(into: &resources, from: place.directory)
      }
    }
    return resources
  }

  /// How many processes the kernel killed for want of memory: one small read, for the moment a container ends.
  ///
  /// - Throws: `CGROUP_STATISTICS`.
  public func oomKills() throws(ContainrError) -> UInt64 {
    guard let place = places.first(where: { $0.controllers.contains(.memory) }) else { return 0 }
    let name = place.directory.version == .v1 ? "memory.oom_control" : "memory.events"
    return try place.directory.table(name)["oom_kill"] ?? 0
  }
}
