import CContainrLinux
import ContainrCore
import Glibc
import SystemPackage
import Testing

/// Everything about a tree that a layer must keep, a line for each path: type, mode, owner, time, size, device, attributes,
/// link target, contents, and the other names of the same inode. Written for the tests, without the code that is tested.
func describe(_ root: FilePath, attributes: Bool = true) throws -> [String: String] {
  var result: [String: String] = [:]
  var inodes: [String: [String]] = [:]
  var queue: [[UInt8]] = [[]]
  while let relative = queue.popLast() {
    let path = relative.isEmpty ? RawPath(root) : RawPath(root).appending(relative)
    let key = (relative.map { CChar(bitPattern: $0) } + [0]).withUnsafeBufferPointer { printable($0.baseAddress!) }
    var status = stat()
    try #require(path.withPlatformString { lstat($0, &status) } == 0)
    let type = status.st_mode & S_IFMT
    var line = "mode \(String(status.st_mode, radix: 8)) owner \(status.st_uid):\(status.st_gid)"
    line += " time \(status.st_mtim.tv_sec).\(status.st_mtim.tv_nsec)"
    if type == S_IFREG { line += " size \(status.st_size) data \(try path.withPlatformString { try contents($0) })" }
    if type == S_IFCHR || type == S_IFBLK { line += " device \(status.st_rdev)" }
    if type == S_IFLNK {
      var target = [CChar](repeating: 0, count: 5000)
      try #require(path.withPlatformString { readlink($0, &target, 4999) } >= 0)
      line += " -> \(printable(target))"
    }
    if attributes { line += path.withPlatformString { attributeText($0) } }
    result[key] = line
    if type != S_IFDIR { inodes["\(status.st_dev):\(status.st_ino)", default: []].append(key) }
    guard type == S_IFDIR else { continue }
    let directory = try #require(path.withPlatformString { opendir($0) })
    defer { closedir(directory) }
    while let entry = readdir(directory) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
      if name != Array(".".utf8), name != Array("..".utf8) { queue.append(relative.isEmpty ? name : relative + [0x2F] + name) }
    }
  }
  for names in inodes.values where names.count > 1 {
    for name in names { result[name, default: ""] += " linked \(names.sorted())" }
  }
  return result
}

private func printable(_ text: UnsafePointer<CChar>) -> String {
  UnsafeBufferPointer(start: text, count: strlen(text)).map { byte in
    (0x21..<0x7F).contains(byte) ? String(UnicodeScalar(UInt8(byte))) : "%" + String(UInt8(bitPattern: byte), radix: 16)
  }.joined()
}

private func contents(_ path: UnsafePointer<CChar>) throws -> String {
  let file = OwnedDescriptor(owning: cl_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0))
  var hash = Digest.Hash()
  var buffer = [UInt8](repeating: 0, count: 65536)
  while true {
    let count = read(file.rawValue, &buffer, buffer.count)
    try #require(count >= 0)
    if count == 0 { return hash.finalize().short }
    buffer.withUnsafeBytes { hash.update(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
  }
}

private func attributeText(_ path: UnsafePointer<CChar>) -> String {
  var names = [CChar](repeating: 0, count: 65536)
  let count = llistxattr(path, &names, names.count)
  guard count > 0 else { return "" }
  var lines: [String] = []
  for name in names[..<count].split(separator: 0) {
    let name = Array(name) + [0]
    if printable(name).contains(".overlay.") || printable(name).hasPrefix("security.selinux") { continue }
    var value = [UInt8](repeating: 0, count: 4096)
    let size = lgetxattr(path, name, &value, value.count)
    lines.append(" \(printable(name))=\(value[..<max(size, 0)].map { String($0, radix: 16) }.joined(separator: "."))")
  }
  return lines.sorted().joined()
}

/// Expects two trees to be the same, and says how they are not.
func expectSame(
  _ actual: [String: String], _ expected: [String: String], _ comment: Comment? = nil,
  _ location: SourceLocation = #_sourceLocation
) {
  let paths = Set(actual.keys).union(expected.keys).filter { actual[$0] != expected[$0] }.sorted()
  let text = paths.prefix(5).map { "\($0):\n  is  \(actual[$0] ?? "missing")\n  not \(expected[$0] ?? "missing")" }
  #expect(paths.isEmpty, "\(paths.count) differences\n\(text.joined(separator: "\n"))", sourceLocation: location)
}
