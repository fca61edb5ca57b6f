import CContainrLinux
import ContainrCore
import Glibc
import SystemPackage

/// Writes a list of changes as the entries of a tar.
struct LayerEntryWriter: ~Copyable {
  private let stream: LayerStream
  private let reading: TreeReading
  /// The open directories that lead to the last entry, with their items and paths.
  private var directories: [(item: Int, descriptor: CInt, path: [UInt8])] = []
  /// The first path of each inode that has several.
  private var links: [InodeKey: [UInt8]] = [:]
  private(set) var entries = 0

  init(_ stream: LayerStream, _ activity: String) {
    self.stream = stream
    reading = TreeReading(activity: activity)
  }

  deinit { for directory in directories { close(directory.descriptor) } }

  /// - Parameter root: the tree, which is closed at the end.
  mutating func write(_ list: ChangeList, from root: CInt) throws(ContainrError) {
    directories.append((0, root, []))
    for (index, item) in list.items.enumerated() where item.isEmitted {
      if index == 0 {
        try directory(root, path: Array("./".utf8))
        continue
      }
      while let last = directories.last, last.item != item.parent {
        close(last.descriptor)
        directories.removeLast()
      }
      guard let parent = directories.last else { throw ContainrError(.internalError, reading.activity) }
      let name = item.name.dropLast().map { UInt8(bitPattern: $0) }
      guard let status = item.status else {
        try empty(parent.path + Array(".wh.".utf8) + name)
        continue
      }
      let path = parent.path + name
      guard status.st_mode & S_IFMT == S_IFDIR else {
        try entry(item.name, status, in: parent.descriptor, path: path)
        continue
      }
      let opened = try reading.directory(item.name, in: parent.descriptor).release()
      directories.append((index, opened, path + [0x2F]))
      try directory(opened, path: path + [0x2F])
      if item.isOpaque { try empty(path + Array("/.wh..wh..opq".utf8)) }
    }
  }

  /// An empty file that says something: a whiteout.
  private mutating func empty(_ path: [UInt8]) throws(ContainrError) { try append(TarHeader(path: path, type: 0x30)) }

  private mutating func append(_ header: TarHeader) throws(ContainrError) {
    // A pax record ends its key at the first of them: the rest of the name would become part of the value.
    if let attribute = header.attributes.first(where: { $0.name.utf8.contains(0x3D) }) {
      throw ContainrError(
        .unsupported, reading.activity, hint: "no tar holds an attribute with = in its name: \(attribute.name)")
    }
    entries += 1
    try stream.append { header.append(to: &$0) }
  }

  private func header(_ path: [UInt8], _ type: Character, _ status: stat) -> TarHeader {
    TarHeader(
      path: path, type: type.asciiValue ?? 0x30, mode: status.st_mode & 0o7777, owner: status.st_uid, group: status.st_gid,
      modified: status.st_mtim)
  }

  private mutating func directory(_ descriptor: CInt, path: [UInt8]) throws(ContainrError) {
    var header = header(path, "5", try reading.status(of: descriptor))
    header.attributes = try ExtendedAttribute.all(of: descriptor, reading.activity).filter(\.isPortable)
    try append(header)
  }

  private mutating func entry(
    _ name: [CChar], _ status: stat, in parent: CInt, path: [UInt8]
  ) throws(ContainrError) {
    if status.st_nlink > 1 {
      if let first = links[InodeKey(status)] {
        var header = header(path, "1", status)
        header.linkTarget = first
        return try append(header)
      }
      links[InodeKey(status)] = path
    }
    if status.st_mode & S_IFMT == S_IFREG { return try file(name, status, in: parent, path: path) }
    var header: TarHeader
    switch status.st_mode & S_IFMT {
    case S_IFLNK:
      header = self.header(path, "2", status)
      header.linkTarget = try reading.linkTarget(name, in: parent)
    case S_IFIFO: header = self.header(path, "6", status)
    default:
      header = self.header(path, status.st_mode & S_IFMT == S_IFCHR ? "3" : "4", status)
      header.device = (cl_major(UInt64(status.st_rdev)), cl_minor(UInt64(status.st_rdev)))
    }
    header.attributes = try ExtendedAttribute.all(of: name, in: parent, reading.activity).filter(\.isPortable)
    try append(header)
  }

  // MARK: Regular files

  private mutating func file(
    _ name: [CChar], _ seen: stat, in parent: CInt, path: [UInt8]
  ) throws(ContainrError) {
    let file = try reading.file(name, in: parent)
    let status = try reading.status(of: file.rawValue)
    guard status.st_mode & S_IFMT == S_IFREG, InodeKey(status) == InodeKey(seen) else {
      throw ContainrError(
        .ioFailure, reading.activity, hint: "\(LayerPath.printable(name)) was replaced meanwhile; stop who writes to the tree")
    }
    var header = header(path, "0", status)
    let attributes = try ExtendedAttribute.all(of: file.rawValue, reading.activity)
    if attributes.contains(where: { $0.isOverlays && $0.name.hasSuffix(".overlay.metacopy") }) {
      throw ContainrError(
        .unsupported, reading.activity,
        hint:
          "overlay.metacopy: the data of \(LayerPath.printable(name)) is in a layer below; compare the mounted trees instead")
    }
    header.attributes = attributes.filter(\.isPortable)
    let size = UInt64(status.st_size)
    if status.st_blocks * 512 < status.st_size, let parts = try parts(of: file.rawValue, size: size) {
      return try sparse(file.rawValue, parts, size: size, header)
    }
    header.size = size
    try append(header)
    try stream.append(file: file.rawValue, offset: 0, count: size)
    try stream.pad(after: size)
  }

  /// SEEK_DATA and SEEK_HOLE of lseek(2), which Glibc hides.
  private static let seekData: CInt = 3
  private static let seekHole: CInt = 4

  /// Where a file has data; nil where it has no hole.
  private func parts(of file: CInt, size: UInt64) throws(ContainrError) -> [Range<UInt64>]? {
    var parts: [Range<UInt64>] = []
    var place: off_t = 0
    while place < off_t(size) {
      let data = lseek(file, place, Self.seekData)
      if data < 0, Errno.current.rawValue == ENXIO { break }
      let hole = data < 0 ? -1 : lseek(file, data, Self.seekHole)
      guard data >= 0, hole > data else { throw .errno(.current, .ioFailure, reading.activity, call: "lseek(2)") }
      parts.append(UInt64(data)..<min(UInt64(hole), size))
      place = hole
    }
    return parts == [0..<size] ? nil : parts
  }

  /// A file with holes in GNU's form 1.0: a map in decimal numbers, one a line, then the data.
  private mutating func sparse(
    _ file: CInt, _ parts: [Range<UInt64>], size: UInt64, _ header: TarHeader
  ) throws(ContainrError) {
    // The last pair marks the end.
    var map = Array("\(parts.count + 1)\n".utf8)
    for part in parts { map += "\(part.lowerBound)\n\(part.count)\n".utf8 }
    map += "\(size)\n0\n".utf8
    map += repeatElement(0, count: (512 - map.count % 512) % 512)
    let data = parts.reduce(0) { $0 + UInt64($1.count) }
    var header = header
    header.size = UInt64(map.count) + data
    header.sparseLength = size
    try append(header)
    try stream.append(map)
    for part in parts { try stream.append(file: file, offset: part.lowerBound, count: UInt64(part.count)) }
    try stream.pad(after: data)
  }
}
