import CContainrLinux
import ContainrCore
import Glibc
import SystemPackage

extension UserDatabase {
  /// The whole file, or nothing where it is missing.
  static func read(_ path: String, in root: borrowing RootDirectory) throws(ContainrError) -> [UInt8] {
    // To open a device or a FIFO can have effects or block for ever: look first, without opening, then open what was looked at.
    guard let found = try root.openIfPresent(try RootedPath(path), flags: CInt(CL_O_PATH)) else { return [] }
    var status = stat()
    guard fstat(found.rawValue, &status) == 0 else {
      throw .errno(.current, .ioFailure, "reading \(path) of the image", call: "fstat(2)")
    }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw ContainrError(.user, "reading \(path) of the image", hint: "it is no regular file")
    }
    let file = try OwnedDescriptor.open(FilePath("/proc/self/fd/\(found.rawValue)"), flags: O_RDONLY)
    guard status.st_size <= limits.file else { throw tooLong(path) }
    let bytes = try FileContents.read(file, limit: limits.file, "reading \(path) of the image")
    return bytes
  }

  static func lines(_ bytes: [UInt8], of path: String) throws(ContainrError) -> [Substring] {
    guard bytes.count <= limits.file else { throw tooLong(path) }
    guard !bytes.contains(0) else {
      throw ContainrError(.user, "reading \(path) of the image", hint: "it has a NUL byte")
    }
    for line in bytes.split(separator: UInt8(ascii: "\n")) where line.count > limits.line { throw tooLong(path) }
    // UTF-8 views keep a combining character, or the carriage return of "\r\n", from swallowing a separator.
    let text = String(decoding: bytes, as: UTF8.self)
    return fields(of: text[...], separator: UInt8(ascii: "\n"))
  }

  static func user(_ line: Substring) -> User? {
    let fields = fields(of: line, separator: UInt8(ascii: ":"))
    guard fields.count > 1, !fields[0].isEmpty else { return nil }
    guard fields.count == 7 else { return User(name: fields[0], ids: nil, home: "") }
    var ids: IDs?
    if let uid = NumericID.parse(fields[2]), let gid = NumericID.parse(fields[3]) { ids = IDs(uid: uid, gid: gid) }
    return User(name: fields[0], ids: ids, home: fields[5])
  }

  static func group(_ line: Substring) -> Group? {
    let fields = fields(of: line, separator: UInt8(ascii: ":"))
    guard fields.count > 1, !fields[0].isEmpty else { return nil }
    guard fields.count == 4 else { return Group(name: fields[0], gid: nil, members: []) }
    let members = Self.fields(of: fields[3], separator: UInt8(ascii: ",")).filter { !$0.isEmpty }
    return Group(name: fields[0], gid: NumericID.parse(fields[2]), members: members)
  }

  private static func fields(of text: Substring, separator: UInt8) -> [Substring] {
    text.utf8.split(separator: separator, omittingEmptySubsequences: false).map { Substring($0) }
  }

  private static func tooLong(_ path: String) -> ContainrError {
    ContainrError(
      .user, "reading \(path) of the image",
      hint: "a file may have \(ByteCount(UInt64(limits.file))), a line \(ByteCount(UInt64(limits.line)))")
  }
}
