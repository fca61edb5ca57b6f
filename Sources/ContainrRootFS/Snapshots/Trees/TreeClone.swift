import CContainrLinux
import ContainrCore
import Glibc
import SystemPackage

/// Copies a file tree with everything that tar would keep: owners, modes, times, extended attributes and lists, hard links,
/// holes, device nodes, FIFOs, sockets, symbolic links. Data is shared with the source where the file system can.
///
/// Nobody else may change either tree meanwhile.
struct TreeClone: ~Copyable {
  private let path: String
  private let scratch: FilePath
  /// The directories being written, the topmost first; -1 for one that is not kept open.
  private var directories: [CInt]
  /// A name in the scratch directory for each file that may have more names.
  private var links: CInt = -1
  private var linked: [Inode: UInt64] = [:]
  private var clones = true
  private var copiesInKernel = true

  private struct Inode: Hashable {
    var device: dev_t
    var number: ino_t
  }

  /// Makes the directory that the copy goes to.
  ///
  /// - Parameter scratch: a directory beside it that is made and removed.
  init(to root: FilePath, scratch: FilePath) throws(ContainrError) {
    path = root.string
    self.scratch = scratch
    guard mkdir(path, 0o755) == 0, chmod(path, 0o755) == 0 else {
      throw .errno(.current, .ioFailure, "making \(root)", call: "mkdir(2)")
    }
    directories = [try OwnedDescriptor.open(root, flags: O_RDONLY | O_DIRECTORY).release()]
  }

  deinit {
    for descriptor in directories where descriptor >= 0 { close(descriptor) }
    if links >= 0 { close(links) }
  }

  /// Copies all in a directory, and its own attributes.
  mutating func run(from source: FilePath) throws(ContainrError) {
    var walk = try TreeWalk(source)
    while let step = try walk.next() {
      switch step {
      case .file(let name, let directory, let status): try copy(name, directory, status)
      case .enter(let name, _, _): try enter(name)
      case .vanished: break
      case .leave(let directory, let status): try leave(directory, status)
      }
    }
  }

  /// Removes what the copy needed only while it ran.
  consuming func finish() throws(ContainrError) { try FileTree.remove(scratch) }

  // MARK: Directories

  private var top: CInt { directories[directories.count - 1] }

  private mutating func enter(_ name: [CChar]) throws(ContainrError) {
    guard mkdirat(top, name, 0o700) == 0 else { throw failed("mkdirat(2)") }
    let opened = cl_openat(top, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0)
    directories.append(try check(opened, .ioFailure, "openat(2)", activity))
    if directories.count - 2 >= TreeWalk.openLevels {
      close(directories[directories.count - 2])
      directories[directories.count - 2] = -1
    }
  }

  private mutating func leave(_ source: CInt, _ status: stat) throws(ContainrError) {
    let target = top
    if directories.count > 1, directories[directories.count - 2] < 0 {
      let above = cl_openat(target, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0)
      directories[directories.count - 2] = try check(above, .ioFailure, "openat(2)", activity)
    }
    // Its own attributes come last: making the entries changed its times.
    try copyAttributes(Self.path(source, nil), Self.path(target, nil), target, nil, status)
    if directories.count > 1 {
      close(target)
      directories.removeLast()
    }
  }

  // MARK: Files

  private mutating func copy(_ name: [CChar], _ source: CInt, _ status: stat) throws(ContainrError) {
    let inode = Inode(device: status.st_dev, number: status.st_ino)
    if let known = linked[inode] {
      guard linkat(links, String(known), top, name, 0) == 0 else { throw failed("linkat(2)") }
      return
    }
    switch status.st_mode & S_IFMT {
    case S_IFREG: try copyData(name, source, status)
    case S_IFLNK: try copyLink(name, source)
    default:
      guard mknodat(top, name, status.st_mode & S_IFMT | 0o600, status.st_rdev) == 0 else { throw failed("mknodat(2)") }
    }
    try copyAttributes(Self.path(source, name), Self.path(top, name), top, name, status)
    if status.st_nlink > 1 { try remember(inode, name) }
  }

  private mutating func remember(_ inode: Inode, _ name: [CChar]) throws(ContainrError) {
    if links < 0 {
      guard mkdir(scratch.string, 0o700) == 0 else { throw failed("mkdir(2)") }
      links = try OwnedDescriptor.open(scratch, flags: O_RDONLY | O_DIRECTORY).release()
    }
    let number = UInt64(linked.count)
    guard linkat(top, name, links, String(number), 0) == 0 else { throw failed("linkat(2)") }
    linked[inode] = number
  }

  private func copyLink(_ name: [CChar], _ source: CInt) throws(ContainrError) {
    var target = [CChar](repeating: 0, count: 4097)
    guard readlinkat(source, name, &target, 4096) >= 0 else { throw failed("readlinkat(2)") }
    guard symlinkat(target, top, name) == 0 else { throw failed("symlinkat(2)") }
  }

  private mutating func copyData(_ name: [CChar], _ source: CInt, _ status: stat) throws(ContainrError) {
    let from = OwnedDescriptor(
      owning: try check(
        cl_openat(source, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0), .ioFailure, "openat(2)", activity))
    let to = OwnedDescriptor(
      owning: try check(
        cl_openat(top, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600), .ioFailure, "openat(2)", activity))
    if clones {
      let result = cl_clone_file(to.rawValue, from.rawValue)
      if result >= 0 { return }
      guard [EOPNOTSUPP, ENOTTY, EXDEV, EINVAL, ENOSYS].contains(-result) else {
        throw .errno(Errno(rawValue: -result), .ioFailure, activity, call: "ioctl(FICLONE)")
      }
      clones = false
    }
    guard ftruncate(to.rawValue, status.st_size) == 0 else { throw failed("ftruncate(2)") }
    var offset: Int64 = 0
    while offset < status.st_size {
      var begin = cl_seek_data(from.rawValue, offset)
      var end = Int64(status.st_size)
      if begin == -Int64(ENXIO) { return }
      if begin == -Int64(EINVAL) {
        begin = offset
      } else {
        try check(begin, .ioFailure, "lseek(2)", activity)
        end = try check(cl_seek_hole(from.rawValue, begin), .ioFailure, "lseek(2)", activity)
      }
      try copyRange(from, to, begin, end)
      offset = end
    }
  }

  private mutating func copyRange(
    _ from: borrowing OwnedDescriptor, _ to: borrowing OwnedDescriptor, _ begin: Int64, _ end: Int64
  ) throws(ContainrError) {
    var offset = begin
    while copiesInKernel, offset < end {
      let count = cl_copy_range(from.rawValue, offset, to.rawValue, offset, Int(end - offset))
      if [EOPNOTSUPP, EXDEV, EINVAL, ENOSYS].contains(CInt(-count)) {
        copiesInKernel = false
        break
      }
      if count == -Int(EINTR) { continue }
      if count == 0 { return }
      offset += Int64(try check(count, .ioFailure, "copy_file_range(2)", activity))
    }
    var buffer = [UInt8](repeating: 0, count: offset < end ? 256 << 10 : 0)
    while offset < end {
      let count = pread(from.rawValue, &buffer, min(buffer.count, Int(end - offset)), off_t(offset))
      if count < 0, Errno.current == .interrupted { continue }
      guard count >= 0 else { throw failed("pread(2)") }
      if count == 0 { return }
      var written = 0
      while written < count {
        let more = buffer.withUnsafeBytes {
          pwrite(to.rawValue, $0.baseAddress! + written, count - written, off_t(offset) + written)
        }
        if more < 0, Errno.current == .interrupted { continue }
        guard more >= 0 else { throw failed("pwrite(2)") }
        written += more
      }
      offset += Int64(count)
    }
  }

  // MARK: Attributes

  /// Owner first: a change of it clears set-user-id bits and file capabilities. Times last.
  private func copyAttributes(
    _ from: [CChar], _ to: [CChar], _ directory: CInt, _ name: [CChar]?, _ status: stat
  ) throws(ContainrError) {
    guard lchown(to, status.st_uid, status.st_gid) == 0 else { throw failed("lchown(2)") }
    if status.st_mode & S_IFMT != S_IFLNK {
      guard chmod(to, status.st_mode & 0o7777) == 0 else { throw failed("chmod(2)") }
    }
    for attribute in try names(from) {
      var value = [UInt8](repeating: 0, count: 65536)
      let count = lgetxattr(from, attribute, &value, value.count)
      guard count >= 0 else { throw failed("lgetxattr(2)") }
      guard lsetxattr(to, attribute, value, count, 0) == 0 else {
        throw .errno(.current, .ioFailure, "\(activity): the attribute \(String(cString: attribute))", call: "lsetxattr(2)")
      }
    }
    let times = [status.st_atim, status.st_mtim]
    guard utimensat(AT_FDCWD, to, times, AT_SYMLINK_NOFOLLOW) == 0 else { throw failed("utimensat(2)") }
  }

  private func names(_ path: [CChar]) throws(ContainrError) -> [[CChar]] {
    let size = llistxattr(path, nil, 0)
    if size == 0 || size < 0 && Errno.current == .notSupported { return [] }
    var list = [CChar](repeating: 0, count: max(size, 1))
    let count = llistxattr(path, &list, list.count)
    guard size > 0, count >= 0 else { throw failed("llistxattr(2)") }
    return list[..<count].split(separator: 0).map { Array($0) + [0] }
  }

  /// A path to an entry of an open directory, or to the directory itself, for calls that know no descriptors.
  static func path(_ directory: CInt, _ name: [CChar]?) -> [CChar] {
    Array("/proc/self/fd/\(directory)/".utf8CString.dropLast()) + (name ?? [CChar(UInt8(ascii: ".")), 0])
  }

  private var activity: String { "copying to \(path)" }
  private func failed(_ call: String) -> ContainrError { .errno(.current, .ioFailure, activity, call: call) }
}
