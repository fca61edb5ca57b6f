import CContainrLinux
import ContainrCore
import Glibc
import SystemPackage

/// Walks two trees side by side and notes what differs.
struct TreeComparison {
  private let reading: TreeReading
  private let comparison: LayerDiff.Comparison
  private var list: ChangeList
  /// Entries of several names, by their inode in the tree after and in the one before.
  private var links: [(item: Int, new: InodeKey, old: InodeKey?)] = []
  /// Whether a file that both trees show under one inode number is one file although the trees are different file systems:
  /// so for snapshots of btrfs, and for overlays over the same layers.
  private var sharesInodes = false
  private var buffers = (new: [UInt8](), old: [UInt8]())

  init(_ activity: String, _ comparison: LayerDiff.Comparison) {
    reading = TreeReading(activity: activity)
    self.comparison = comparison
    list = ChangeList(root: stat(), kind: nil)
  }

  mutating func run(_ new: CInt, _ old: CInt?) throws(ContainrError) -> ChangeList {
    let status = try reading.status(of: new)
    var kind: LayerChange.Kind? = .modified
    if let old {
      let type = try Self.fileSystem(new, reading)
      let before = try Self.fileSystem(old, reading)
      sharesInodes = type != nil && type == before
      let here: [CChar] = [CChar(bitPattern: UInt8(ascii: ".")), 0]
      let same = try hasSameMetadata(here, status, in: new, reading.status(of: old), in: old)
      kind = same ? nil : .modified
    }
    list = ChangeList(root: status, kind: kind)
    try walk(new, old, 0, 0)
    resolveLinks()
    list.finish()
    return list
  }

  /// The number of the file system's type where it is btrfs or overlayfs (statfs(2)); nil for others.
  private static func fileSystem(_ directory: CInt, _ reading: TreeReading) throws(ContainrError) -> Int? {
    let type = try check(cl_file_system_type(directory), .ioFailure, "fstatfs(2)", reading.activity)
    return type == 0x9123_683E || type == 0x794C_7630 ? type : nil
  }

  // MARK: The walk

  private mutating func walk(_ new: CInt, _ old: CInt?, _ parent: Int, _ depth: Int) throws(ContainrError) {
    try reading.checkDepth(depth)
    let names = try reading.names(new)
    let before = if let old { try reading.names(old) } else { [[CChar]]() }
    var next = 0
    for name in names {
      while next < before.count, strcmp(before[next], name) < 0 {
        list.append(before[next], in: parent, nil, .deleted)
        next += 1
      }
      var oldStatus: stat?
      if let old, next < before.count, before[next] == name {
        oldStatus = try reading.status(name, in: old)
        next += 1
      }
      try compare(name, new, old, oldStatus, parent, depth)
    }
    for name in before[next...] { list.append(name, in: parent, nil, .deleted) }
  }

  private mutating func compare(
    _ name: [CChar], _ new: CInt, _ old: CInt?, _ oldStatus: stat?, _ parent: Int, _ depth: Int
  ) throws(ContainrError) {
    let status = try reading.status(name, in: new)
    let type = status.st_mode & S_IFMT
    if type == S_IFSOCK {
      list.sockets += 1
      if let oldStatus, oldStatus.st_mode & S_IFMT != S_IFSOCK { list.append(name, in: parent, nil, .deleted) }
      return
    }
    try reading.checkExpressible(name, status)
    guard let old, let oldStatus, oldStatus.st_mode & S_IFMT == type else {
      let index = list.append(name, in: parent, status, oldStatus == nil ? .added : .modified)
      if type == S_IFDIR {
        let directory = try reading.directory(name, in: new)
        try walk(directory.rawValue, nil, index, depth + 1)
      } else if status.st_nlink > 1 {
        links.append((index, InodeKey(status), nil))
      }
      return
    }
    if type == S_IFDIR {
      let same = try hasSameMetadata(name, status, in: new, oldStatus, in: old)
      let index = list.append(name, in: parent, status, same ? nil : .modified)
      let directory = try reading.directory(name, in: new)
      let before = try reading.directory(name, in: old)
      try walk(directory.rawValue, before.rawValue, index, depth + 1)
      list.removeIfBarren(index)
      return
    }
    let same = try isSameFile(name, status, in: new, oldStatus, in: old)
    let isLinked = status.st_nlink > 1 || oldStatus.st_nlink > 1
    guard !same || isLinked else { return }
    let index = list.append(name, in: parent, status, same ? nil : .modified)
    if isLinked { links.append((index, InodeKey(status), InodeKey(oldStatus))) }
  }

  /// A layer links only to what it has itself. So the names of an inode are written together when one of them is, or when
  /// the inode has other names than before.
  private mutating func resolveLinks() {
    var survivors: [InodeKey: Int] = [:]
    for link in links { if let old = link.old { survivors[old, default: 0] += 1 } }
    for group in Dictionary(grouping: links, by: \.new).values {
      let before = group[0].old
      let isSame =
        group.allSatisfy { list.items[$0.item].kind == nil && $0.old == before }
        && before.map { survivors[$0] == group.count } ?? false
      if isSame { continue }
      for link in group where list.items[link.item].kind == nil { list.setKind(.modified, at: link.item) }
    }
  }

  // MARK: One entry

  private mutating func isSameFile(
    _ name: [CChar], _ new: stat, in newDirectory: CInt, _ old: stat, in oldDirectory: CInt
  ) throws(ContainrError) -> Bool {
    if new.st_ino == old.st_ino {
      if new.st_dev == old.st_dev { return true }
      // Whoever changes a file cannot choose the time of its change of status.
      if sharesInodes, isSame(new.st_ctim, old.st_ctim), isSame(new.st_mtim, old.st_mtim), new.st_size == old.st_size {
        return true
      }
    }
    guard try hasSameMetadata(name, new, in: newDirectory, old, in: oldDirectory) else { return false }
    switch new.st_mode & S_IFMT {
    case S_IFREG:
      guard new.st_size == old.st_size else { return false }
      if comparison == .metadata || new.st_size == 0 { return true }
      return try hasSameContents(name, in: newDirectory, in: oldDirectory)
    case S_IFLNK:
      return try reading.linkTarget(name, in: newDirectory) == reading.linkTarget(name, in: oldDirectory)
    case S_IFCHR, S_IFBLK: return new.st_rdev == old.st_rdev
    default: return true
    }
  }

  private func hasSameMetadata(
    _ name: [CChar], _ new: stat, in newDirectory: CInt, _ old: stat, in oldDirectory: CInt
  ) throws(ContainrError) -> Bool {
    guard new.st_mode == old.st_mode, new.st_uid == old.st_uid, new.st_gid == old.st_gid, isSame(new.st_mtim, old.st_mtim)
    else {
      return false
    }
    let attributes = try ExtendedAttribute.all(of: name, in: newDirectory, reading.activity).filter(\.isPortable)
    return try attributes == ExtendedAttribute.all(of: name, in: oldDirectory, reading.activity).filter(\.isPortable)
  }

  private mutating func hasSameContents(_ name: [CChar], in new: CInt, in old: CInt) throws(ContainrError) -> Bool {
    if buffers.new.isEmpty {
      buffers = (Array(repeating: 0, count: 256 << 10), Array(repeating: 0, count: 256 << 10))
    }
    let first = try reading.file(name, in: new)
    let second = try reading.file(name, in: old)
    while true {
      let count = try fill(&buffers.new, from: first)
      guard try count == fill(&buffers.old, from: second) else { return false }
      if count == 0 { return true }
      guard memcmp(buffers.new, buffers.old, count) == 0 else { return false }
    }
  }

  private func fill(_ buffer: inout [UInt8], from file: borrowing OwnedDescriptor) throws(ContainrError) -> Int {
    var used = 0
    while used < buffer.count {
      let count = buffer.withUnsafeMutableBytes { read(file.rawValue, $0.baseAddress! + used, $0.count - used) }
      if count == 0 { break }
      guard count > 0 || Errno.current == .interrupted else {
        throw .errno(.current, .ioFailure, reading.activity, call: "read(2)")
      }
      used += max(count, 0)
    }
    return used
  }
}

private func isSame(_ left: timespec, _ right: timespec) -> Bool {
  left.tv_sec == right.tv_sec && left.tv_nsec == right.tv_nsec
}
