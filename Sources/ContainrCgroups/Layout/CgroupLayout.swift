import ContainrCore
import SystemPackage

/// Which cgroup hierarchies this machine has and where they are mounted: a value, detected once and then passed on.
///
/// Each controller is attached to one hierarchy at a time; on a *hybrid* machine some are on version 1 and the version 2
/// hierarchy is mounted beside them.
public struct CgroupLayout: Sendable, Hashable {
  /// What the machine has, in one word.
  public enum Kind: String, Sendable, Hashable {
    /// Only version 1 hierarchies are mounted.
    case v1
    /// Only the version 2 hierarchy is mounted.
    case v2
    /// Both are mounted.
    case hybrid
    /// No cgroup file system can be reached.
    case none
  }

  /// The version 1 hierarchies that carry a controller, in the order of the mount table.
  public var v1: [CgroupV1Hierarchy]
  /// The version 2 hierarchy.
  public var unified: CgroupV2Hierarchy?

  /// Describes a layout.
  public init(v1: [CgroupV1Hierarchy] = [], unified: CgroupV2Hierarchy? = nil) {
    self.v1 = v1
    self.unified = unified
  }

  /// Detects the layout of the calling process from its mount table and the root's `cgroup.controllers`.
  ///
  /// Costs one read of `/proc/self/mountinfo` and, with a version 2 mount, one more small read: keep the value.
  /// Mounts that lie below another mount are not counted.
  ///
  /// - Throws: `IO_FAILURE` where /proc cannot be read.
  public static func detect() throws(ContainrError) -> CgroupLayout {
    try CgroupLayout(mountInfo: try FileContents.read("/proc/self/mountinfo"))
  }

  /// Reads a mount table in the form of `/proc/<pid>/mountinfo` (`proc_pid_mountinfo(5)`).
  ///
  /// - Parameters:
  ///   - mountInfo: the table.
  ///   - root: a directory that stands for `/`, in which the mount points are ordinary directories: a simulated machine.
  ///     Files are then made when they are written.
  /// - Throws: `IO_FAILURE` where `cgroup.controllers` of the version 2 mount cannot be read.
  public init(mountInfo: [UInt8], root: FilePath? = nil) throws(ContainrError) {
    self.init()
    let prefix = root?.string ?? ""
    for mount in MountTable(mountInfo).visibleCgroupMounts() {
      let point = prefix + mount.point
      switch mount.version {
      case .v1:
        let controllers = CgroupControllers(list: mount.options, version: .v1)
        guard !controllers.isEmpty, !v1.contains(where: { !$0.controllers.isDisjoint(with: controllers) }) else { continue }
        v1.append(CgroupV1Hierarchy(mountPoint: point, controllers: controllers, isSimulated: root != nil))
      case .v2:
        guard unified == nil else { continue }
        let names = try FileContents.read(FilePath(point + "/cgroup.controllers"))
        unified = CgroupV2Hierarchy(
          mountPoint: point, controllers: CgroupControllers(list: names, version: .v2), isSimulated: root != nil)
      }
    }
  }

  /// What the machine has, in one word.
  public var kind: Kind {
    switch (v1.isEmpty, unified == nil) {
    case (true, true): .none
    case (false, true): .v1
    case (true, false): .v2
    case (false, false): .hybrid
    }
  }

  /// Every controller that can be used, and ``CgroupControllers/unified`` with a version 2 mount.
  ///
  /// Device rules and freezing need no controller on version 2; they are members wherever they work.
  public var controllers: CgroupControllers {
    var set: CgroupControllers = []
    for hierarchy in v1 { set.formUnion(hierarchy.controllers) }
    if let unified { set.formUnion(unified.controllers.union(CgroupV2Hierarchy.core)) }
    return set
  }

  /// The version of the hierarchy that a controller is used on; nil where the machine has it on none.
  public func version(of controller: CgroupControllers) -> CgroupVersion? {
    if v1.contains(where: { $0.controllers.isSuperset(of: controller) }) { return .v1 }
    if let unified, unified.controllers.union(CgroupV2Hierarchy.core).isSuperset(of: controller) { return .v2 }
    return nil
  }

  /// The hierarchies, version 1 first.
  public var hierarchies: [any CgroupHierarchy] {
    var all: [any CgroupHierarchy] = v1
    if let unified { all.append(unified) }
    return all
  }
}

extension CgroupLayout: CustomStringConvertible {
  /// `hybrid: cpu v1 at /sys/fs/cgroup/cpu, …, v2 at /sys/fs/cgroup/unified (hugetlb)`.
  public var description: String {
    var parts = v1.map { "\($0.controllers) v1 at \($0.mountPoint)" }
    if let unified { parts.append("v2 at \(unified.mountPoint) (\(unified.controllers))") }
    return "\(kind.rawValue): " + parts.joined(separator: ", ")
  }
}
