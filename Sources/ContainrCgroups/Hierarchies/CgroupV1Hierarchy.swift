import ContainrCore
import Glibc
import SystemPackage

/// A version 1 hierarchy with the controllers that are attached to it (`cgroup-v1/cgroups.rst`).
public struct CgroupV1Hierarchy: CgroupHierarchy {
  /// Where it is mounted.
  public var mountPoint: String
  /// The controllers, co-mounted: `cpu,cpuacct`.
  public var controllers: CgroupControllers
  /// Ordinary directories stand for the hierarchy.
  public var isSimulated: Bool

  /// Version 1.
  public var version: CgroupVersion { .v1 }

  /// Describes a hierarchy.
  public init(mountPoint: String, controllers: CgroupControllers, isSimulated: Bool = false) {
    self.mountPoint = mountPoint
    self.controllers = controllers
    self.isSimulated = isSimulated
  }

  /// Makes the directory of `path` and what is missing above it. A `cpuset` directory gets its parent's CPUs and memory
  /// nodes: a new one has none, and no process can join it so.
  public func makeDirectory(
    _ path: CgroupPath, controllers wanted: CgroupControllers, made: inout [String]
  ) throws(ContainrError) {
    let target = directory(path)
    // Others may remove an empty parent between the two calls: look again then.
    for _ in 0..<8 {
      if mkdir(target.path, 0o755) == 0 {
        made.append(target.path)
        if controllers.contains(.cpuset) { try CpusetController.inheritFromParent(target) }
        return
      }
      let errno = Errno.current
      guard errno == .noSuchFileOrDirectory, let parent = path.parent else { throw createFailed(errno, target.path) }
      do throws(ContainrError) {
        try makeDirectory(parent, controllers: wanted, made: &made)
      } catch {
        if error.systemCall?.errno != .fileExists { throw error }
      }
    }
    throw createFailed(.noSuchFileOrDirectory, target.path)
  }
}
