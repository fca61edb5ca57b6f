import CContainrLinux
import ContainrCore
import Glibc
import SystemPackage

/// Counts what trees take on disk.
struct TreeUsage {
  /// The count.
  private(set) var usage = SnapshotUsage()
  /// The marks of overlayfs that were found.
  private(set) var features: OverlayFeatures = []

  private struct Identity: Hashable {
    var device: dev_t
    var inode: ino_t
  }
  private struct Time: Hashable {
    var seconds: Int
    var nanoseconds: Int
  }

  private let looksForFeatures: Bool
  /// Whether data that a file shares with others counts. Asking the file system for the difference costs two calls a file.
  private var countsSharedData: Bool
  private var seen: Set<Identity> = []
  private var before: [ino_t: Time] = [:]

  init(looksForFeatures: Bool = false, countsSharedData: Bool = true) {
    self.looksForFeatures = looksForFeatures
    self.countsSharedData = countsSharedData
  }

  /// Leaves out what is unchanged in a tree that began as this one, with the same inode numbers.
  mutating func compare(with root: FilePath) throws(ContainrError) {
    var walk = try TreeWalk(root)
    while let step = try walk.next() {
      switch step {
      case .file(_, _, let status), .leave(_, let status): before[status.st_ino] = Self.changeTime(status)
      case .enter, .vanished: break
      }
    }
  }

  private static func changeTime(_ status: stat) -> Time {
    Time(seconds: status.st_ctim.tv_sec, nanoseconds: status.st_ctim.tv_nsec)
  }

  /// Counts a tree, its topmost directory too.
  mutating func add(_ root: FilePath) throws(ContainrError) {
    // A container may be at work in it.
    var walk = try TreeWalk(root, isLive: true)
    while let step = try walk.next() {
      switch step {
      case .file(let name, let directory, let status): try add(status, directory, name)
      case .leave(let directory, let status): try add(status, directory, nil)
      case .enter, .vanished: break
      }
    }
  }

  private mutating func add(_ status: stat, _ directory: CInt, _ name: [CChar]?) throws(ContainrError) {
    if before[status.st_ino] == Self.changeTime(status) { return }
    if name != nil, status.st_nlink > 1,
      !seen.insert(Identity(device: status.st_dev, inode: status.st_ino)).inserted
    {
      return
    }
    usage.inodes += 1
    usage.size.bytes += try bytes(status, directory, name)
    guard looksForFeatures else { return }
    let type = status.st_mode & S_IFMT
    guard type == S_IFREG || type == S_IFDIR else { return }
    let path = TreeClone.path(directory, name)
    if lgetxattr(path, "trusted.overlay.redirect", nil, 0) >= 0 { features.insert(.redirects) }
    if lgetxattr(path, "trusted.overlay.metacopy", nil, 0) >= 0 { features.formUnion([.metacopy, .redirects]) }
  }

  private mutating func bytes(_ status: stat, _ directory: CInt, _ name: [CChar]?) throws(ContainrError) -> UInt64 {
    let all = UInt64(status.st_blocks) * 512
    guard !countsSharedData, let name, status.st_mode & S_IFMT == S_IFREG, all > 0 else { return all }
    let flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC
    let opened = cl_openat(directory, name, flags, 0)
    if opened == -ENOENT || opened == -ELOOP { return all }
    let file = OwnedDescriptor(owning: try check(opened, .ioFailure, "openat(2)", "counting a file"))
    let exclusive = cl_exclusive_bytes(file.rawValue)
    if exclusive == -Int64(EOPNOTSUPP) || exclusive == -Int64(ENOTTY) {
      // Such as tmpfs, which shares nothing.
      countsSharedData = true
      return all
    }
    return UInt64(try check(exclusive, .ioFailure, "ioctl(FS_IOC_FIEMAP)", "counting a file"))
  }
}
