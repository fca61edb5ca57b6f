import CContainrLinux
import ContainrCore
import Glibc
import SystemPackage

/// What the calling process may do in one directory of a hierarchy: make cgroups below it, enable controllers for them and
/// move processes (`cgroup-v2.rst` Delegation).
public struct CgroupDelegation: Sendable, Hashable {
  /// The version of the hierarchy.
  public let version: CgroupVersion
  /// The directory.
  public let directory: FilePath
  /// Its path below the mount point; nil for the hierarchy's root.
  public let path: CgroupPath?
  /// The user who owns it.
  public let owner: UInt32
  /// A service manager has marked it as handed over: the extended attribute `user.delegate` or `trusted.delegate`, which
  /// systemd sets for `Delegate=yes`. A container's own tree, for one, has none.
  public let isMarked: Bool
  /// The caller may make directories.
  public let canMakeCgroups: Bool
  /// The caller may move processes into it: `cgroup.procs` can be written.
  public let canMoveProcesses: Bool
  /// The caller may give controllers to cgroups below: `cgroup.subtree_control` can be written. True on version 1, where
  /// they have all that the hierarchy has.
  public let canEnableControllers: Bool
  /// The controllers that cgroups below can have: `cgroup.controllers`.
  public let controllers: CgroupControllers
  /// Those that are enabled for cgroups below already: `cgroup.subtree_control`.
  public let enabled: CgroupControllers

  /// Whether the caller can use all of it: the directory is the caller's as far as the kernel is concerned.
  public var isDelegated: Bool { canMakeCgroups && canMoveProcesses && canEnableControllers }

  init(_ place: CgroupDirectory, path: CgroupPath?, hierarchy: CgroupControllers) throws(ContainrError) {
    version = place.version
    directory = FilePath(place.path)
    self.path = path
    var status = stat()
    guard stat(place.path, &status) == 0 else {
      throw .errno(.current, .cgroupStatistics, "looking at the cgroup \(place.path)", call: "stat(2)")
    }
    owner = status.st_uid
    isMarked = cl_has_mark(place.path, "trusted.delegate") == 1 || cl_has_mark(place.path, "user.delegate") == 1
    func may(_ path: String, _ mode: CInt) -> Bool { faccessat(AT_FDCWD, path, mode, AT_EACCESS) == 0 }
    canMakeCgroups = may(place.path, W_OK | X_OK)
    canMoveProcesses = may(place.file("cgroup.procs"), W_OK)
    switch place.version {
    case .v1:
      canEnableControllers = canMakeCgroups
      controllers = hierarchy
      enabled = hierarchy
    case .v2:
      canEnableControllers = may(place.file("cgroup.subtree_control"), W_OK)
      controllers = CgroupControllers(list: Array(try place.read("cgroup.controllers").utf8), version: .v2)
      enabled = CgroupControllers(list: Array(try place.readIfPresent("cgroup.subtree_control")?.utf8 ?? "".utf8), version: .v2)
    }
  }
}

extension CgroupDelegation: CustomStringConvertible {
  /// `v2 /sys/fs/cgroup/user.slice: delegated, cpu,memory,pids`.
  public var description: String {
    let state =
      isDelegated
      ? (isMarked ? "delegated, marked" : "delegated")
      : canMakeCgroups ? "cgroups can be made, but not given controllers or processes" : "not delegated"
    let names = controllers.isEmpty ? "no controllers" : controllers.names(version).joined(separator: ",")
    return "v\(version.rawValue) \(directory): \(state), \(names)"
  }
}

extension CgroupLayout {
  /// What the calling process may do in a directory of the version 2 hierarchy; nil without that hierarchy.
  ///
  /// - Parameter path: the cgroup; the hierarchy's root unless told.
  /// - Throws: `CGROUP_STATISTICS` where it is not there.
  public func delegation(of path: CgroupPath? = nil) throws(ContainrError) -> CgroupDelegation? {
    guard let unified else { return nil }
    return try CgroupDelegation(unified.place(path), path: path, hierarchy: unified.controllers)
  }

  /// Where the calling process may make cgroups: for each hierarchy the topmost directory, from its root down to the caller's
  /// own cgroup, that is delegated; the caller's own cgroup where none is.
  ///
  /// - Throws: `IO_FAILURE` where /proc cannot be read, `CGROUP_STATISTICS`.
  public func delegations() throws(ContainrError) -> [CgroupDelegation] {
    try delegations(of: String(decoding: try FileContents.read("/proc/self/cgroup"), as: UTF8.self))
  }

  /// - Parameter memberships: lines `3:cpu,cpuacct:/user.slice` as in `/proc/<pid>/cgroup` (`cgroups(7)`).
  func delegations(of memberships: String) throws(ContainrError) -> [CgroupDelegation] {
    var found: [CgroupDelegation] = []
    for hierarchy in hierarchies {
      var own: Substring = ""
      for line in memberships.split(separator: "\n") {
        let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
        guard fields.count == 3 else { continue }
        let controllers = CgroupControllers(list: Array(fields[1].utf8), version: .v1)
        if hierarchy.version == .v2 ? fields[0] == "0" : !controllers.isDisjoint(with: hierarchy.controllers) {
          own = fields[2]
        }
      }
      var path: CgroupPath?
      var last = try CgroupDelegation(hierarchy.place(nil), path: nil, hierarchy: hierarchy.controllers)
      for component in own.split(separator: "/") {
        // Where only a part of the hierarchy is mounted, the caller's path need not be in it.
        let next = try CgroupPath((path.map { "\($0)/" } ?? "") + component)
        guard !last.isDelegated, access(hierarchy.place(next).path, F_OK) == 0 else { break }
        last = try CgroupDelegation(hierarchy.place(next), path: next, hierarchy: hierarchy.controllers)
        path = next
      }
      found.append(last)
    }
    return found
  }
}

extension CgroupHierarchy {
  /// A cgroup's directory, or the root's.
  fileprivate func place(_ path: CgroupPath?) -> CgroupDirectory {
    path.map { directory($0) } ?? CgroupDirectory(path: mountPoint, version: version, isSimulated: isSimulated)
  }
}
