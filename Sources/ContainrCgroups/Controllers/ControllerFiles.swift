import ContainrCore

/// The files of one controller: how its limits are written and read back, and what it counts.
protocol ControllerFiles: SendableMetatype {
  /// The controller.
  static var controller: CgroupControllers { get }
  /// Writes the limits that are set.
  static func apply(_ resources: CgroupResources, to limits: inout LimitWriter) throws(ContainrError)
  /// Reads the limits that are in force.
  static func readLimits(into resources: inout CgroupResources, from directory: CgroupDirectory) throws(ContainrError)
  /// Reads what is counted.
  static func readStatistics(
    into statistics: inout CgroupStatistics, from files: CounterFiles
  ) throws(ContainrError)
}

extension ControllerFiles {
  static func readLimits(into resources: inout CgroupResources, from directory: CgroupDirectory) throws(ContainrError) {}
  static func readStatistics(
    into statistics: inout CgroupStatistics, from files: CounterFiles
  ) throws(ContainrError) {}
}

/// The controllers that have limits or counters here, in the order in which limits are written. A further one is a further
/// file and a line in this list.
///
/// Devices are last: a change of them that is taken back could allow more than before, as the kernel does not show all rules.
let controllerFiles: [any ControllerFiles.Type] = [
  MemoryController.self, CPUController.self, CpuacctController.self, CpusetController.self, PidsController.self,
  BlkioController.self, HugetlbController.self, RDMAController.self, MiscController.self, NetClsController.self,
  NetPrioController.self, UnifiedController.self, DevicesController.self,
]
