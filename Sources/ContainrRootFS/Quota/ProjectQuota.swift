import CContainrLinux
import ContainrCore
import Glibc
import SystemPackage

/// A limit on what a directory holds, such as the writable layer of a container: a project quota of ext4 or xfs.
///
/// The file system counts everything below the directory as one project. A write past the limit fails with `EDQUOT`, and
/// the directory's owner sees it as `statfs(2)` of a disk of that size.
///
/// Needs CAP_SYS_ADMIN over the file system, Linux 5.14 (quotactl_fd(2)), and a file system mounted with `prjquota`.
public struct ProjectQuota: Hashable, Sendable {
  /// The number that the file system counts under, from 1 on. Nobody else's on this file system.
  public var project: UInt32
  /// The most that the files take up on disk, in steps of 1024 bytes; nil is no limit.
  public var space: ByteCount?
  /// The most files, directories and links; nil is no limit.
  public var inodes: UInt64?

  /// Describes limits.
  public init(project: UInt32, space: ByteCount? = nil, inodes: UInt64? = nil) {
    self.project = project
    self.space = space
    self.inodes = inodes
  }

  /// Sets the limits, and puts a directory into the project. What is made in it from now on belongs there; what is in it
  /// already does not, so a new layer is limited while it is empty.
  ///
  /// - Throws: `UNSUPPORTED` where the file system, or the way it is mounted, has no project quotas; `INVALID_ARGUMENT` for
  ///   project 0; `PERMISSION_DENIED`.
  public func apply(to directory: FilePath) throws(ContainrError) {
    let activity = "limiting what \(directory) holds"
    guard project != 0 else {
      throw ContainrError(.invalidArgument, activity, hint: "project 0 is what belongs to no project")
    }
    let descriptor = try Self.open(directory)
    // The limit first: from the moment that the directory counts, it holds.
    var quota = cl_quota()
    quota.space_limit = space.map { ($0.bytes >> 10) + ($0.bytes & 1023 == 0 ? 0 : 1) } ?? 0
    quota.soft_space_limit = quota.space_limit
    quota.inode_limit = inodes ?? 0
    quota.soft_inode_limit = quota.inode_limit
    try Self.supported(cl_quota_set(descriptor.rawValue, project, &quota), "quotactl_fd(2)", activity)
    try Self.supported(cl_project_set(descriptor.rawValue, project), "ioctl(2)", activity)
  }

  /// What a project holds, by the file system's own count.
  ///
  /// - Parameter directory: any directory of the file system.
  /// - Throws: as ``apply(to:)``.
  public static func usage(ofProject project: UInt32, at directory: FilePath) throws(ContainrError) -> DirectoryUsage {
    var quota = cl_quota()
    let place = try open(directory)
    try supported(
      cl_quota_get(place.rawValue, project, &quota), "quotactl_fd(2)", "counting the project \(project)")
    return DirectoryUsage(space: ByteCount(quota.space), inodes: quota.inodes)
  }

  /// The project that a directory is in; nil where it is in none.
  ///
  /// - Throws: `UNSUPPORTED` on a file system that knows no projects.
  public static func project(of directory: FilePath) throws(ContainrError) -> UInt32? {
    var project: UInt32 = 0
    let place = try open(directory)
    try supported(cl_project_get(place.rawValue, &project), "ioctl(2)", "reading the project of \(directory)")
    return project == 0 ? nil : project
  }

  private static func open(_ directory: FilePath) throws(ContainrError) -> OwnedDescriptor {
    try OwnedDescriptor.open(directory, flags: O_RDONLY | O_DIRECTORY)
  }

  private static func supported(_ result: CInt, _ call: String, _ activity: String) throws(ContainrError) {
    switch -result {
    // No such call, no quotas in the kernel, none in the file system, none on this mount.
    case ENOSYS, ENOTTY, EOPNOTSUPP, ESRCH, EINVAL:
      throw ContainrError(
        .unsupported, activity, systemCall: SystemCall(call, Errno(rawValue: -result)),
        hint: "project quotas need ext4 (feature project) or xfs, mounted with prjquota, and Linux 5.14")
    default: try check(result, .ioFailure, call, activity)
    }
  }
}
