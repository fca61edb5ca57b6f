import ContainrCore
import Glibc
import SystemPackage

/// The version 2 hierarchy, also called unified (`cgroup-v2.rst`).
public struct CgroupV2Hierarchy: CgroupHierarchy {
  /// Where it is mounted.
  public var mountPoint: String
  /// The controllers that the mounted root offers, `cgroup.controllers`.
  public var controllers: CgroupControllers
  /// Ordinary directories stand for the hierarchy.
  public var isSimulated: Bool

  /// Version 2.
  public var version: CgroupVersion { .v2 }

  /// What every version 2 directory can do without a controller: core files, freezing, device programs, CPU usage.
  static let core: CgroupControllers = [.unified, .freezer, .devices, .cpuacct]

  /// Describes the hierarchy.
  public init(mountPoint: String, controllers: CgroupControllers, isSimulated: Bool = false) {
    self.mountPoint = mountPoint
    self.controllers = controllers
    self.isSimulated = isSimulated
  }

  /// Makes the directory of `path` and what is missing above it, and enables the controllers in `cgroup.subtree_control`
  /// of every directory on the way.
  public func makeDirectory(
    _ path: CgroupPath, controllers wanted: CgroupControllers, made: inout [String]
  ) throws(ContainrError) {
    let enable = wanted.intersection(controllers)
    var root = CgroupDirectory(path: mountPoint, version: .v2, isSimulated: isSimulated)
    root.isSimulated = isSimulated
    if !enable.isEmpty { try self.enable(enable, in: root) }
    try make(path, enable, made: &made)
  }

  private func make(
    _ path: CgroupPath, _ enable: CgroupControllers, made: inout [String]
  ) throws(ContainrError) {
    let target = directory(path)
    // With controllers to enable, the parents are visited from the top; without, one call is enough where they exist.
    if let parent = path.parent, !enable.isEmpty {
      try makeParent(parent, enable, made: &made)
      try self.enable(enable, in: directory(parent))
    }
    for _ in 0..<8 {
      if mkdir(target.path, 0o755) == 0 {
        made.append(target.path)
        return
      }
      let errno = Errno.current
      guard errno == .noSuchFileOrDirectory, let parent = path.parent else { throw createFailed(errno, target.path) }
      try makeParent(parent, enable, made: &made)
    }
    throw createFailed(.noSuchFileOrDirectory, target.path)
  }

  private func makeParent(
    _ parent: CgroupPath, _ enable: CgroupControllers, made: inout [String]
  ) throws(ContainrError) {
    do throws(ContainrError) { try make(parent, enable, made: &made) } catch {
      if error.systemCall?.errno != .fileExists { throw error }
    }
  }

  private func enable(_ controllers: CgroupControllers, in directory: CgroupDirectory) throws(ContainrError) {
    let text = controllers.names(.v2).map { "+" + $0 }.joined(separator: " ")
    try directory.write("cgroup.subtree_control", text, .cgroupCreate) { errno in
      switch errno {
      case .resourceBusy:
        "\(directory.path) has processes of its own: move them into a child first (cgroup-v2.rst, No Internal Process Constraint)"
      case .noSuchFileOrDirectory:
        "a controller of \(text) is not in \(directory.path)/cgroup.controllers: ask for its delegation"
      default: nil
      }
    }
  }
}
