import CContainrLinux
import ContainrCore
import Glibc
import SystemPackage

/// A program of the host that needs no library: it runs alone in a root file system.
struct StaticProgram {
  let path: FilePath
  let bytes: [UInt8]

  /// Reads a program, and checks that it is an ELF file without an interpreter.
  init(_ path: FilePath) throws(ContainrError) {
    let hint = "install a static busybox (Debian: apt-get install busybox-static), or name one"
    self.path = path
    guard access(path.string, F_OK) == 0 else {
      throw ContainrError(.imageNotFound, "making the default image: \(path) is missing", hint: hint)
    }
    bytes = try FileContents.read(path, limit: 64 << 20)
    guard access(path.string, X_OK) == 0, Self.isStatic(bytes) else {
      throw ContainrError(.unsupported, "making the default image: \(path) is no static program", hint: hint)
    }
  }

  /// elf(5): a 64-bit little-endian file, none of whose program headers is PT_INTERP.
  private static func isStatic(_ bytes: [UInt8]) -> Bool {
    func number(_ offset: Int, _ width: Int) -> Int? {
      guard offset >= 0, offset <= bytes.count - width else { return nil }
      return bytes[offset..<offset + width].reversed().reduce(0) { $0 << 8 | Int($1) }
    }
    guard bytes.starts(with: [0x7F, 0x45, 0x4C, 0x46, 2, 1]), let table = number(32, 4), let size = number(54, 2),
      let count = number(56, 2), count > 0
    else { return false }
    for index in 0..<count {
      guard let type = number(table + index * size, 4) else { return false }
      if type == 3 { return false }
    }
    return true
  }

  /// The lines that the program prints when it is run with some arguments and an empty environment.
  func lines(_ arguments: [String]) throws(ContainrError) -> [String] {
    let activity = "running \(path) \(arguments.joined(separator: " "))"
    var pipe = try OwnedDescriptor.pipe()
    let reader = pipe.takeFirst()
    let process = try spawn(arguments, output: pipe.takeSecond(), activity)
    let output = try FileContents.read(reader, limit: 1 << 20, activity)
    var status: CInt = 0
    while waitpid(process, &status, 0) < 0 {
      // A host program that ignores SIGCHLD leaves nothing to wait for.
      if Errno.current == .noChildProcess { break }
      guard Errno.current == .interrupted else { throw .errno(.current, .ioFailure, activity, call: "waitpid(2)") }
    }
    let lines = String(decoding: output, as: UTF8.self).split(separator: "\n").map(String.init)
    guard status == 0, !lines.isEmpty else {
      throw ContainrError(.unsupported, activity, hint: "it printed nothing, or failed: is this busybox?")
    }
    return lines
  }

  /// The write end closes here, so that the reader sees the end of the output.
  private func spawn(
    _ arguments: [String], output: consuming OwnedDescriptor, _ activity: String
  ) throws(ContainrError) -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_adddup2(&actions, output.rawValue, 1)
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
    var vector: [UnsafeMutablePointer<CChar>?] = ([path.string] + arguments).map { strdup($0) } + [nil]
    defer { for pointer in vector { free(pointer) } }
    var environment: [UnsafeMutablePointer<CChar>?] = [nil]
    var process: pid_t = 0
    let result = posix_spawn(&process, path.string, &actions, nil, &vector, &environment)
    guard result == 0 else { throw .errno(Errno(rawValue: result), .ioFailure, activity, call: "posix_spawn(3)") }
    return process
  }
}
