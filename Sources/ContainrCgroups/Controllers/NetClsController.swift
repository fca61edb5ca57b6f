import ContainrCore
import SystemPackage

/// `net_cls.classid` (`cgroup-v1/net_cls.rst`). Version 1 only: version 2 has eBPF programs instead.
enum NetClsController: ControllerFiles {
  static var controller: CgroupControllers { .netCls }

  static func apply(_ resources: CgroupResources, to limits: inout LimitWriter) throws(ContainrError) {
    guard let id = resources.network.classID else { return }
    try limits.write("net_cls.classid", String(id))
  }

  static func readLimits(into resources: inout CgroupResources, from directory: CgroupDirectory) throws(ContainrError) {
    resources.network.classID = try directory.number("net_cls.classid").map { UInt32(truncatingIfNeeded: $0) }
  }
}
