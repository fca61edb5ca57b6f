import CContainrLinux
import ContainrCore
import Glibc
import SystemPackage

/// The directory that a layer is unpacked into: every name in it is reached from its descriptor, component by component,
/// and no symbolic link is followed.
///
/// It keeps the directories above the last entry open, so that an entry beside the last one costs no lookup, and so that
/// nobody who renames things in the tree can move a write elsewhere.
struct LayerTree: ~Copyable {
  private let root: OwnedDescriptor
  /// The open directories below the root that lead to the last entry's parent, with their names.
  private var names: [[CChar]] = []
  private var descriptors: [CInt] = []
  private let opaqueAttribute: String
  /// Whether something was in the directory before.
  private let isPopulated: Bool
  /// Default access control lists that directories had, by path: taken away while the layer is unpacked, because whatever
  /// is made in such a directory would get entries that its own metadata does not have.
  private(set) var suspendedDefaults: [[CChar]: [UInt8]] = [:]

  /// Takes the directory that the layer goes into.
  ///
  /// - Parameter isPrivileged: whether overlay attributes go into `trusted.`, which needs CAP_SYS_ADMIN, or into `user.`
  ///   for mounts with `userxattr` (overlayfs.rst).
  init(owning root: consuming OwnedDescriptor, isPrivileged: Bool, isPopulated: Bool, _ activity: String) throws(ContainrError)
  {
    self.root = root
    self.isPopulated = isPopulated
    opaqueAttribute = isPrivileged ? "trusted.overlay.opaque" : "user.overlay.opaque"
    try suspendDefaults(of: self.root.rawValue, [], activity)
  }

  deinit { for descriptor in descriptors { close(descriptor) } }

  // MARK: Directories

  /// The open directory that an entry stands in. Missing directories are made, as root's, mode 0755.
  mutating func parent(of path: LayerPath, _ activity: String) throws(ContainrError) -> CInt {
    try directory(path.components.dropLast(), activity)
  }

  /// An open directory, made where it is missing.
  mutating func directory(_ components: ArraySlice<[CChar]>, _ activity: String) throws(ContainrError) -> CInt {
    var depth = 0
    while depth < names.count, depth < components.count, names[depth] == components[depth] { depth += 1 }
    forget(from: depth)
    for name in components.dropFirst(depth) {
      let parent = descriptors.last ?? root.rawValue
      let descriptor = try openDirectory(name, in: parent, activity)
      names.append(name)
      descriptors.append(descriptor)
      try suspendDefaults(of: descriptor, names[...], activity)
    }
    return descriptors.last ?? root.rawValue
  }

  static let defaultsAttribute = "system.posix_acl_default"

  private mutating func suspendDefaults(
    of directory: CInt, _ path: ArraySlice<[CChar]>, _ activity: String
  ) throws(ContainrError) {
    guard isPopulated else { return }
    let size = fgetxattr(directory, Self.defaultsAttribute, nil, 0)
    guard size > 0 else { return }
    var value = [UInt8](repeating: 0, count: size)
    guard fgetxattr(directory, Self.defaultsAttribute, &value, size) == size else {
      throw .errno(.current, .layerInvalid, activity, call: "fgetxattr(2)")
    }
    guard fremovexattr(directory, Self.defaultsAttribute) == 0 else {
      throw .errno(.current, .layerInvalid, activity, call: "fremovexattr(2)")
    }
    suspendedDefaults[LayerPath.join(path)] = value
  }

  private func openDirectory(_ name: [CChar], in parent: CInt, _ activity: String) throws(ContainrError) -> CInt {
    let flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC
    var result = cl_openat(parent, name, flags, 0)
    if result == -ENOENT {
      try makeDirectory(name, in: parent, activity)
      guard fchmodat(parent, name, 0o755, 0) == 0 else {
        throw .errno(.current, .layerInvalid, activity, call: "fchmodat(2)")
      }
      result = cl_openat(parent, name, flags, 0)
    }
    guard result != -ENOTDIR, result != -ELOOP else {
      throw ContainrError(
        .layerInvalid, activity,
        hint: "the path leads through \(LayerPath.printable(name)), which is a link or file and no directory")
    }
    return try check(result, .layerInvalid, "openat(2)", activity)
  }

  /// Makes a directory, mode 0700 until its own is known.
  private func makeDirectory(_ name: [CChar], in parent: CInt, _ activity: String) throws(ContainrError) {
    guard mkdirat(parent, name, 0o700) == 0 else { throw .errno(.current, .layerInvalid, activity, call: "mkdirat(2)") }
  }

  /// Makes a directory for an entry, or keeps the one that is there; anything else of that name is replaced.
  mutating func directoryEntry(_ path: LayerPath, _ activity: String) throws(ContainrError) -> CInt {
    guard let name = path.components.last else { return root.rawValue }
    let parent = try parent(of: path, activity)
    let status = self.status(of: name, in: parent)
    if let status, status.st_mode & S_IFMT != S_IFDIR {
      try FileTree.remove(name, in: parent, path: path.description)
    }
    if status.map({ $0.st_mode & S_IFMT != S_IFDIR }) ?? true { try makeDirectory(name, in: parent, activity) }
    return try directory(path.components[...], activity)
  }

  private mutating func forget(from depth: Int) {
    guard depth < names.count else { return }
    for descriptor in descriptors[depth...] { close(descriptor) }
    descriptors.removeSubrange(depth...)
    names.removeSubrange(depth...)
  }

  // MARK: Entries that are no directories

  /// Makes an entry by `body`, which returns -1 with errno; what stands in its place is removed first.
  mutating func replacing(
    _ path: LayerPath, call: String, _ activity: String, _ body: (_ parent: CInt, _ name: [CChar]) -> CInt
  ) throws(ContainrError) -> CInt {
    guard let name = path.components.last else {
      throw ContainrError(.layerInvalid, activity, hint: "the root of a layer is a directory")
    }
    let parent = try parent(of: path, activity)
    var result = body(parent, name)
    if result < 0, Errno.current == .fileExists {
      try FileTree.remove(name, in: parent, path: path.description)
      result = body(parent, name)
    }
    guard result >= 0 else { throw .errno(.current, .layerInvalid, activity, call: call) }
    return result
  }

  /// Links an entry to an earlier one of the same layer.
  mutating func link(_ path: LayerPath, to target: LayerPath, _ activity: String) throws(ContainrError) {
    guard let targetName = target.components.last, let name = path.components.last else {
      throw ContainrError(.layerInvalid, activity, hint: "the root of a layer is a directory")
    }
    let resolve = UInt64(RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS)
    let flags = UInt64(CInt(CL_O_PATH) | O_DIRECTORY | O_CLOEXEC)
    let opened = cl_openat2(root.rawValue, LayerPath.join(target.components.dropLast()), flags, 0, resolve)
    let directory = OwnedDescriptor(owning: try check(opened, .layerInvalid, "openat2(2)", activity))
    let parent = try parent(of: path, activity)
    guard let source = status(of: targetName, in: directory.rawValue) else {
      throw ContainrError(.layerInvalid, activity, hint: "the hard link's target \(target.description) is not in the layer")
    }
    if let existing = status(of: name, in: parent) {
      if existing.st_ino == source.st_ino, existing.st_dev == source.st_dev { return }
      try FileTree.remove(name, in: parent, path: path.description)
    }
    guard linkat(directory.rawValue, targetName, parent, name, 0) == 0 else {
      throw .errno(.current, .layerInvalid, activity, call: "linkat(2)")
    }
  }

  // MARK: Whiteouts

  /// An open directory; nil where it is missing, or where something else is in the way.
  mutating func directoryIfPresent(_ components: ArraySlice<[CChar]>, _ activity: String) throws(ContainrError) -> CInt? {
    var parent = root.rawValue
    for (depth, name) in components.enumerated() {
      guard let status = status(of: name, in: parent), status.st_mode & S_IFMT == S_IFDIR else { return nil }
      parent = try directory(components.prefix(depth + 1), activity)
    }
    return parent
  }

  /// An open directory, made where it is missing; nil where the layer has something else there, or a whiteout, which hides
  /// what is below already.
  mutating func directoryUnlessHidden(_ components: ArraySlice<[CChar]>, _ activity: String) throws(ContainrError) -> CInt? {
    var parent = root.rawValue
    for (depth, name) in components.enumerated() {
      if let status = status(of: name, in: parent), status.st_mode & S_IFMT != S_IFDIR { return nil }
      parent = try directory(components.prefix(depth + 1), activity)
    }
    return parent
  }

  /// Hides what the layers below have under a name. What this layer has there stays; a directory of it becomes opaque.
  func whiteout(_ name: [CChar], in parent: CInt, _ activity: String) throws(ContainrError) {
    guard let status = status(of: name, in: parent) else {
      // A character device 0/0 is the kernel's whiteout; it needs no privilege since Linux 5.8.
      guard mknodat(parent, name, S_IFCHR, 0) == 0 else {
        throw .errno(.current, .layerInvalid, activity, call: "mknodat(2)")
      }
      return
    }
    guard status.st_mode & S_IFMT == S_IFDIR else { return }
    let flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC
    let directory = OwnedDescriptor(
      owning: try check(cl_openat(parent, name, flags, 0), .layerInvalid, "openat(2)", activity))
    try makeOpaque(directory.rawValue, activity)
  }

  /// Hides everything that the layers below have in a directory.
  func makeOpaque(_ directory: CInt, _ activity: String) throws(ContainrError) {
    guard fsetxattr(directory, opaqueAttribute, "y", 1, 0) == 0 else {
      throw .errno(.current, .layerInvalid, activity, call: "fsetxattr(2)")
    }
  }

  func status(of name: [CChar], in parent: CInt) -> stat? {
    var status = stat()
    return fstatat(parent, name, &status, AT_SYMLINK_NOFOLLOW) == 0 ? status : nil
  }

  // MARK: The end

  /// Opens a directory of the finished tree, or returns nil where a later entry replaced it.
  func finishedDirectory(_ path: [CChar], _ activity: String) throws(ContainrError) -> OwnedDescriptor? {
    let flags = UInt64(O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
    let result = cl_openat2(root.rawValue, path, flags, 0, UInt64(RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS))
    if result == -ENOENT || result == -ENOTDIR || result == -ELOOP { return nil }
    return OwnedDescriptor(owning: try check(result, .layerInvalid, "openat2(2)", activity))
  }
}
