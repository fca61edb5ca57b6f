import ContainrCore

/// The counters of CPU time: `cpuacct.*` (`cgroup-v1/cpuacct.rst`) and the part of `cpu.stat` that every version 2
/// directory has without a controller.
enum CpuacctController: ControllerFiles {
  static var controller: CgroupControllers { .cpuacct }

  static func apply(_ resources: CgroupResources, to limits: inout LimitWriter) throws(ContainrError) {}

  static func readStatistics(
    into statistics: inout CgroupStatistics, from files: CounterFiles
  ) throws(ContainrError) {
    var cpu = statistics.cpu ?? CgroupStatistics.CPU()
    switch files.directory.version {
    case .v1:
      cpu.usage = .nanoseconds(Int64(clamping: try files.number("cpuacct.usage") ?? 0))
      cpu.user = .nanoseconds(Int64(clamping: try files.number("cpuacct.usage_user") ?? 0))
      cpu.system = .nanoseconds(Int64(clamping: try files.number("cpuacct.usage_sys") ?? 0))
    case .v2:
      if !files.isRead("cpu.stat") { try CPUController.readTable(into: &cpu, from: files) }
    }
    statistics.cpu = cpu
  }
}
