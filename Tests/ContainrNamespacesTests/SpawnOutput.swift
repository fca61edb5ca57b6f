import ContainrCore
import ContainrNamespaces
import ContainrTestSupport
import Glibc
import SystemPackage

/// Runs a shell script in namespaces, and gives what it wrote with its status.
func output(
  of script: String, _ configure: (inout SpawnConfiguration) throws -> Void
) async throws -> (text: String, status: TerminationStatus) {
  var pipe = try OwnedDescriptor.pipe()
  let reader = pipe.takeFirst()
  let writer = pipe.takeSecond()
  var configuration = SpawnConfiguration {
    $0.arguments = ["sh", "-c", script]
    $0.standardInput = .null
    $0.standardOutput = .descriptor(writer.rawValue)
    $0.standardError = .descriptor(writer.rawValue)
  }
  try configure(&configuration)
  let process = try await NamespacedProcess.spawn(configuration)
  close(writer.release())
  let text = try FileContents.read(reader, "reading the output")
  return (String(decoding: text, as: UTF8.self), try await process.wait())
}

/// The host's name.
func hostName() -> String {
  var names = utsname()
  uname(&names)
  return withUnsafeBytes(of: names.nodename) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
}

/// The inode of a namespace of this process, as `readlink` shows it.
func ownNamespace(_ kind: NamespaceKind) throws -> String {
  "\(kind.rawValue):[\(try Namespace.current(kind).identity)]"
}

/// A program that the package builds, beside the bundle of the tests.
func builtProgram(_ name: String) throws -> FilePath {
  let maps = try FileContents.text("/proc/self/maps")
  let line = maps.split(separator: "\n").first { $0.contains(".xctest") } ?? ""
  let bundle = FilePath(String(line[(line.firstIndex(of: "/") ?? line.startIndex)...]))
  return bundle.removingLastComponent().appending(name)
}
