import ContainrCore
import SystemPackage

/// `cpuset.*` (`cgroup-v1/cpusets.rst`, `cgroup-v2.rst` Cpuset).
enum CpusetController: ControllerFiles {
  static var controller: CgroupControllers { .cpuset }

  static func apply(_ resources: CgroupResources, to directory: CgroupDirectory) throws(ContainrError) {
    if let cpus = resources.cpuset.cpus { try directory.write("cpuset.cpus", cpus, hint: hint) }
    if let mems = resources.cpuset.mems { try directory.write("cpuset.mems", mems, hint: hint) }
  }

  /// Gives a new version 1 directory the CPUs and memory nodes of its parent.
  static func inheritFromParent(_ directory: CgroupDirectory) throws(ContainrError) {
    guard !directory.isSimulated, let slash = directory.path.lastIndex(of: "/") else { return }
    let parent = CgroupDirectory(path: String(directory.path[..<slash]), version: .v1)
    for name in ["cpuset.cpus", "cpuset.mems"] {
      // cgroup.clone_children may have done it.
      if try directory.read(name, .cgroupCreate).isEmpty {
        try directory.write(name, try parent.read(name, .cgroupCreate), .cgroupCreate)
      }
    }
  }

  private static func hint(_ errno: Errno) -> String? {
    switch errno {
    case .invalidArgument, .permissionDenied, .outOfRange:
      "a list such as 0-3,8 of what this machine has and the parent cgroup allows"
    case .noSpace: "the cgroup has processes, and the list would leave them no CPU or no memory node"
    case .resourceBusy: "a child cgroup uses what the list leaves out"
    default: nil
    }
  }

  static func readLimits(into resources: inout CgroupResources, from directory: CgroupDirectory) throws(ContainrError) {
    if let cpus = try directory.readIfPresent("cpuset.cpus"), !cpus.isEmpty { resources.cpuset.cpus = cpus }
    if let mems = try directory.readIfPresent("cpuset.mems"), !mems.isEmpty { resources.cpuset.mems = mems }
  }
}
