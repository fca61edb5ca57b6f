import CContainrLinux
import ContainrCore
import Glibc
import SystemPackage

/// One directory of one hierarchy: reads and writes its files, with errors that name file, value and reason.
struct CgroupDirectory: Sendable, Hashable {
  var path: String
  var version: CgroupVersion
  /// Ordinary files stand for the kernel's: they are made when they are written.
  var isSimulated = false
  /// Made a moment ago, by us: every file has the kernel's default.
  var isFresh = false

  func file(_ name: String) -> String { path + "/" + name }

  /// Opens a file for writing.
  func open(_ name: String, _ code: ContainrError.Code) throws(ContainrError) -> OwnedDescriptor {
    let result = cl_openat(AT_FDCWD, file(name), O_WRONLY | O_CLOEXEC | (isSimulated ? O_CREAT | O_TRUNC : 0), 0o644)
    if result == -ENOENT, code == .cgroupLimit {
      throw ContainrError(
        .cgroupControllerMissing, "opening \(file(name))", systemCall: SystemCall("openat(2)", .noSuchFileOrDirectory),
        hint: "the kernel offers no \(name) here: the controller is not enabled, or built without it")
    }
    return OwnedDescriptor(owning: try check(result, code, "openat(2)", "opening \(file(name))"))
  }

  /// Writes a file in one `write(2)`.
  func write(
    _ name: String, _ value: String, _ code: ContainrError.Code = .cgroupLimit, hint: ((Errno) -> String?)? = nil
  ) throws(ContainrError) {
    let descriptor = try open(name, code)
    try write(value, to: descriptor, name, code, hint: hint)
  }

  /// Writes a value to an open file of this directory.
  func write(
    _ value: String, to descriptor: borrowing OwnedDescriptor, _ name: String,
    _ code: ContainrError.Code = .cgroupLimit, hint: ((Errno) -> String?)? = nil
  ) throws(ContainrError) {
    if let errno = Self.write(value, to: descriptor.rawValue) {
      var error = ContainrError.errno(
        errno, code, "writing \"\(value)\" to \(file(name))", call: "write(2)", hint: hint?(errno))
      error.fields = ["file": file(name), "value": value]
      throw error
    }
  }

  /// Writes to a descriptor; the error number of a failure.
  static func write(_ value: String, to descriptor: CInt) -> Errno? {
    var value = value
    while true {
      let result = value.withUTF8 { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if result >= 0 { return nil }
      let errno = Errno.current
      if errno != .interrupted { return errno }
    }
  }

  /// Reads a whole file as text without its last newline.
  func read(_ name: String, _ code: ContainrError.Code = .cgroupStatistics) throws(ContainrError) -> String {
    guard let text = try readIfPresent(name, code) else {
      throw .errno(
        .noSuchFileOrDirectory, code, "opening \(file(name))", call: "openat(2)",
        hint: "the cgroup is gone, or the controller is not enabled in it")
    }
    return text
  }

  /// Reads a whole file as text without its last newline, or returns nil where there is none.
  func readIfPresent(
    _ name: String, _ code: ContainrError.Code = .cgroupStatistics
  ) throws(ContainrError) -> String? {
    let result = cl_openat(AT_FDCWD, file(name), O_RDONLY | O_CLOEXEC, 0)
    if result == -ENOENT || result == -ENODEV { return nil }
    let descriptor = OwnedDescriptor(owning: try check(result, code, "openat(2)", "opening \(file(name))"))
    var bytes = try FileContents.read(descriptor, "reading \(file(name))", code: code)
    while bytes.last == 0x0a { bytes.removeLast() }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Reads a file that holds one number; nil for `max` and `-1`, which stand for no limit, and for a missing file.
  func number(_ name: String) throws(ContainrError) -> UInt64? {
    guard let text = try readIfPresent(name), text != "max", text != "-1" else { return nil }
    guard let value = UInt64(text) else {
      throw ContainrError(.cgroupStatistics, "reading \(file(name))", hint: "a number was expected, not \"\(text)\"")
    }
    return value
  }

  /// Reads a file that holds a number or the word for none; nil where there is no such file.
  func limit(_ name: String) throws(ContainrError) -> Limit<UInt64>? {
    guard let text = try readIfPresent(name) else { return nil }
    return try Limit(reading: text, of: file(name))
  }

  /// Reads a file that holds a number of bytes or the word for none; nil where there is no such file.
  func byteLimit(_ name: String) throws(ContainrError) -> Limit<ByteCount>? {
    guard let text = try readIfPresent(name) else { return nil }
    return try Limit(reading: text, of: file(name))
  }

  /// Reads a file of lines that begin with a key: `254:0 rbps=4096 wbps=max`. None where there is no such file.
  func keyedLines(_ name: String) throws(ContainrError) -> [(key: Substring, words: [Substring])] {
    guard let text = try readIfPresent(name) else { return [] }
    return text.split(separator: "\n").compactMap { line in
      let words = line.split(separator: " ")
      return words.first.map { ($0, Array(words.dropFirst())) }
    }
  }

  /// Whether the directory has a file.
  func has(_ name: String) -> Bool { access(file(name), F_OK) == 0 }

  /// Reads a file of lines `name number`. Lines of another form are passed over.
  func table(_ name: String) throws(ContainrError) -> [Substring: UInt64] {
    guard let text = try readIfPresent(name) else { return [:] }
    var values: [Substring: UInt64] = [:]
    for line in text.split(separator: "\n") {
      let words = line.split(separator: " ")
      if words.count == 2, let value = UInt64(words[1]) { values[words[0]] = value }
    }
    return values
  }

  /// The ids of the processes in this directory and those below. A directory that goes meanwhile counts as empty.
  func livingHereAndBelow(_ code: ContainrError.Code) throws(ContainrError) -> [pid_t] {
    var found: [pid_t] = []
    for group in try [self] + descendants() {
      let text = try group.readIfPresent("cgroup.procs", code) ?? ""
      // 0 stands for a process of another pid namespace.
      found += text.split(separator: "\n").compactMap { pid_t($0) }.filter { $0 > 0 }
    }
    return found
  }

  /// The directories directly below.
  func children() throws(ContainrError) -> [CgroupDirectory] {
    var found: [CgroupDirectory] = []
    guard let stream = opendir(path) else {
      if Errno.current == .noSuchFileOrDirectory { return [] }
      throw .errno(.current, .cgroupStatistics, "listing \(path)", call: "opendir(3)")
    }
    defer { closedir(stream) }
    while let entry = readdir(stream) {
      guard entry.pointee.d_type == UInt8(DT_DIR) else { continue }
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != ".", name != ".." {
        found.append(CgroupDirectory(path: file(name), version: version, isSimulated: isSimulated))
      }
    }
    return found
  }

  /// Every directory below, the deepest first.
  func descendants() throws(ContainrError) -> [CgroupDirectory] {
    var found: [CgroupDirectory] = []
    for child in try children() {
      found += try child.descendants()
      found.append(child)
    }
    return found
  }
}
