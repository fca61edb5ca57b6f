import CContainrLinux
import ContainrArchive
import ContainrCore
import Glibc
import SystemPackage

/// Copies a tree between two roots by descriptors.
struct TreeCopy {
  private static let depthLimit = 256

  private let options: CopyOptions
  private let activity: String
  private var result = CopyResult()
  private var buffer: [UInt8] = []

  // MARK: Names

  /// An entry of an open directory that may or may not be there.
  private struct Place: ~Copyable {
    var directory: OwnedDescriptor
    var name: [CChar]
    var status: stat?
  }

  static func copy(
    _ source: RootedPath, in from: borrowing RootDirectory, to destination: RootedPath, in to: borrowing RootDirectory,
    _ options: CopyOptions
  ) throws(ContainrError) -> CopyResult {
    var copy = TreeCopy(options: options, activity: "copying \(source) to \(destination)")
    let mustBeDirectory = source.description.hasSuffix("/") || source.description.hasSuffix("/.")
    let origin = try copy.find(source, in: from, follow: options.followsLink || mustBeDirectory)
    guard let status = origin.status else {
      throw .errno(.noSuchFileOrDirectory, .ioFailure, copy.activity, call: "openat2(2)")
    }
    let isDirectory = status.st_mode & S_IFMT == S_IFDIR
    guard isDirectory || !mustBeDirectory else { throw copy.failed("the source is no directory") }

    let target = try copy.find(destination, in: to, follow: true)
    guard let existing = target.status else {
      guard isDirectory || !destination.description.hasSuffix("/") else {
        throw copy.failed("the destination directory is missing")
      }
      try copy.entry(origin.name, origin.directory.rawValue, target.name, target.directory.rawValue, 0)
      return copy.result
    }
    guard existing.st_mode & S_IFMT == S_IFDIR else {
      guard !isDirectory else { throw copy.failed("a directory cannot take the place of a file") }
      guard !destination.description.hasSuffix("/") else { throw copy.failed("the destination is no directory") }
      try copy.entry(origin.name, origin.directory.rawValue, target.name, target.directory.rawValue, 0)
      return copy.result
    }
    if isDirectory, source.description.hasSuffix("/.") || source.components.isEmpty {
      try copy.entry(origin.name, origin.directory.rawValue, target.name, target.directory.rawValue, 0)
    } else {
      let directory = try copy.openDirectory(target.name, in: target.directory.rawValue)
      let name = source.components.last.map { Array(String($0).utf8CString) } ?? origin.name
      try copy.entry(origin.name, origin.directory.rawValue, name, directory.rawValue, 0)
    }
    return copy.result
  }

  private init(options: CopyOptions, activity: String) {
    self.options = options
    self.activity = activity
  }

  private func failed(_ hint: String) -> ContainrError { ContainrError(.ioFailure, activity, hint: hint) }

  /// Finds the directory and the name that a path stands for. A link at its end is read here and resolved anew from the
  /// root, so that the last step too is one of the kernel's below the root's descriptor.
  private func find(
    _ path: RootedPath, in root: borrowing RootDirectory, follow: Bool
  ) throws(ContainrError) -> Place {
    var path = path
    for _ in 0..<40 {
      let components = path.components
      guard let last = components.last, last != ".." else {
        // The root, or a path that only the kernel can resolve: the directory itself.
        let directory = try root.open(path, flags: CInt(CL_O_PATH) | O_DIRECTORY)
        let here = Array(".".utf8CString)
        let found = try status(here, in: directory.rawValue)
        return Place(directory: directory, name: here, status: found)
      }
      let parent = "/" + components.dropLast().joined(separator: "/")
      let directory = try root.open(try RootedPath(parent), flags: CInt(CL_O_PATH) | O_DIRECTORY)
      let name = Array(String(last).utf8CString)
      let found = try status(name, in: directory.rawValue)
      guard follow, let found, found.st_mode & S_IFMT == S_IFLNK else {
        return Place(directory: directory, name: name, status: found)
      }
      let target = String(
        decoding: try linkTarget(name, in: directory.rawValue).dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
      path = try RootedPath(target.hasPrefix("/") ? target : parent + "/" + target)
    }
    throw .errno(.tooManySymbolicLinkLevels, .ioFailure, activity, call: "openat2(2)")
  }

  private func status(_ name: [CChar], in directory: CInt) throws(ContainrError) -> stat? {
    var status = stat()
    if fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) == 0 { return status }
    guard Errno.current == .noSuchFileOrDirectory else { throw .errno(.current, .ioFailure, activity, call: "fstatat(2)") }
    return nil
  }

  private func openDirectory(_ name: [CChar], in parent: CInt) throws(ContainrError) -> OwnedDescriptor {
    OwnedDescriptor(
      owning: try check(
        cl_openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0), .ioFailure, "openat(2)", activity))
  }

  private func linkTarget(_ name: [CChar], in directory: CInt) throws(ContainrError) -> [CChar] {
    var target = [CChar](repeating: 0, count: 4097)
    let count = readlinkat(directory, name, &target, 4096)
    guard count >= 0 else { throw .errno(.current, .ioFailure, activity, call: "readlinkat(2)") }
    return Array(target[..<count]) + [0]
  }

  // MARK: Entries

  private mutating func entry(
    _ name: [CChar], _ source: CInt, _ newName: [CChar], _ target: CInt, _ depth: Int
  ) throws(ContainrError) {
    guard depth <= Self.depthLimit else {
      throw ContainrError(.unsupported, activity, hint: "the tree is deeper than \(Self.depthLimit) directories")
    }
    guard let status = try status(name, in: source) else { throw failed("a file went away meanwhile") }
    let type = status.st_mode & S_IFMT
    switch type {
    case S_IFDIR: try directory(name, source, newName, target, depth)
    case S_IFREG: try file(name, source, newName, target)
    case S_IFLNK:
      let link = try linkTarget(name, in: source)
      _ = try replacing(newName, in: target, call: "symlinkat(2)") { symlinkat(link, target, newName) }
      try finishNode(newName, in: target, status)
    case S_IFSOCK:
      result.skippedSockets += 1
      return
    default:
      guard type == S_IFIFO || options.includesDevices else {
        throw ContainrError(.unsupported, activity, hint: "a device node is in it; includesDevices copies those")
      }
      _ = try replacing(newName, in: target, call: "mknodat(2)") { mknodat(target, newName, type | 0o600, status.st_rdev) }
      try finishNode(newName, in: target, status)
    }
    result.entries += 1
  }

  /// Makes an entry by `body`; a file in its place is removed first, and never written to.
  private func replacing(
    _ name: [CChar], in directory: CInt, call: String, _ body: () -> CInt
  ) throws(ContainrError) -> CInt {
    var made = body()
    if made < 0, Errno.current == .fileExists {
      guard unlinkat(directory, name, 0) == 0 || Errno.current == .noSuchFileOrDirectory else {
        throw .errno(.current, .ioFailure, activity, call: "unlinkat(2)")
      }
      made = body()
    }
    guard made >= 0 else { throw .errno(.current, .ioFailure, activity, call: call) }
    return made
  }

  private mutating func directory(
    _ name: [CChar], _ source: CInt, _ newName: [CChar], _ target: CInt, _ depth: Int
  ) throws(ContainrError) {
    let from = try openDirectory(name, in: source)
    guard mkdirat(target, newName, 0o700) == 0 || Errno.current == .fileExists else {
      throw .errno(.current, .ioFailure, activity, call: "mkdirat(2)")
    }
    let to = try openDirectory(newName, in: target)
    var status = stat()
    guard fstat(from.rawValue, &status) == 0 else { throw .errno(.current, .ioFailure, activity, call: "fstat(2)") }
    for child in try FileTree.rawNames(in: from.rawValue, path: activity) {
      try entry(child, from.rawValue, child, to.rawValue, depth + 1)
    }
    try finish(to.rawValue, status, attributesFrom: from.rawValue)
  }

  private mutating func file(
    _ name: [CChar], _ source: CInt, _ newName: [CChar], _ target: CInt
  ) throws(ContainrError) {
    // What is a file now can be a FIFO or a device when it is opened: without O_NONBLOCK that could block for ever.
    let from = OwnedDescriptor(
      owning: try check(
        cl_openat(source, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0), .ioFailure, "openat(2)",
        activity))
    var status = stat()
    guard fstat(from.rawValue, &status) == 0 else { throw .errno(.current, .ioFailure, activity, call: "fstat(2)") }
    guard status.st_mode & S_IFMT == S_IFREG else { throw failed("a file became something else meanwhile") }
    let opened = try replacing(newName, in: target, call: "openat(2)") {
      let made = cl_openat(target, newName, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
      if made < 0 { errno = -made }
      return made
    }
    let to = OwnedDescriptor(owning: opened)
    try data(from: from.rawValue, to: to.rawValue)
    try finish(to.rawValue, status, attributesFrom: from.rawValue)
  }

  private mutating func data(from source: CInt, to target: CInt) throws(ContainrError) {
    while true {
      let count = cl_copy_file_range(source, target, 1 << 30)
      if count == 0 { return }
      if count > 0 { continue }
      // Between file systems, or where one has no such copy. What is copied already stays: the offsets moved.
      guard [-EXDEV, -EINVAL, -EOPNOTSUPP, -ENOSYS].contains(CInt(count)) else {
        throw .errno(Errno(rawValue: CInt(-count)), .ioFailure, activity, call: "copy_file_range(2)")
      }
      break
    }
    if buffer.isEmpty { buffer = Array(repeating: 0, count: 256 << 10) }
    while true {
      let count = read(source, &buffer, buffer.count)
      if count == 0 { return }
      guard count > 0 else { throw .errno(.current, .ioFailure, activity, call: "read(2)") }
      var done = 0
      while done < count {
        let written = buffer.withUnsafeBytes { write(target, $0.baseAddress! + done, count - done) }
        guard written >= 0 else { throw .errno(.current, .ioFailure, activity, call: "write(2)") }
        done += written
      }
    }
  }

  // MARK: Metadata

  private func finish(_ file: CInt, _ status: stat, attributesFrom source: CInt) throws(ContainrError) {
    let (owner, group) = options.keepsOwners ? (status.st_uid, status.st_gid) : (geteuid(), getegid())
    guard fchown(file, owner, group) == 0 else { throw .errno(.current, .ioFailure, activity, call: "fchown(2)") }
    guard fchmod(file, status.st_mode & (options.keepsOwners ? 0o7777 : 0o1777)) == 0 else {
      throw .errno(.current, .ioFailure, activity, call: "fchmod(2)")
    }
    if options.keepsOwners { try ExtendedAttribute.copy(from: source, to: file, activity) }
    guard futimens(file, [status.st_atim, status.st_mtim]) == 0 else {
      throw .errno(.current, .ioFailure, activity, call: "futimens(3)")
    }
  }

  /// For what must not be opened: by a descriptor that only names it.
  private func finishNode(_ name: [CChar], in directory: CInt, _ status: stat) throws(ContainrError) {
    let node = OwnedDescriptor(
      owning: try check(
        cl_openat(directory, name, CInt(CL_O_PATH) | O_NOFOLLOW | O_CLOEXEC, 0), .ioFailure, "openat(2)", activity))
    let (owner, group) = options.keepsOwners ? (status.st_uid, status.st_gid) : (geteuid(), getegid())
    guard fchownat(node.rawValue, "", owner, group, CInt(CL_AT_EMPTY_PATH)) == 0 else {
      throw .errno(.current, .ioFailure, activity, call: "fchownat(2)")
    }
    let isLink = status.st_mode & S_IFMT == S_IFLNK
    if !isLink, chmod("/proc/self/fd/\(node.rawValue)", status.st_mode & 0o1777) != 0 {
      throw .errno(.current, .ioFailure, activity, call: "chmod(2)")
    }
    guard utimensat(directory, name, [status.st_atim, status.st_mtim], AT_SYMLINK_NOFOLLOW) == 0 else {
      throw .errno(.current, .ioFailure, activity, call: "utimensat(2)")
    }
  }
}
