import CContainrLinux
import ContainrCore
import Glibc
import SystemPackage
import Testing

/// Runs a line of shell in a directory, and gives its standard output. A failure is the test's.
@discardableResult
public func shell(_ line: String, in directory: FilePath, _ location: SourceLocation = #_sourceLocation) throws -> String {
  var pipe = try OwnedDescriptor.pipe()
  let reader = pipe.takeFirst()
  let process = try spawnShell("cd '\(directory)' && exec 2>&1 && \(line)", output: pipe.takeSecond())
  let output = String(decoding: try FileContents.read(reader, "reading output"), as: UTF8.self)
  var status: CInt = 0
  while waitpid(process, &status, 0) < 0 { try #require(errno == EINTR) }
  try #require(status == 0, "\(line): \(output)", sourceLocation: location)
  return output
}

private func spawnShell(_ line: String, output: consuming OwnedDescriptor) throws -> pid_t {
  var actions = posix_spawn_file_actions_t()
  posix_spawn_file_actions_init(&actions)
  defer { posix_spawn_file_actions_destroy(&actions) }
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
  posix_spawn_file_actions_adddup2(&actions, output.rawValue, 1)
  var arguments: [UnsafeMutablePointer<CChar>?] = [strdup("/bin/sh"), strdup("-c"), strdup(line), nil]
  defer { for pointer in arguments { free(pointer) } }
  var process: pid_t = 0
  let result = posix_spawn(&process, "/bin/sh", &actions, nil, &arguments, environ)
  try #require(result == 0)
  return process
}

/// Writes a whole file of the host.
public func write(_ bytes: some Collection<UInt8>, to path: FilePath) throws {
  try FileContents.replace(path, with: bytes, durable: false)
}

/// The files of a tree with type, mode, owner, size, time and link, one a line: what `find` says.
public func listing(_ directory: FilePath) throws -> [String] {
  try shell("find . -printf '%P %y %m %U:%G %s %T@ %l\\n' | LC_ALL=C sort", in: directory).split(separator: "\n").map { line in
    // A directory's size is the file system's affair.
    let parts = line.split(separator: " ", omittingEmptySubsequences: false)
    return (parts[1] == "d" ? parts[0...3] + parts[5...] : parts[...]).joined(separator: " ")
  }
}

/// What lstat(2) says; nil where there is nothing.
public func status(_ path: FilePath) -> stat? {
  var status = stat()
  return lstat(path.string, &status) == 0 ? status : nil
}

/// An extended attribute of a file or link itself; nil where it has none of that name.
public func attribute(_ name: String, of path: FilePath) -> [UInt8]? {
  var value = [UInt8](repeating: 0, count: 256)
  let count = lgetxattr(path.string, name, &value, value.count)
  return count < 0 ? nil : Array(value[..<count])
}

/// The code of what a closure throws; nil where it throws nothing of ours.
@discardableResult
public func codeOfError(_ body: () throws -> Void) -> ContainrError.Code? {
  do {
    try body()
    return nil
  } catch {
    return (error as? ContainrError)?.code
  }
}
