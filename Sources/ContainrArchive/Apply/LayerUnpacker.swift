import CArchive
import CContainrLinux
import ContainrCore
import Glibc
import SystemPackage

/// Writes the entries of a layer's tar into a directory.
public struct LayerUnpacker: ~Copyable {
  /// What unpacking a layer came to.
  public struct Outcome: Hashable, Sendable {
    /// The digest of the decompressed tar.
    public let diffID: Digest
    /// How many entries it has.
    public let entries: Int
    /// The sizes of all files.
    public let size: ByteCount
  }

  private struct DirectoryMetadata {
    var mode: mode_t
    var times: [timespec]
    /// The default access control list, which concerns what is made in the directory from then on.
    var defaults: [UInt8]?
  }

  private struct Whiteout {
    var directory: [[CChar]]
    /// The name that it hides; nil for all names.
    var hidden: [CChar]?
  }

  private var tree: LayerTree
  private let limits: UnpackLimits
  private let user = geteuid()
  private let group = getegid()
  private var whiteouts: [Whiteout] = []
  private var entries = 0
  private var size: UInt64 = 0
  /// Modes and times of directories, by path: set at the end, when nothing more is made in them.
  private var directories: [[CChar]: DirectoryMetadata] = [:]
  private let mode: UnpackMode
  /// What this layer brought, with the directories above: its deletions concern the layers below only. For trees.
  private var written: Set<[CChar]> = []

  private init(
    into directory: consuming OwnedDescriptor, limits: UnpackLimits, mode: UnpackMode, _ activity: String
  ) throws(ContainrError) {
    tree = try LayerTree(
      owning: directory, isPrivileged: geteuid() == 0, isPopulated: mode != .overlay, activity)
    self.limits = limits
    self.mode = mode
  }

  /// Unpacks a blob, compressed or not, into a directory, and computes its diff id in the same pass.
  ///
  /// No path in the blob leads out of the directory, and no link in it or in the directory is followed, whoever renames
  /// things there meanwhile. Owners and devices need root; an ordinary user can unpack what belongs to root as its own.
  ///
  /// - Parameters:
  ///   - blob: the blob, open at its start.
  ///   - name: what errors call the blob.
  ///   - directory: the directory, empty for ``UnpackMode/overlay``.
  ///   - limits: how much the blob may bring.
  ///   - mode: what a deletion becomes.
  /// - Throws: `LAYER_INVALID`; `RESOURCE_EXHAUSTED` for a full disk; `PERMISSION_DENIED` for owners and devices that the
  ///   caller cannot make.
  @discardableResult
  public static func unpack(
    _ blob: borrowing OwnedDescriptor, named name: String, into directory: consuming OwnedDescriptor,
    limits: UnpackLimits = UnpackLimits(), mode: UnpackMode = .overlay
  ) throws(ContainrError) -> Outcome {
    let activity = "unpacking the layer \(name)"
    let source = try DecompressedBlob(blob.rawValue, limits: limits, activity: activity)
    var unpacker = try LayerUnpacker(into: directory, limits: limits, mode: mode, activity)
    do throws(ContainrError) { try withUTF8Names { () throws(ContainrError) in try unpacker.run(source, activity) } } catch {
      // What a tree had must not be lost with what the layer brings.
      try unpacker.restoreDefaults(activity)
      throw error
    }
    return Outcome(diffID: try source.finish(), entries: unpacker.entries, size: ByteCount(unpacker.size))
  }

  private mutating func run(_ source: DecompressedBlob, _ activity: String) throws(ContainrError) {
    let tar = try source.makeTarReader()
    // The tar reader holds the source's address only.
    defer { withExtendedLifetime(source) {} }
    while true {
      var pointer: OpaquePointer?
      let status = archive_read_next_header(tar.pointer, &pointer)
      if let failure = source.failure { throw failure }
      if status == ARCHIVE_EOF { break }
      try tar.check(status, activity)
      guard let pointer, let text = archive_entry_pathname(pointer) else { throw tar.failure(activity) }
      entries += 1
      guard entries <= limits.entries else { throw UnpackLimits.exceeded("entries", limits.entries, activity) }
      let entryActivity = "unpacking \(LayerPath.printable(text)) of the layer"
      do throws(ContainrError) {
        try unpack(LayerPath(text, depthLimit: limits.pathDepth, activity: activity), pointer, tar.pointer, entryActivity)
      } catch {
        if let failure = source.failure { throw failure }
        throw error
      }
    }
    try finishWhiteouts(activity)
    try finishDirectories(activity)
    try restoreDefaults(activity)
  }

  private mutating func unpack(
    _ path: LayerPath, _ pointer: OpaquePointer, _ tar: OpaquePointer, _ activity: String
  ) throws(ContainrError) {
    if mode != .plain, try whiteout(path, activity) { return }
    if mode == .tree { note(path) }
    if let target = archive_entry_hardlink(pointer) {
      let target = try LayerPath(target, depthLimit: limits.pathDepth, activity: activity)
      return try tree.link(path, to: target, activity)
    }
    let entry = try LayerEntry(pointer, activity)
    switch archive_entry_filetype(pointer) {
    case S_IFDIR: try directory(path, entry, activity)
    case S_IFREG: try file(path, entry, tar, activity)
    case S_IFLNK: try symbolicLink(path, entry, activity)
    case S_IFIFO, S_IFCHR, S_IFBLK: try node(path, entry, archive_entry_filetype(pointer), activity)
    default: throw ContainrError(.layerInvalid, activity, hint: "an entry of an unknown type")
    }
  }

  // MARK: Whiteouts

  private static let metadataPrefix = ".wh..wh.".utf8.map(CChar.init)
  private static let opaqueName = Array(".wh..wh..opq".utf8CString)

  /// Whether the entry was a whiteout, which waits until all entries are there.
  ///
  /// A whiteout speaks of the layers below only, and may stand before or after what its own layer has under the name
  /// (image-spec layer.md#whiteouts); done last, all of them come to the same in any order.
  private mutating func whiteout(_ path: LayerPath, _ activity: String) throws(ContainrError) -> Bool {
    // AUFS kept its own files in the layer's root; they have no meaning in the image (image-spec layer.md).
    if let first = path.components.first, first.starts(with: Self.metadataPrefix), first != Self.opaqueName { return true }
    guard let name = path.components.last, name.starts(with: LayerPath.whiteoutPrefix) else { return false }
    var hidden: [CChar]?
    if name == Self.opaqueName {
      guard path.components.count > 1 else {
        throw ContainrError(
          .unsupported, activity, hint: "overlayfs cannot hide the root of the layers below; squash the image's layers")
      }
    } else {
      let rest = Array(name.dropFirst(LayerPath.whiteoutPrefix.count))
      let dot = CChar(bitPattern: UInt8(ascii: "."))
      guard rest.count > 1, rest != [dot, 0], rest != [dot, dot, 0], !rest.starts(with: LayerPath.whiteoutPrefix) else {
        throw ContainrError(.layerInvalid, activity, hint: "a whiteout of no name")
      }
      hidden = rest
    }
    if mode == .tree {
      try remove(hidden, in: path.components.dropLast(), activity)
    } else {
      whiteouts.append(Whiteout(directory: Array(path.components.dropLast()), hidden: hidden))
    }
    return true
  }

  private mutating func note(_ path: LayerPath) {
    var components = path.components[...]
    while written.insert(LayerPath.join(components)).inserted, !components.isEmpty { components = components.dropLast() }
  }

  /// Removes a name of a directory, or all names, and keeps what this layer brought.
  private mutating func remove(
    _ name: [CChar]?, in path: ArraySlice<[CChar]>, _ activity: String
  ) throws(ContainrError) {
    guard let directory = try tree.directoryIfPresent(path, activity) else { return }
    let names = if let name { [name] } else { try FileTree.rawNames(in: directory, path: activity) }
    for name in names {
      guard let status = tree.status(of: name, in: directory) else { continue }
      let child = path + [name]
      if !written.contains(LayerPath.join(child)) {
        try FileTree.remove(name, in: directory, path: activity)
      } else if status.st_mode & S_IFMT == S_IFDIR {
        try remove(nil, in: child, activity)
        // The cached directories lead to the child now.
        _ = try tree.directory(path, activity)
      }
    }
  }

  private mutating func finishWhiteouts(_ activity: String) throws(ContainrError) {
    // Those near the root first: what they hide needs no whiteouts below.
    whiteouts.sort { $0.directory.count < $1.directory.count }
    for whiteout in whiteouts {
      guard let directory = try tree.directoryUnlessHidden(whiteout.directory[...], activity) else { continue }
      if let hidden = whiteout.hidden {
        try tree.whiteout(hidden, in: directory, activity)
      } else {
        try tree.makeOpaque(directory, activity)
      }
    }
  }

  // MARK: Kinds of entries

  private mutating func directory(_ path: LayerPath, _ entry: LayerEntry, _ activity: String) throws(ContainrError) {
    let descriptor = try tree.directoryEntry(path, activity)
    try setOwner(of: descriptor, entry, activity)
    if mode == .tree { try removeAttributes(of: descriptor, activity) }
    let defaults = try setAttributes(of: descriptor, entry, activity)
    directories[path.joined] = DirectoryMetadata(mode: entry.mode, times: entry.times, defaults: defaults)
  }

  /// Takes away what an earlier layer gave a directory: an entry says all that it has.
  private func removeAttributes(of directory: CInt, _ activity: String) throws(ContainrError) {
    for attribute in try ExtendedAttribute.all(of: directory, activity)
    where attribute.isPortable && fremovexattr(directory, attribute.name) != 0 {
      throw .errno(.current, .layerInvalid, "\(activity): \(attribute.name)", call: "fremovexattr(2)")
    }
  }

  private mutating func file(
    _ path: LayerPath, _ entry: LayerEntry, _ tar: OpaquePointer, _ activity: String
  ) throws(ContainrError) {
    guard entry.size <= limits.fileSize.bytes else {
      throw UnpackLimits.exceeded("fileSize", limits.fileSize, activity)
    }
    size += entry.size
    guard size <= limits.totalSize.bytes else { throw UnpackLimits.exceeded("totalSize", limits.totalSize, activity) }
    let opened = try tree.replacing(path, call: "openat(2)", activity) { parent, name in
      let result = cl_openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
      if result < 0 { errno = -result }
      return result
    }
    let descriptor = OwnedDescriptor(owning: opened)
    try copyData(from: tar, to: descriptor.rawValue, entry.size, activity)
    // In this order: chown takes away set-user-id bits and capabilities.
    try setOwner(of: descriptor.rawValue, entry, activity)
    guard fchmod(descriptor.rawValue, entry.mode) == 0 else {
      throw .errno(.current, .layerInvalid, activity, call: "fchmod(2)")
    }
    _ = try setAttributes(of: descriptor.rawValue, entry, activity)
    guard futimens(descriptor.rawValue, entry.times) == 0 else {
      throw .errno(.current, .layerInvalid, activity, call: "futimens(3)")
    }
  }

  private func copyData(
    from tar: OpaquePointer, to descriptor: CInt, _ size: UInt64, _ activity: String
  ) throws(ContainrError) {
    var end: Int64 = 0
    while true {
      var base: UnsafeRawPointer?
      var count = 0
      var offset: Int64 = 0
      let status = archive_read_data_block(tar, &base, &count, &offset)
      if status == ARCHIVE_EOF { break }
      guard status == ARCHIVE_OK else {
        let text = archive_error_string(tar).map { String(cString: $0) }
        throw ContainrError(.layerInvalid, activity, hint: text ?? "the archive is malformed")
      }
      guard count > 0, let base else { continue }
      guard offset >= 0, UInt64(offset) + UInt64(count) <= size else {
        throw ContainrError(.layerInvalid, activity, hint: "the file has more data than its size says")
      }
      var done = 0
      while done < count {
        let written = pwrite(descriptor, base + done, count - done, off_t(offset) + done)
        guard written >= 0 || Errno.current == .interrupted else {
          throw .errno(.current, .layerInvalid, activity, call: "pwrite(2)")
        }
        done += max(written, 0)
      }
      end = max(end, offset + Int64(count))
    }
    // The holes of a sparse file are what nobody wrote.
    if UInt64(end) < size, ftruncate(descriptor, off_t(size)) != 0 {
      throw .errno(.current, .layerInvalid, activity, call: "ftruncate(2)")
    }
  }

  private mutating func symbolicLink(_ path: LayerPath, _ entry: LayerEntry, _ activity: String) throws(ContainrError) {
    guard let target = archive_entry_symlink(entry.pointer), target.pointee != 0 else {
      throw ContainrError(.layerInvalid, activity, hint: "a symbolic link without a target")
    }
    _ = try tree.replacing(path, call: "symlinkat(2)", activity) { symlinkat(target, $0, $1) }
    try finishNode(path, entry, isLink: true, activity)
  }

  private mutating func node(
    _ path: LayerPath, _ entry: LayerEntry, _ type: mode_t, _ activity: String
  ) throws(ContainrError) {
    var device: dev_t = 0
    if type != S_IFIFO {
      device = archive_entry_rdev(entry.pointer)
      guard type != S_IFCHR || device != 0 else {
        throw ContainrError(.layerInvalid, activity, hint: "a character device 0/0 would hide files of the layers below")
      }
    }
    _ = try tree.replacing(path, call: "mknodat(2)", activity) { mknodat($0, $1, type | 0o600, device) }
    try finishNode(path, entry, isLink: false, activity)
  }

  /// Sets owner, mode, attributes and times of something that must not be opened for reading or writing.
  private mutating func finishNode(
    _ path: LayerPath, _ entry: LayerEntry, isLink: Bool, _ activity: String
  ) throws(ContainrError) {
    let parent = try tree.parent(of: path, activity)
    let name = path.components[path.components.count - 1]
    let node = OwnedDescriptor(
      owning: try check(
        cl_openat(parent, name, CInt(CL_O_PATH) | O_NOFOLLOW | O_CLOEXEC, 0), .layerInvalid, "openat(2)", activity))
    let magic = "/proc/self/fd/\(node.rawValue)"
    if user == 0 || !belongsToCaller(entry),
      fchownat(node.rawValue, "", entry.owner, entry.group, CInt(CL_AT_EMPTY_PATH)) != 0
    {
      throw ownerFailed(entry, activity, call: "fchownat(2)")
    }
    if !isLink, chmod(magic, entry.mode) != 0 { throw .errno(.current, .layerInvalid, activity, call: "chmod(2)") }
    for attribute in try entry.attributes(activity)
    where setxattr(magic, attribute.name, attribute.value, attribute.value.count, 0) != 0 {
      throw .errno(.current, .layerInvalid, "\(activity): \(attribute.name)", call: "setxattr(2)")
    }
    guard utimensat(parent, name, entry.times, AT_SYMLINK_NOFOLLOW) == 0 else {
      throw .errno(.current, .layerInvalid, activity, call: "utimensat(2)")
    }
  }

  // MARK: Metadata

  private func setOwner(of descriptor: CInt, _ entry: LayerEntry, _ activity: String) throws(ContainrError) {
    // Always for root, because a directory with the set-group-id bit gives its group to what is made in it.
    if user != 0, belongsToCaller(entry) { return }
    guard fchown(descriptor, entry.owner, entry.group) == 0 else { throw ownerFailed(entry, activity, call: "fchown(2)") }
  }

  /// Whether what the caller makes has the right owner already. For an ordinary user that goes for the files of root, too:
  /// in the user namespace of a container that it runs, root is itself.
  private func belongsToCaller(_ entry: LayerEntry) -> Bool {
    return (entry.owner == 0 || entry.owner == user) && (entry.group == 0 || entry.group == group)
  }

  private func ownerFailed(_ entry: LayerEntry, _ activity: String, call: String) -> ContainrError {
    .errno(
      .current, .layerInvalid, "\(activity): giving it to \(entry.owner):\(entry.group)", call: call,
      hint: user == 0 ? nil : "an ordinary user can only unpack images whose files all belong to root")
  }

  /// Sets the attributes and access control lists, but for a default one, which is given back.
  private func setAttributes(of descriptor: CInt, _ entry: LayerEntry, _ activity: String) throws(ContainrError) -> [UInt8]? {
    var attributes = try entry.attributes(activity)
    if archive_entry_acl_types(entry.pointer) != 0 {
      attributes += try AccessControlList.lists(of: entry.pointer, activity).map { ($0.attribute, $0.value) }
    }
    var defaults: [UInt8]?
    for attribute in attributes {
      if attribute.name == LayerTree.defaultsAttribute {
        defaults = attribute.value
      } else if fsetxattr(descriptor, attribute.name, attribute.value, attribute.value.count, 0) != 0 {
        throw .errno(.current, .layerInvalid, "\(activity): \(attribute.name)", call: "fsetxattr(2)")
      }
    }
    return defaults
  }

  private mutating func finishDirectories(_ activity: String) throws(ContainrError) {
    // Deepest first: a directory may shut itself.
    let paths = directories.keys.sorted { $1.lexicographicallyPrecedes($0) }
    for path in paths {
      guard let metadata = directories[path], let directory = try tree.finishedDirectory(path, activity) else { continue }
      guard fchmod(directory.rawValue, metadata.mode) == 0 else {
        throw .errno(.current, .layerInvalid, activity, call: "fchmod(2)")
      }
      if let value = metadata.defaults { try setDefaults(value, of: directory.rawValue, activity) }
      guard futimens(directory.rawValue, metadata.times) == 0 else {
        throw .errno(.current, .layerInvalid, activity, call: "futimens(3)")
      }
    }
  }

  private func setDefaults(_ value: [UInt8], of directory: CInt, _ activity: String) throws(ContainrError) {
    guard fsetxattr(directory, LayerTree.defaultsAttribute, value, value.count, 0) == 0 else {
      throw .errno(.current, .layerInvalid, activity, call: "fsetxattr(2)")
    }
  }

  private func restoreDefaults(_ activity: String) throws(ContainrError) {
    for (path, value) in tree.suspendedDefaults where directories[path] == nil {
      guard let directory = try tree.finishedDirectory(path, activity) else { continue }
      try setDefaults(value, of: directory.rawValue, activity)
    }
  }
}
