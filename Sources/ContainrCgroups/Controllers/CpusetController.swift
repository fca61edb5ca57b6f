import ContainrCore
import SystemPackage

/// `cpuset.*` (`cgroup-v1/cpusets.rst`, `cgroup-v2.rst` Cpuset).
enum CpusetController: ControllerFiles {
  static var controller: CgroupControllers { .cpuset }

  static func apply(_ resources: CgroupResources, to limits: inout LimitWriter) throws(ContainrError) {
    try write("cpuset.cpus", resources.cpuset.cpus, to: &limits)
    try write("cpuset.mems", resources.cpuset.mems, to: &limits)
  }

  private static func write(
    _ name: String, _ list: CpusetList?, to limits: inout LimitWriter
  ) throws(ContainrError) {
    guard let list else { return }
    guard list.count > 0 else { throw limits.refused("an empty \(name)", "name at least one") }
    let directory = limits.directory
    try limits.write(name, list.description) { errno in
      switch errno {
      case .invalidArgument, .permissionDenied, .outOfRange:
        "a list such as 0-3,8 of what this machine has and the parent cgroup allows\(available(name, directory))"
      case .noSpace: "the cgroup has processes, and the list would leave them no CPU or no memory node"
      case .resourceBusy: "a child cgroup uses what the list leaves out, or the parent lacks it\(available(name, directory))"
      default: nil
      }
    }
  }

  /// What the parent has, for the hint of a refusal: `: 0-1`.
  private static func available(_ name: String, _ directory: CgroupDirectory) -> String {
    guard let slash = directory.path.lastIndex(of: "/") else { return "" }
    let parent = CgroupDirectory(path: String(directory.path[..<slash]), version: directory.version)
    do throws(ContainrError) {
      return ": \(try parent.read(directory.version == .v1 ? name : name + ".effective"))"
    } catch {
      return ""
    }
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

  static func readLimits(into resources: inout CgroupResources, from directory: CgroupDirectory) throws(ContainrError) {
    resources.cpuset.cpus = try list("cpuset.cpus", directory)
    resources.cpuset.mems = try list("cpuset.mems", directory)
  }

  /// What a file shows. An empty one of version 2 leaves what the parent has.
  private static func list(_ name: String, _ directory: CgroupDirectory) throws(ContainrError) -> CpusetList? {
    guard let text = try directory.readIfPresent(name), !text.isEmpty else { return nil }
    return try CpusetList(text)
  }
}
