import CContainrLinux
import ContainrCore
import ContainrNamespaces
import Glibc
import SystemPackage

/// The namespaces of a running process that differ from the caller's: what a further program has to join.
struct JoinedNamespaces {
  private(set) var kinds: NamespaceSet = []
  /// The time namespace that the process enters when it executes, where that is not the caller's.
  private(set) var time: FilePath?
  private(set) var users = IDLines()
  private(set) var groups = IDLines()
  private(set) var setsGroups = true

  /// The lines of `/proc/PID/uid_map` (user_namespaces(7)).
  struct IDLines {
    private var lines: [(inside: UInt32, outside: UInt32, count: UInt32)] = []

    init() {}
    init(_ text: String) {
      for line in text.split(separator: "\n") {
        let numbers = line.split(separator: " ").compactMap { UInt32($0) }
        if numbers.count == 3 { lines.append((numbers[0], numbers[1], numbers[2])) }
      }
    }

    /// What an id inside is outside; nil for one that is not mapped.
    func outside(_ id: UInt32) -> UInt32? {
      for line in lines where id >= line.inside && id - line.inside < line.count { return line.outside + (id - line.inside) }
      return nil
    }
  }

  init(_ process: borrowing ProcessDescriptor) throws(ContainrError) {
    let directory = "/proc/\(process.pid)/"
    for kind in NamespaceKind.allCases {
      let own = try Self.inode("/proc/self/ns/\(kind.rawValue)")
      guard kind == .time else {
        if try Self.inode("\(directory)ns/\(kind.rawValue)") != own { kinds.insert(NamespaceSet(kind)) }
        continue
      }
      // A process that waits for its start enters its time namespace only when it executes.
      let path = directory + "ns/time_for_children"
      if own != nil, try Self.inode(path) != own { time = FilePath(path) }
    }
    if kinds.contains(.user) {
      users = IDLines(try FileContents.text(FilePath(directory + "uid_map")))
      groups = IDLines(try FileContents.text(FilePath(directory + "gid_map")))
    }
    // The caller's own user namespace may deny it as well.
    if kinds.contains(.user) || OCIRuntime.isRootless {
      let answer = try FileContents.textIfPresent(FilePath(directory + "setgroups"))
      setsGroups = answer?.hasPrefix("deny") != true
    }
  }

  /// Whether root of the user namespace is somebody.
  var hasRoot: Bool { users.outside(0) != nil && groups.outside(0) != nil }

  /// The caller's number for a user inside.
  func outside(user: UInt32) -> UInt32? { kinds.contains(.user) ? users.outside(user) : user }

  /// Nil for a kind that the kernel does not have.
  private static func inode(_ path: String) throws(ContainrError) -> UInt64? {
    var status = stat()
    if stat(path, &status) == 0 { return UInt64(status.st_ino) }
    guard Errno.current == .noSuchFileOrDirectory else {
      throw .errno(.current, .containerState, "reading \(path)", call: "stat(2)")
    }
    return nil
  }
}
