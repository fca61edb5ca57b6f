import ContainrCore
import SystemPackage

/// One mounted cgroup hierarchy: where a ``Cgroup`` has one directory of its own.
public protocol CgroupHierarchy: Sendable, Hashable {
  /// The version of its interface.
  var version: CgroupVersion { get }
  /// Where it is mounted.
  var mountPoint: String { get }
  /// The controllers attached to it.
  var controllers: CgroupControllers { get }
  /// Ordinary directories stand for the hierarchy.
  var isSimulated: Bool { get }

  /// Makes the directory of `path` and what is missing above it, ready to be joined.
  ///
  /// - Parameters:
  ///   - path: the cgroup.
  ///   - controllers: those that the directory must have.
  ///   - made: receives each directory that was not there, before the next step: what an undo must remove, last first.
  /// - Throws: `CGROUP_CREATE`, `CGROUP_CONTROLLER_MISSING`, `PERMISSION_DENIED`.
  func makeDirectory(
    _ path: CgroupPath, controllers: CgroupControllers, made: inout [String]
  ) throws(ContainrError)
}

extension CgroupHierarchy {
  /// The directory of a cgroup.
  func directory(_ path: CgroupPath) -> CgroupDirectory {
    CgroupDirectory(path: mountPoint + "/" + path.description, version: version, isSimulated: isSimulated)
  }

  func createFailed(_ errno: Errno, _ path: String) -> ContainrError {
    let hint: String? =
      switch errno {
      case .readOnlyFileSystem: "\(mountPoint) is mounted read-only: run outside a container, or mount it read-write"
      case .noSpace: "cgroup.max.descendants or cgroup.max.depth above it is reached"
      default: nil
      }
    return .errno(errno, .cgroupCreate, "making the cgroup \(path)", call: "mkdir(2)", hint: hint)
  }
}
