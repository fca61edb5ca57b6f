import ContainrCore

/// The cgroup mounts of a mount table in the form of `/proc/<pid>/mountinfo`.
///
/// Works on the bytes in place: the table of a machine with many containers is long, and it is read at each start.
struct MountTable {
  /// One cgroup mount that can be reached.
  struct CgroupMount {
    var version: CgroupVersion
    /// The mount point, unescaped.
    var point: String
    /// The super block's options, in which version 1 names its controllers.
    var options: ArraySlice<UInt8>
    /// The directory of the hierarchy that is mounted, `/` for the whole.
    var root: ArraySlice<UInt8>
  }

  private struct Entry {
    var id: Int
    var parent: Int
    var point: Range<Int>
    var root: Range<Int>
    var options: Range<Int>
    var version: CgroupVersion?
  }

  private let bytes: [UInt8]
  private var entries: [Entry] = []

  init(_ bytes: [UInt8]) {
    self.bytes = bytes
    entries.reserveCapacity(64)
    var start = 0
    while start < bytes.count {
      let end = bytes[start...].firstIndex(of: 0x0a) ?? bytes.count
      if let entry = Self.entry(bytes[start..<end]) { entries.append(entry) }
      start = end + 1
    }
  }

  /// `36 35 98:0 /root /point rw,noatime master:1 - ext3 /dev/root rw,errors=continue`
  private static func entry(_ line: ArraySlice<UInt8>) -> Entry? {
    var cursor = line.startIndex
    func field() -> Range<Int> {
      let start = cursor
      while cursor < line.endIndex, line[cursor] != 0x20 { cursor += 1 }
      defer { if cursor < line.endIndex { cursor += 1 } }
      return start..<cursor
    }
    guard let id = number(line[field()]), let parent = number(line[field()]) else { return nil }
    _ = field()
    let root = field()
    let point = field()
    guard !point.isEmpty else { return nil }
    var separator = field()
    while !separator.isEmpty, !(separator.count == 1 && line[separator.lowerBound] == 0x2d) { separator = field() }
    let type = line[field()]
    _ = field()
    let version: CgroupVersion? =
      type.elementsEqual("cgroup".utf8) ? .v1 : type.elementsEqual("cgroup2".utf8) ? .v2 : nil
    return Entry(id: id, parent: parent, point: point, root: root, options: field(), version: version)
  }

  private static func number(_ text: ArraySlice<UInt8>) -> Int? {
    var value = 0
    for byte in text {
      guard byte >= 0x30, byte <= 0x39, value < 1 << 48 else { return nil }
      value = value * 10 + Int(byte - 0x30)
    }
    return text.isEmpty ? nil : value
  }

  /// The cgroup mounts that no later mount covers, whole hierarchies before parts of one.
  func visibleCgroupMounts() -> [CgroupMount] {
    var whole: [CgroupMount] = []
    var parts: [CgroupMount] = []
    for entry in entries {
      guard let version = entry.version, !isCovered(entry) else { continue }
      let mount = CgroupMount(
        version: version, point: unescaped(entry.point), options: bytes[entry.options], root: bytes[entry.root])
      if mount.root.elementsEqual("/".utf8) { whole.append(mount) } else { parts.append(mount) }
    }
    return whole + parts
  }

  /// Whether a mount lies over `entry`, or over a place on the way to it: a mount on a member of its chain of parents
  /// whose mount point is at or above that of the next member.
  private func isCovered(_ entry: Entry) -> Bool {
    var below = entry
    var current: Entry? = entry
    var steps = 0
    while let mount = current, steps < 64 {
      for other in entries
      where other.parent == mount.id && other.id != below.id && other.id != mount.id && contains(other.point, below.point) {
        return true
      }
      below = mount
      current = entries.first { $0.id == mount.parent && $0.id != mount.id }
      steps += 1
    }
    return false
  }

  private func contains(_ outer: Range<Int>, _ inner: Range<Int>) -> Bool {
    if outer.count == 1 { return true }
    guard inner.count >= outer.count, bytes[inner].starts(with: bytes[outer]) else { return false }
    return inner.count == outer.count || bytes[inner.lowerBound + outer.count] == 0x2f
  }

  /// The kernel writes space, tab, newline and backslash as a backslash and three octal digits.
  private func unescaped(_ range: Range<Int>) -> String {
    let text = bytes[range]
    guard text.contains(0x5c) else { return String(decoding: text, as: UTF8.self) }
    var result: [UInt8] = []
    var index = range.lowerBound
    while index < range.upperBound {
      if bytes[index] == 0x5c, index + 3 < range.upperBound {
        let digits = bytes[(index + 1)...(index + 3)].map { Int($0) - 0x30 }
        if digits.allSatisfy({ (0...7).contains($0) }), digits[0] < 4 {
          result.append(UInt8(digits[0] << 6 | digits[1] << 3 | digits[2]))
          index += 4
          continue
        }
      }
      result.append(bytes[index])
      index += 1
    }
    return String(decoding: result, as: UTF8.self)
  }
}
