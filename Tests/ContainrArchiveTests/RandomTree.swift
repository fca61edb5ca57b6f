import CContainrLinux
import ContainrCore
import ContainrTestSupport
import Glibc
import SystemPackage
import Testing

/// Random numbers that a seed repeats (xorshift64*).
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 | 1 }

  mutating func next() -> UInt64 {
    state ^= state >> 12
    state ^= state << 25
    state ^= state >> 27
    return state &* 0x2545_F491_4F6C_DD1D
  }
}

/// A path of bytes; FilePath checks itself at each step of a debug build.
struct RawPath: Hashable {
  var bytes: [UInt8]

  init(_ path: FilePath) { bytes = Array(path.string.utf8) }

  func appending(_ name: [UInt8]) -> RawPath {
    var path = self
    path.bytes += [0x2F] + name
    return path
  }

  func removingLastComponent() -> RawPath {
    var path = self
    path.bytes.removeSubrange((bytes.lastIndex(of: 0x2F) ?? 0)...)
    return path
  }

  var name: [CChar] { bytes[((bytes.lastIndex(of: 0x2F) ?? -1) + 1)...].map { CChar(bitPattern: $0) } + [0] }

  func isAtOrBelow(_ path: RawPath) -> Bool { self == path || bytes.starts(with: path.bytes + [0x2F]) }

  func withPlatformString<Result>(_ body: (UnsafePointer<CChar>) throws -> Result) rethrows -> Result {
    try (bytes.map { CChar(bitPattern: $0) } + [0]).withUnsafeBufferPointer { try body($0.baseAddress!) }
  }
}

/// Makes and changes a tree of everything that a file system can hold.
struct RandomTree {
  var random: SeededGenerator
  private var directories: [RawPath] = []
  private var files: [RawPath] = []
  private var serial = 0
  private let hasAttributes: Bool

  init(_ root: FilePath, seed: UInt64) {
    random = SeededGenerator(seed: seed)
    hasAttributes = setxattr(root.string, "user.probe", "x", 1, 0) == 0
    removexattr(root.string, "user.probe")
    directories = [RawPath(root)]
  }

  private mutating func number(_ range: Range<Int>) -> Int { Int.random(in: range, using: &random) }

  private mutating func name() -> [UInt8] {
    serial += 1
    let text: [UInt8] =
      switch number(0..<12) {
      case 0: Array("näme 😀 \(serial)".utf8)
      case 1: [0xE4, 0xFF, UInt8(ascii: "0") + UInt8(serial % 10)] + "\(serial)".utf8
      case 2: Array((String(repeating: "long", count: number(20..<60)) + "\(serial)").utf8)
      case 3: [0xFE] + Array((String(repeating: "x", count: 150) + "\(serial)").utf8)
      case 4: Array("new\nline \(serial)".utf8)
      case 5: Array("-\(serial)".utf8)
      case 6: Array(".hidden\(serial)".utf8)
      default: Array("f\(serial)".utf8)
      }
    return text
  }

  /// Makes entries.
  mutating func grow(_ count: Int) throws {
    for _ in 0..<count {
      let parent = directories[number(0..<directories.count)]
      try make(parent.appending(name()))
    }
  }

  private mutating func make(_ path: RawPath) throws {
    switch number(0..<14) {
    case 0, 1, 2:
      try require(path.withPlatformString { mkdir($0, 0o755) })
      directories.append(path)
    case 3:
      try require(
        path.withPlatformString { symlink(["/etc/passwd", "../x", String(repeating: "y", count: 300)][number(0..<3)], $0) })
    case 4: try require(path.withPlatformString { mkfifo($0, 0o600) })
    case 5: try require(path.withPlatformString { mknod($0, S_IFCHR | 0o600, 0x103) })
    case 6: try require(path.withPlatformString { mknod($0, S_IFBLK | 0o600, 0x801) })
    case 7, 8:
      if let target = files.randomElement(using: &random) {
        try require(target.withPlatformString { old in path.withPlatformString { link(old, $0) } })
        files.append(path)
      }
      return
    case 9: try sparse(path)
    default: try file(path)
    }
    try dress(path)
  }

  private mutating func file(_ path: RawPath) throws {
    var bytes = [UInt8](repeating: 0, count: [0, 1, 511, 512, 513, 5000, 20000][number(0..<7)])
    for index in stride(from: 0, to: bytes.count, by: 37) { bytes[index] = UInt8.random(in: 0...255, using: &random) }
    try put(bytes, at: 0, path)
    files.append(path)
  }

  private mutating func sparse(_ path: RawPath) throws {
    try put([], at: 0, path)
    for _ in 0..<number(0..<3) { try put(Array(repeating: 7, count: 100), at: number(0..<6) * 65536, path) }
    let size = off_t(number(0..<400_000))
    var status = stat()
    try require(path.withPlatformString { stat($0, &status) })
    if status.st_size < size { try require(path.withPlatformString { truncate($0, size) }) }
    files.append(path)
  }

  private func put(_ bytes: [UInt8], at offset: Int, _ path: RawPath) throws {
    let file = path.withPlatformString { cl_openat(AT_FDCWD, $0, O_WRONLY | O_CREAT | O_CLOEXEC, 0o644) }
    try #require(file >= 0)
    defer { close(file) }
    try #require(pwrite(file, bytes, bytes.count, off_t(offset)) == bytes.count)
  }

  /// Gives an entry an owner, a mode, attributes and a time.
  private mutating func dress(_ path: RawPath) throws {
    var status = stat()
    try require(path.withPlatformString { lstat($0, &status) })
    let type = status.st_mode & S_IFMT
    let ids: [uid_t] = [0, 0, 1, 1000, 65534, 3_000_000]
    let (owner, group) = (ids[number(0..<6)], ids[number(0..<6)])
    try require(path.withPlatformString { lchown($0, owner, group) })
    if type != S_IFLNK {
      let mode = mode_t([0o644, 0o755, 0o4755, 0o2751, 0o1777, 0o000, 0o700][number(0..<7)])
      try require(path.withPlatformString { chmod($0, mode) })
    }
    if hasAttributes { try attributes(path, type) }
    let time = timespec(tv_sec: number(0..<2_000_000_000), tv_nsec: [0, 1, 500_000_000, 123_456_789][number(0..<4)])
    try require(path.withPlatformString { utimensat(AT_FDCWD, $0, [time, time], AT_SYMLINK_NOFOLLOW) })
  }

  private mutating func attributes(_ path: RawPath, _ type: mode_t) throws {
    func set(_ name: String, _ value: [UInt8]) throws {
      try require(path.withPlatformString { lsetxattr($0, name, value, value.count, 0) })
    }
    if number(0..<4) == 0 { try set("trusted.containr", [0, 10, 0xFF, UInt8(number(0..<256))]) }
    guard type == S_IFREG || type == S_IFDIR else { return }
    if number(0..<4) == 0 { try set("user.näme x", Array("value \(number(0..<100))".utf8)) }
    if type == S_IFREG, number(0..<8) == 0 {
      try set("security.capability", [1, 0, 0, 2, 0, 0x20] + [UInt8](repeating: 0, count: 14))
    }
    // user::rwx, user:1000:r--, group::r-x, mask::r-x, other::---
    let list: [UInt8] =
      [2, 0, 0, 0, 1, 0, 7, 0, 255, 255, 255, 255, 2, 0, 4, 0, 0xE8, 3, 0, 0, 4, 0, 5, 0, 255, 255, 255, 255]
      + [0x10, 0, 5, 0, 255, 255, 255, 255, 0x20, 0, 0, 0, 255, 255, 255, 255]
    if number(0..<6) == 0 { try set("system.posix_acl_access", list) }
    if type == S_IFDIR, number(0..<6) == 0 { try set("system.posix_acl_default", list) }
  }

  /// Changes things: removes, replaces by another kind, renames, writes, and makes more.
  mutating func mutate(_ count: Int, canReplaceDirectories: Bool = true) throws {
    for _ in 0..<count {
      let victims = files + directories.dropFirst()
      guard let path = victims.randomElement(using: &random), exists(path) else { continue }
      switch number(0..<8) {
      case 0, 1: try remove(path)
      case 2, 3:
        try remove(path)
        try make(path)
      case 4: try dress(path)
      case 5 where files.contains(path):
        var status = stat()
        try require(path.withPlatformString { stat($0, &status) })
        try put(Array("changed".utf8), at: 0, path)
        // With its old time: only the contents tell.
        try require(path.withPlatformString { utimensat(AT_FDCWD, $0, [status.st_atim, status.st_mtim], 0) })
      case 6 where files.contains(path):
        let new = path.removingLastComponent().appending(name())
        try require(path.withPlatformString { old in new.withPlatformString { rename(old, $0) } })
        files[files.firstIndex(of: path)!] = new
      default: try grow(2)
      }
    }
  }

  private func exists(_ path: RawPath) -> Bool { path.withPlatformString { access($0, F_OK) == 0 } }

  private mutating func remove(_ path: RawPath) throws {
    let parent = path.removingLastComponent().withPlatformString { cl_openat(AT_FDCWD, $0, O_RDONLY | O_CLOEXEC, 0) }
    try #require(parent >= 0)
    defer { close(parent) }
    try FileTree.remove(path.name, in: parent, path: "a random tree")
    files.removeAll { $0.isAtOrBelow(path) }
    directories.removeAll { $0.isAtOrBelow(path) }
  }

  private func require(_ result: CInt, _ location: SourceLocation = #_sourceLocation) throws {
    try #require(result >= 0, "\(Errno(rawValue: errno))", sourceLocation: location)
  }
}
