import CContainrLinux
import ContainrCore
import Glibc
import SystemPackage

/// What a layer will hold, in the order in which it will: a directory, then what is in it, sorted by the bytes of the names.
struct ChangeList {
  struct Item {
    /// With a NUL at its end.
    var name: [CChar]
    /// The index of the directory; -1 for the root, which is the first item.
    var parent: Int
    /// nil for a whiteout.
    var status: stat?
    /// nil for what is the same, and here because something below it, or a hard link of it, may not be.
    var kind: LayerChange.Kind?
    /// Whether everything that the layers below have in the directory is hidden.
    var isOpaque = false
    var isEmitted = false
  }

  private(set) var items: [Item]
  /// How many sockets were left out.
  var sockets = 0

  /// How deep a tree may be: each level holds a descriptor or two. Layers are unpacked to half of it by default.
  static let depthLimit = 256

  init(root: stat, kind: LayerChange.Kind?) {
    items = [Item(name: [CChar(bitPattern: UInt8(ascii: ".")), 0], parent: -1, status: root, kind: kind)]
  }

  /// Appends an entry, or a whiteout for nil. Its index.
  @discardableResult
  mutating func append(
    _ name: [CChar], in parent: Int, _ status: stat?, _ kind: LayerChange.Kind?, isOpaque: Bool = false
  ) -> Int {
    items.append(Item(name: name, parent: parent, status: status, kind: kind, isOpaque: isOpaque))
    return items.count - 1
  }

  /// Takes back a directory in which nothing was found.
  mutating func removeIfBarren(_ index: Int) {
    if index == items.count - 1, items[index].kind == nil { items.removeLast() }
  }

  mutating func setKind(_ kind: LayerChange.Kind, at index: Int) { items[index].kind = kind }

  /// Chooses what is written: everything that changed, and the directories above.
  mutating func finish() {
    for index in items.indices.reversed() {
      if items[index].kind != nil { items[index].isEmitted = true }
      if items[index].isEmitted, items[index].parent >= 0 { items[items[index].parent].isEmitted = true }
    }
  }

  /// The path of an item, with a slash at its start.
  func path(of index: Int) -> FilePath {
    var parts: [[CChar]] = []
    var index = index
    while index > 0 {
      parts.append([CChar(bitPattern: 0x2F)] + items[index].name.dropLast())
      index = items[index].parent
    }
    return (parts.reversed().flatMap(\.self) + [0]).withUnsafeBufferPointer { FilePath(platformString: $0.baseAddress!) }
  }
}

/// Which inode an entry is.
struct InodeKey: Hashable {
  let device: dev_t
  let inode: ino_t

  init(_ status: stat) { (device, inode) = (status.st_dev, status.st_ino) }
}
