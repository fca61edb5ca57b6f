import ContainrCore
import Glibc
import SystemPackage

/// What this program and the machine hold, as far as a test could leave some of it behind.
///
/// Other programs make mounts and cgroups at the same time, and other tests of this program open descriptors: what is
/// compared belongs to a mark, a text that the paths of one test have and no other's, or to this program.
public struct LeakCheck: Hashable, Sendable {
  /// The lines of /proc/self/mountinfo that name the mark.
  public var mounts: Set<String>
  /// The cgroups of any hierarchy, below a `containr` directory, that name the mark.
  public var cgroups: Set<String>
  /// The entries of the test's own directory.
  public var entries: Set<String>
  /// The children of this program, ended ones among them.
  public var children: Set<Int32>
  /// What the descriptors of this program are, and how many of each.
  public var descriptors: [String: Int]

  /// Looks at the machine.
  ///
  /// - Parameters:
  ///   - marks: texts of which one is in every path that belongs to the test.
  ///   - directory: a directory of the test's, whose entries are compared.
  ///   - program: whether to look at what has no path too: children, pipes, sockets, pidfds of the whole program. Tests that
  ///     run beside this one have some for a while, so that this is for the end of a long test with much patience.
  public init(marks: [String], directory: FilePath? = nil, program: Bool = false) throws {
    func isOurs(_ text: some StringProtocol) -> Bool { marks.contains { text.contains($0) } }
    mounts = Set(try FileContents.text("/proc/self/mountinfo").split(separator: "\n").filter(isOurs).map(String.init))
    cgroups = []
    // On version 2 the tree itself is the one hierarchy.
    for hierarchy in try FileTree.names(in: "/sys/fs/cgroup") + ["."] {
      let ours = FilePath("/sys/fs/cgroup/\(hierarchy)/containr")
      guard access(ours.string, F_OK) == 0 else { continue }
      for name in try FileTree.names(in: ours) where isOurs(name) { cgroups.insert("\(hierarchy)/\(name)") }
    }
    entries = directory == nil ? [] : Set(try FileTree.names(in: directory!))
    children = []
    for thread in program ? try FileTree.names(in: "/proc/self/task") : [] {
      // A thread may end in between.
      let text = try FileContents.textIfPresent(FilePath("/proc/self/task/\(thread)/children")) ?? ""
      children.formUnion(text.split(separator: " ").compactMap { Int32($0) })
    }
    descriptors = [:]
    for name in try FileTree.names(in: "/proc/self/fd") {
      var buffer = [CChar](repeating: 0, count: 4096)
      let count = readlink("/proc/self/fd/\(name)", &buffer, buffer.count)
      guard count > 0 else { continue }
      let target = String(decoding: buffer[..<count].map(UInt8.init(bitPattern:)), as: UTF8.self)
      guard isOurs(target) || program && !target.hasPrefix("/") else { continue }
      // `pipe:[1234]` is another number each time, `anon_inode:[pidfd]` has none.
      let kind = target.hasPrefix("anon_inode:") ? target : String(target.prefix { $0 != "[" && $0 != "(" })
      descriptors[kind, default: 0] += 1
    }
  }

  /// What is there now and was not before, for people. Empty where nothing was left.
  public func left(since before: LeakCheck) -> [String] {
    var lines: [String] = []
    lines += mounts.subtracting(before.mounts).map { "mount \($0)" }
    lines += cgroups.subtracting(before.cgroups).map { "cgroup \($0)" }
    lines += entries.subtracting(before.entries).map { "entry \($0)" }
    lines += children.subtracting(before.children).map { "child \($0)" }
    for (name, count) in descriptors where count > before.descriptors[name, default: 0] {
      lines.append("\(count - before.descriptors[name, default: 0]) descriptors of \(name)")
    }
    return lines.sorted()
  }
}

/// Runs a body and then looks for what it left behind: mounts, cgroups, children, descriptors, entries of a directory.
///
/// The kernel gives some things back a moment after the call that let go of them, and tests beside this one hold
/// descriptors and children for a while: what differs is looked at again, up to `patience`.
///
/// - Returns: what the body gives, and what is left, as text for people.
public func withoutLeaks<Result>(
  marks: [String], directory: FilePath? = nil, program: Bool = false, patience: Duration = .seconds(5),
  isolation: isolated (any Actor)? = #isolation, _ body: () async throws -> Result
) async throws -> (result: Result, left: [String]) {
  // The first sleep of a program makes a timerfd that Swift's executor keeps. It is not the body's.
  try await Task.sleep(for: .milliseconds(1))
  let before = try LeakCheck(marks: marks, directory: directory, program: program)
  let result = try await body()
  let deadline = ContinuousClock.now + patience
  while true {
    let left = try LeakCheck(marks: marks, directory: directory, program: program).left(since: before)
    if left.isEmpty || ContinuousClock.now > deadline { return (result, left) }
    try await Task.sleep(for: .milliseconds(5))
  }
}
