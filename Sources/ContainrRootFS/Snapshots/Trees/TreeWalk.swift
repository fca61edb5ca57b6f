import CContainrLinux
import ContainrCore
import Glibc
import SystemPackage

/// A walk over a file tree by descriptors: it follows no link, leaves no mount, and is as deep as the tree.
///
/// Directories near the top stay open on the way down. Below, one descriptor follows the walk, and `..` leads back; that it
/// led to the same directory is checked.
struct TreeWalk: ~Copyable {
  /// How many levels keep their descriptors.
  static let openLevels = 32

  enum Step {
    /// Something that is no directory. The descriptor is the directory that it is in.
    case file([CChar], directory: CInt, stat)
    /// A directory begins. The descriptor is the new one, valid until the next step.
    case enter([CChar], directory: CInt, stat)
    /// A directory ends.
    case leave(directory: CInt, stat)
    /// Something that was listed was not there any more.
    case vanished
  }

  private struct Level {
    var rest: [[CChar]]
    var status: stat
    /// -1 while the walk is below and this level is not kept open.
    var descriptor: CInt
  }

  private let path: String
  private let isLive: Bool
  private var levels: [Level] = []
  /// A directory that was left and is closed with the next step.
  private var left: CInt = -1

  /// Stands before the first entry of a directory, whose own end is the last step.
  ///
  /// - Parameter isLive: whether others may change the tree meanwhile: what vanishes is passed over then.
  init(_ root: FilePath, isLive: Bool = false) throws(ContainrError) {
    path = root.string
    self.isLive = isLive
    let directory = try OwnedDescriptor.open(root, flags: O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
    var status = stat()
    guard fstat(directory.rawValue, &status) == 0 else {
      throw .errno(.current, .ioFailure, "reading \(root)", call: "fstat(2)")
    }
    let names = try FileTree.rawNames(in: directory.rawValue, path: path)
    levels = [Level(rest: names, status: status, descriptor: directory.release())]
  }

  deinit {
    if left >= 0 { close(left) }
    for level in levels where level.descriptor >= 0 { close(level.descriptor) }
  }

  /// The next step; nil when the walk is over.
  mutating func next() throws(ContainrError) -> Step? {
    if left >= 0 {
      close(left)
      left = -1
    }
    guard let top = levels.indices.last else { return nil }
    if levels[top].descriptor < 0 { try reopen(top) }
    let directory = levels[top].descriptor
    guard let name = levels[top].rest.popLast() else {
      // Its descriptor leads to the directory above in the next step.
      if top > 0, levels[top - 1].descriptor < 0 { try reopen(top - 1, from: directory) }
      left = directory
      let status = levels.removeLast().status
      return .leave(directory: directory, status)
    }
    var status = stat()
    guard fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else {
      if isLive, Errno.current == .noSuchFileOrDirectory { return .vanished }
      throw .errno(.current, .ioFailure, "reading a file below \(path)", call: "fstatat(2)")
    }
    guard status.st_mode & S_IFMT == S_IFDIR else { return .file(name, directory: directory, status) }
    let result = cl_openat2(
      directory, name, UInt64(O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), 0,
      UInt64(RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH | RESOLVE_NO_XDEV))
    if isLive, [ENOENT, ENOTDIR, ELOOP].contains(-result) { return .vanished }
    let opened = try check(result, .ioFailure, "openat2(2)", "opening a directory below \(path)")
    levels.append(Level(rest: [], status: status, descriptor: opened))
    do throws(ContainrError) {
      levels[top + 1].rest = try FileTree.rawNames(in: opened, path: path)
    } catch  where isLive && error.systemCall?.errno == .noSuchFileOrDirectory {
      // Removed since it was opened, and so empty.
    }
    if top >= Self.openLevels {
      close(levels[top].descriptor)
      levels[top].descriptor = -1
    }
    return .enter(name, directory: opened, status)
  }

  private mutating func reopen(_ index: Int, from child: CInt = -1) throws(ContainrError) {
    let result = cl_openat(child, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0)
    levels[index].descriptor = try check(result, .ioFailure, "openat(2)", "going back up in \(path)")
    var status = stat()
    guard fstat(levels[index].descriptor, &status) == 0 else {
      throw .errno(.current, .ioFailure, "reading \(path)", call: "fstat(2)")
    }
    guard status.st_ino == levels[index].status.st_ino, status.st_dev == levels[index].status.st_dev else {
      throw ContainrError(.pathEscape, "walking \(path)", hint: "something moved a directory in it meanwhile")
    }
  }
}
