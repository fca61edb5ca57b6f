import ContainrCore
import SystemPackage

/// `pids.*` (`cgroup-v1/pids.rst`, `cgroup-v2.rst` PID): the same on both versions.
enum PidsController: ControllerFiles {
  static var controller: CgroupControllers { .pids }

  static func apply(_ resources: CgroupResources, to limits: inout LimitWriter) throws(ContainrError) {
    guard let limit = resources.pids.limit else { return }
    try limits.write("pids.max", limit.text(.v2)) { errno in
      errno == .invalidArgument ? "0 to 4194304, or max" : nil
    }
  }

  static func readLimits(into resources: inout CgroupResources, from directory: CgroupDirectory) throws(ContainrError) {
    resources.pids.limit = try directory.limit("pids.max")
  }

  static func readStatistics(
    into statistics: inout CgroupStatistics, from files: CounterFiles
  ) throws(ContainrError) {
    var pids = CgroupStatistics.Pids()
    pids.current = try files.number("pids.current") ?? 0
    pids.peak = try files.number("pids.peak")
    pids.limit = try files.number("pids.max")
    try files.table("pids.events") { (key, value) throws(ContainrError) in
      if case "max" = key { pids.limitHits = try value.number() }
    }
    statistics.pids = pids
  }
}
