import CContainrLinux
import ContainrCore
import Glibc
import SystemPackage

/// Walks an overlay's upper directory, in which everything is a change (overlayfs.rst).
struct UpperWalk {
  private let reading: TreeReading
  private var list: ChangeList

  init(_ activity: String) {
    reading = TreeReading(activity: activity)
    list = ChangeList(root: stat(), kind: nil)
  }

  mutating func run(_ upper: CInt, layers: [FilePath]) throws(ContainrError) -> ChangeList {
    // Topmost first, as overlayfs looks things up.
    var lower: [OwnedDirectory] = []
    for layer in layers.reversed() {
      lower.append(OwnedDirectory(try OwnedDescriptor.open(layer, flags: O_RDONLY | O_DIRECTORY, code: .rootfsNotFound)))
    }
    let status = try reading.status(of: upper)
    var kind: LayerChange.Kind?
    if let top = lower.first {
      // Its time says when the upper directory was made.
      let before = try reading.status(of: top.descriptor)
      let isSame = status.st_mode == before.st_mode && status.st_uid == before.st_uid && status.st_gid == before.st_gid
      kind = isSame ? nil : .modified
    }
    list = ChangeList(root: status, kind: kind)
    try walk(upper, layers.isEmpty ? nil : lower, 0, 0, hasMarkedWhiteouts: try marks(upper).hasMarkedWhiteouts)
    list.finish()
    return list
  }

  /// What overlayfs says of a directory.
  private struct Marks {
    var isOpaque = false
    /// Whether files in it may be whiteouts by an attribute (Linux 6.7).
    var hasMarkedWhiteouts = false
  }

  private func marks(_ directory: CInt) throws(ContainrError) -> Marks {
    var marks = Marks()
    for attribute in try ExtendedAttribute.all(of: directory, reading.activity) where attribute.isOverlays {
      switch attribute.name.split(separator: ".", maxSplits: 2).last {
      case "opaque":
        if attribute.value == Array("y".utf8) { marks.isOpaque = true }
        if attribute.value == Array("x".utf8) { marks.hasMarkedWhiteouts = true }
      case "redirect":
        throw ContainrError(
          .unsupported, reading.activity,
          hint: "overlay.redirect: a directory was renamed in place; compare the mounted trees instead")
      default: break
      }
    }
    return marks
  }

  /// - Parameter lower: the directories of that path in the layers below, topmost first; nil where the layers are not known.
  private mutating func walk(
    _ upper: CInt, _ lower: [OwnedDirectory]?, _ parent: Int, _ depth: Int, hasMarkedWhiteouts: Bool
  ) throws(ContainrError) {
    try reading.checkDepth(depth)
    for name in try reading.names(upper) {
      let status = try reading.status(name, in: upper)
      let below = if let lower { try find(name, in: lower) } else { Below(exists: nil, directories: nil) }
      if try isWhiteout(name, status, in: upper, hasMarkedWhiteouts) {
        if below.exists != false { list.append(name, in: parent, nil, .deleted) }
        continue
      }
      let type = status.st_mode & S_IFMT
      if type == S_IFSOCK {
        list.sockets += 1
        if below.exists == true { list.append(name, in: parent, nil, .deleted) }
        continue
      }
      try reading.checkExpressible(name, status)
      let kind: LayerChange.Kind = below.exists == true ? .modified : .added
      guard type == S_IFDIR else {
        list.append(name, in: parent, status, kind)
        continue
      }
      let directory = try reading.directory(name, in: upper)
      let marks = try marks(directory.rawValue)
      let hides = marks.isOpaque && below.exists != false
      let index = list.append(name, in: parent, status, kind, isOpaque: hides)
      try walk(
        directory.rawValue, marks.isOpaque ? (lower == nil ? nil : []) : below.directories, index, depth + 1,
        hasMarkedWhiteouts: marks.hasMarkedWhiteouts)
    }
  }

  private func isWhiteout(
    _ name: [CChar], _ status: stat, in directory: CInt, _ mayBeMarked: Bool
  ) throws(ContainrError) -> Bool {
    switch status.st_mode & S_IFMT {
    case S_IFCHR: return status.st_rdev == 0
    case S_IFREG where mayBeMarked && status.st_size == 0:
      return try ExtendedAttribute.all(of: name, in: directory, reading.activity)
        .contains { $0.isOverlays && $0.name.hasSuffix(".overlay.whiteout") }
    default: return false
    }
  }

  // MARK: The layers below

  private struct Below {
    /// nil where the layers are not known.
    var exists: Bool?
    var directories: [OwnedDirectory]?
  }

  /// What the layers below show under a name: the topmost one that has it decides, and directories are merged until
  /// something else, a whiteout or an opaque directory ends them.
  private func find(_ name: [CChar], in lower: [OwnedDirectory]) throws(ContainrError) -> Below {
    var below = Below(exists: false, directories: [])
    for layer in lower {
      guard let status = try reading.statusIfPresent(name, in: layer.descriptor) else { continue }
      let type = status.st_mode & S_IFMT
      let isWhiteout = try isWhiteout(name, status, in: layer.descriptor, true)
      if below.exists == false { below.exists = !isWhiteout }
      guard type == S_IFDIR else { return below }
      let directory = OwnedDirectory(try reading.directory(name, in: layer.descriptor))
      below.directories?.append(directory)
      if try marks(directory.descriptor).isOpaque { return below }
    }
    return below
  }
}

/// A directory that is closed when the last list that holds it ends: lists hold no values that cannot be copied.
private final class OwnedDirectory {
  private let owner: OwnedDescriptor
  var descriptor: CInt { owner.rawValue }

  init(_ owner: consuming OwnedDescriptor) { self.owner = owner }
}
