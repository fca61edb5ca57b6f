import ContainrCore
import Glibc

extension CgroupLayout {
  /// The controllers that the calling process may make cgroups with below `path`, by the kernel's permission check.
  ///
  /// For a report to people; ``Cgroup/create(_:layout:resources:controllers:adopting:)`` finds out by itself.
  ///
  /// - Parameter path: a cgroup that was delegated to the caller; the roots of the hierarchies unless told.
  public func delegatedControllers(below path: CgroupPath? = nil) -> CgroupControllers {
    var set: CgroupControllers = []
    func isWritable(_ hierarchy: some CgroupHierarchy) -> Bool {
      let directory = path.map { hierarchy.directory($0).path } ?? hierarchy.mountPoint
      return faccessat(AT_FDCWD, directory, W_OK | X_OK, AT_EACCESS) == 0
    }
    for hierarchy in v1 where isWritable(hierarchy) { set.formUnion(hierarchy.controllers) }
    if let unified, isWritable(unified) { set.formUnion(unified.controllers.union(CgroupV2Hierarchy.core)) }
    return set
  }
}
