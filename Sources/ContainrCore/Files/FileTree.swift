import CContainrLinux
import Glibc
import SystemPackage

/// Directory trees of the host, walked by descriptor so that no symbolic link is followed.
package enum FileTree {
  /// Removes a file or a directory with all in it. Idempotent: a missing path is success.
  ///
  /// It crosses no mount point: a mount below ends in `IO_FAILURE` (`EBUSY` or `EXDEV`), with everything under it untouched.
  package static func remove(_ path: FilePath) throws(ContainrError) {
    let parentPath = path.removingLastComponent()
    guard let name = path.lastComponent?.string else {
      throw ContainrError(.invalidArgument, "removing \(path)", hint: "a path with a name at its end")
    }
    let result = cl_openat(AT_FDCWD, parentPath.isEmpty ? "." : parentPath.string, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0)
    if result == -ENOENT { return }
    let parent = OwnedDescriptor(
      owning: try check(result, .ioFailure, "openat(2)", "opening the directory \(parentPath)"))
    try remove(Array(name.utf8CString), in: parent.rawValue, path: path.string)
  }

  /// Removes an entry of an open directory, with all in it. A missing one is success.
  ///
  /// - Parameters:
  ///   - name: the entry's name with a NUL at its end: names of a container's files need not be UTF-8.
  ///   - parent: the directory.
  ///   - path: what errors call the entry.
  package static func remove(_ name: [CChar], in parent: CInt, path: String) throws(ContainrError) {
    if try unlinked(name, in: parent, path) { return }
    var removal = try TreeRemoval(of: name, in: parent, path: path)
    try removal.run()
    try removeEmptied(name, in: parent, path)
  }

  /// Unlinks a file or an empty directory; false for a directory with something in it.
  fileprivate static func unlinked(
    _ name: [CChar], in parent: CInt, _ path: @autoclosure () -> String
  ) throws(ContainrError) -> Bool {
    if unlinkat(parent, name, 0) == 0 || Errno.current == .noSuchFileOrDirectory { return true }
    guard Errno.current == .isDirectory else { throw unlinkFailed(path()) }
    // Most directories of a short-lived container are empty: one call, no listing.
    if unlinkat(parent, name, AT_REMOVEDIR) == 0 || Errno.current == .noSuchFileOrDirectory { return true }
    guard Errno.current == .directoryNotEmpty || Errno.current == .fileExists else { throw unlinkFailed(path()) }
    return false
  }

  fileprivate static func removeEmptied(
    _ name: [CChar], in parent: CInt, _ path: @autoclosure () -> String
  ) throws(ContainrError) {
    guard unlinkat(parent, name, AT_REMOVEDIR) == 0 || Errno.current == .noSuchFileOrDirectory else {
      throw unlinkFailed(path())
    }
  }

  /// The names in a directory, without `.` and `..`.
  ///
  /// - Throws: `IO_FAILURE`, also for a name that is not UTF-8 and so no `String` can stand for.
  package static func names(in path: FilePath) throws(ContainrError) -> [String] {
    let directory = try OwnedDescriptor.open(path, flags: O_RDONLY | O_DIRECTORY)
    var names: [String] = []
    for bytes in try rawNames(in: directory.rawValue, path: path.string) {
      guard let name = String(validating: bytes.dropLast(), as: UTF8.self) else {
        throw ContainrError(.ioFailure, "listing \(path)", hint: "a name in it is not UTF-8")
      }
      names.append(name)
    }
    return names
  }

  /// The names as the kernel has them, each with a NUL at its end.
  package static func rawNames(
    in directory: CInt, path: @autoclosure () -> String
  ) throws(ContainrError) -> [[CChar]] {
    var names: [[CChar]] = []
    let size = 32 << 10
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 8)
    defer { buffer.deallocate() }
    while true {
      let count = try check(
        cl_getdents(directory, buffer.baseAddress, size), .ioFailure, "getdents64(2)", "listing \(path())")
      if count == 0 { return names }
      var offset = 0
      while offset < count {
        // struct linux_dirent64: inode 8, offset 8, length of the record 2, type 1, name.
        let length = Int(buffer.loadUnaligned(fromByteOffset: offset + 16, as: UInt16.self))
        let record = buffer[(offset + 19)..<(offset + length)]
        offset += length
        let name = record.prefix { $0 != 0 }
        if name.elementsEqual(".".utf8) || name.elementsEqual("..".utf8) { continue }
        names.append(name.map { CChar(bitPattern: $0) } + [0])
      }
    }
  }

  /// Makes a directory and every missing one above it.
  ///
  /// - Throws: `IO_FAILURE` where something else than a directory is there.
  package static func makeDirectories(_ path: FilePath, mode: mode_t = 0o700) throws(ContainrError) {
    if mkdir(path.string, mode) == 0 { return }
    if Errno.current == .noSuchFileOrDirectory {
      let parent = path.removingLastComponent()
      if !parent.isEmpty, parent != path { try makeDirectories(parent, mode: mode) }
      if mkdir(path.string, mode) == 0 { return }
    }
    guard Errno.current == .fileExists else {
      throw .errno(.current, .ioFailure, "making the directory \(path)", call: "mkdir(2)")
    }
    var status = stat()
    guard stat(path.string, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
      throw .errno(.notDirectory, .ioFailure, "making the directory \(path)", call: "mkdir(2)")
    }
  }

  fileprivate static func unlinkFailed(_ path: String) -> ContainrError {
    .errno(.current, .ioFailure, "removing \(path)", call: "unlinkat(2)")
  }
}

/// Empties one directory without recursion: a tree may be deeper than the stack and the descriptor limit allow.
///
/// Directories near the top stay open on the way down. Below, one descriptor follows the walk, and `..` leads back; that
/// it led to the same directory is checked, because who can write to the tree can move parts of it.
private struct TreeRemoval: ~Copyable {
  private static let openLevels = 32

  private struct Level {
    var name: [CChar]
    var rest: [[CChar]]
    var device: dev_t
    var inode: ino_t
    /// -1 while the walk is below and this level is not kept open.
    var descriptor: CInt
  }

  private let path: String
  private var levels: [Level] = []

  init(of name: [CChar], in parent: CInt, path: String) throws(ContainrError) {
    self.path = path
    try enter(name, from: parent)
  }

  deinit { for level in levels where level.descriptor >= 0 { close(level.descriptor) } }

  mutating func run() throws(ContainrError) {
    while let name = levels[levels.count - 1].rest.popLast() {
      let current = levels[levels.count - 1].descriptor
      if try !FileTree.unlinked(name, in: current, pathOf(name)) {
        try enter(name, from: current)
        if levels.count - 1 > Self.openLevels {
          close(current)
          levels[levels.count - 2].descriptor = -1
        }
      }
      while levels.count > 1, levels[levels.count - 1].rest.isEmpty { try leave() }
    }
  }

  private mutating func enter(_ name: [CChar], from parent: CInt) throws(ContainrError) {
    let resolve = UInt64(RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH | RESOLVE_NO_XDEV)
    let flags = UInt64(O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
    var result = cl_openat2(parent, name, flags, 0, resolve)
    if result == -EACCES {
      // A directory closed even to its owner, such as the one that overlayfs works in.
      let closed = cl_openat2(
        parent, name, UInt64(UInt32(CL_O_PATH)) | UInt64(O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), 0, resolve)
      if closed >= 0 {
        let isOpen = chmod("/proc/self/fd/\(closed)", 0o700) == 0
        close(closed)
        if isOpen { result = cl_openat2(parent, name, flags, 0, resolve) }
      }
    }
    let directory = try check(result, .ioFailure, "openat2(2)", "opening the directory \(pathOf(name))")
    var level = Level(name: name, rest: [], device: 0, inode: 0, descriptor: directory)
    do throws(ContainrError) {
      level.rest = try FileTree.rawNames(in: directory, path: pathOf(name))
      (level.device, level.inode) = try identity(directory)
    } catch {
      close(directory)
      throw error
    }
    levels.append(level)
  }

  /// Goes back to the directory above, and removes the one that is empty now.
  private mutating func leave() throws(ContainrError) {
    let above = levels.count - 2
    if levels[above].descriptor < 0 {
      let parent = try check(
        cl_openat(levels[above + 1].descriptor, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0), .ioFailure, "openat(2)",
        "going back up in \(path)")
      levels[above].descriptor = parent
      guard try identity(parent) == (levels[above].device, levels[above].inode) else {
        throw ContainrError(
          .pathEscape, "removing \(path)", hint: "something moved a directory in it meanwhile; stop that, and try again")
      }
    }
    guard let emptied = levels.popLast() else { return }
    close(emptied.descriptor)
    try FileTree.removeEmptied(emptied.name, in: levels[above].descriptor, pathOf(emptied.name))
  }

  private func identity(_ directory: CInt) throws(ContainrError) -> (dev_t, ino_t) {
    var status = stat()
    guard fstat(directory, &status) == 0 else {
      throw .errno(.current, .ioFailure, "removing \(path)", call: "fstat(2)")
    }
    return (status.st_dev, status.st_ino)
  }

  private func pathOf(_ name: [CChar]) -> String {
    let text = { (name: [CChar]) in String(decoding: name.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self) }
    return ([path] + levels.dropFirst().map { text($0.name) } + (levels.isEmpty ? [] : [text(name)])).joined(separator: "/")
  }
}
