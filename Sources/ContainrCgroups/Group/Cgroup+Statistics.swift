import ContainrCore

extension Cgroup {
  /// Reads what the cgroup uses and has used.
  ///
  /// - Throws: `CGROUP_STATISTICS` where a file cannot be read or has another form than documented.
  public func statistics() throws(ContainrError) -> CgroupStatistics {
    var statistics = CgroupStatistics()
    for place in places {
      for files in controllerFiles where place.controllers.contains(files.controller) {
        try files.readStatistics(into: &statistics, from: place.directory)
      }
    }
    return statistics
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
