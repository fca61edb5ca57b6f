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
    if unlinkat(parent, name, 0) == 0 || Errno.current == .noSuchFileOrDirectory { return }
    guard Errno.current == .isDirectory || Errno.current == .notPermitted else { throw unlinkFailed(path) }
    // Most directories of a short-lived container are empty: one call, no listing.
    if unlinkat(parent, name, AT_REMOVEDIR) == 0 || Errno.current == .noSuchFileOrDirectory { return }
    guard Errno.current == .directoryNotEmpty || Errno.current == .fileExists else { throw unlinkFailed(path) }

    let resolve = UInt64(RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH | RESOLVE_NO_XDEV)
    let directory = try check(
      cl_openat2(parent, name, UInt64(O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), 0, resolve),
      .ioFailure, "openat2(2)", "opening the directory \(path)")
    let holder = OwnedDescriptor(owning: directory)
    for entry in try rawNames(takingOwnershipOf: try holder.duplicate().release(), path: path) {
      let name = String(decoding: entry.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
      try remove(entry, in: holder.rawValue, path: path + "/" + name)
    }
    guard unlinkat(parent, name, AT_REMOVEDIR) == 0 || Errno.current == .noSuchFileOrDirectory else {
      throw unlinkFailed(path)
    }
  }

  /// The names in a directory, without `.` and `..`.
  package static func names(in path: FilePath) throws(ContainrError) -> [String] {
    let directory = try OwnedDescriptor.open(path, flags: O_RDONLY | O_DIRECTORY)
    return try rawNames(takingOwnershipOf: directory.release(), path: path.string).map { name in
      String(decoding: name.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
  }

  /// The names as the kernel has them, each with a NUL at its end.
  private static func rawNames(takingOwnershipOf directory: CInt, path: String) throws(ContainrError) -> [[CChar]] {
    guard let stream = fdopendir(directory) else {
      let error = Errno.current
      close(directory)
      throw .errno(error, .ioFailure, "listing \(path)", call: "fdopendir(3)")
    }
    defer { closedir(stream) }
    var names: [[CChar]] = []
    while let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { Array(UnsafeBufferPointer(start: $0, count: strlen($0) + 1)) }
      }
      let dot = CChar(bitPattern: UInt8(ascii: "."))
      if name != [dot, 0] && name != [dot, dot, 0] { names.append(name) }
    }
    return names
  }

  /// Makes a directory and every missing one above it.
  package static func makeDirectories(_ path: FilePath, mode: mode_t = 0o700) throws(ContainrError) {
    if mkdir(path.string, mode) == 0 { return }
    switch Errno.current {
    case .fileExists: return
    case .noSuchFileOrDirectory:
      let parent = path.removingLastComponent()
      if !parent.isEmpty, parent != path { try makeDirectories(parent, mode: mode) }
      guard mkdir(path.string, mode) == 0 || Errno.current == .fileExists else { fallthrough }
    default: throw .errno(.current, .ioFailure, "making the directory \(path)", call: "mkdir(2)")
    }
  }

  private static func unlinkFailed(_ path: String) -> ContainrError {
    .errno(.current, .ioFailure, "removing \(path)", call: "unlinkat(2)")
  }
}
