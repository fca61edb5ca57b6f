import CContainrLinux
import ContainrCore
import Glibc
import SystemPackage

/// zfs(8), called with arguments as they are: no shell reads them.
struct ZFSCommand: Hashable, Sendable {
  let path: FilePath

  /// Looks for the program where system programs are.
  ///
  /// - Throws: `UNSUPPORTED`.
  init() throws(ContainrError) {
    for path in ["/usr/sbin/zfs", "/sbin/zfs", "/usr/local/sbin/zfs", "/usr/bin/zfs"] where access(path, X_OK) == 0 {
      self.init(path: FilePath(path))
      return
    }
    throw ContainrError(
      .unsupported, "keeping snapshots in ZFS", hint: "there is no zfs(8) here; install it, or choose another driver")
  }

  init(path: FilePath) { self.path = path }

  /// Whether there is a data set or snapshot of this name.
  func exists(_ name: String) throws(ContainrError) -> Bool {
    let (status, _, diagnostics) = try execute(["list", "-H", "-o", "name", "-t", "filesystem,snapshot", name])
    if status == 0 { return true }
    if diagnostics.split(separator: "\n").contains(where: { $0.hasSuffix("does not exist") }) { return false }
    throw failure(["list", name], status, diagnostics, .ioFailure)
  }

  /// Runs one subcommand, and gives what it printed.
  ///
  /// - Throws: `code` with what it complained of.
  func run(_ arguments: [String], code: ContainrError.Code = .ioFailure) throws(ContainrError) -> String {
    let (status, output, diagnostics) = try execute(arguments)
    guard status == 0 else { throw failure(arguments, status, diagnostics, code) }
    return output
  }

  private func failure(
    _ arguments: [String], _ status: CInt, _ diagnostics: String, _ code: ContainrError.Code
  ) -> ContainrError {
    let words = diagnostics.split(separator: "\n").joined(separator: " ")
    return ContainrError(
      code, "running zfs \(arguments.joined(separator: " "))",
      hint: words.isEmpty ? "it ended with wait status \(status)" : "zfs says: \(words)")
  }

  private func execute(_ arguments: [String]) throws(ContainrError) -> (CInt, output: String, diagnostics: String) {
    let activity = "running zfs \(arguments.joined(separator: " "))"
    let output = OwnedDescriptor(owning: try check(cl_memfd_create("zfs", 1), .ioFailure, "memfd_create(2)", activity))
    let errors = OwnedDescriptor(owning: try check(cl_memfd_create("zfs", 1), .ioFailure, "memfd_create(2)", activity))
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_adddup2(&actions, output.rawValue, 1)
    posix_spawn_file_actions_adddup2(&actions, errors.rawValue, 2)
    var vector: [UnsafeMutablePointer<CChar>?] = ([path.string] + arguments).map { strdup($0) } + [nil]
    defer { for pointer in vector { free(pointer) } }
    let settings = ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"]
    var environment: [UnsafeMutablePointer<CChar>?] = settings.map { strdup($0) } + [nil]
    defer { for pointer in environment { free(pointer) } }
    var process: pid_t = 0
    let result = posix_spawn(&process, path.string, &actions, nil, &vector, &environment)
    guard result == 0 else { throw .errno(Errno(rawValue: result), .ioFailure, activity, call: "posix_spawn(3)") }
    var status: CInt = 0
    while waitpid(process, &status, 0) < 0 {
      guard Errno.current == .interrupted else { throw .errno(.current, .ioFailure, activity, call: "waitpid(2)") }
    }
    return (status, try text(of: output, activity), try text(of: errors, activity))
  }

  private func text(of file: borrowing OwnedDescriptor, _ activity: String) throws(ContainrError) -> String {
    guard lseek(file.rawValue, 0, SEEK_SET) == 0 else { throw .errno(.current, .ioFailure, activity, call: "lseek(2)") }
    return String(decoding: try FileContents.read(file, limit: 1 << 20, activity), as: UTF8.self)
  }
}
