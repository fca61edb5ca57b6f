import ContainrCore
import ContainrTestSupport
import SystemPackage
import Testing

/// What runs below an engine. The same steps over both: where only one fails, the fault is not the engine's.
enum EngineRuntime: String, CaseIterable, Sendable, CustomTestStringConvertible {
  case containr, runc

  var testDescription: String { rawValue }

  /// The executable.
  var program: String {
    get throws {
      switch self {
      case .containr: try Tool.program("containr-oci").string
      case .runc: try #require(["/usr/sbin/runc", "/usr/bin/runc"].first { FilePath($0).existing != nil }, "there is no runc")
      }
    }
  }
}

/// A container engine's client with a place of its own for everything that the engine keeps.
struct Engine: Sendable {
  let directory: FilePath
  /// Names the engine's cgroups, and nobody else's.
  let name: String
  let runtime: EngineRuntime
  var program: String
  /// What comes before each command.
  var options: [String] = []
  var environment: [String] = []

  /// Runs the client to its end.
  @discardableResult
  func callAsFunction(_ words: String..., input: String? = nil) async throws -> Tool.Outcome {
    try await run(words, input: input)
  }

  /// Runs the client to its end.
  func run(_ words: [String], input: String? = nil) async throws -> Tool.Outcome {
    try await Invocation(program: program, options + words, in: directory, input: input, environment: environment).wait()
  }

  /// What a command that must succeed prints, without the line's end.
  @discardableResult
  func text(_ words: String..., input: String? = nil, _ location: SourceLocation = #_sourceLocation) async throws -> String {
    let outcome = try await run(words, input: input)
    try #require(outcome.status == 0, "\(words.joined(separator: " ")): \(outcome)", sourceLocation: location)
    return String(outcome.output.drop { $0 == "\n" }.reversed().drop { $0.isNewline }.reversed())
  }

  /// Gives a test a directory with `image.tar` in it, a root file system of busybox, and checks that no process, mount and
  /// cgroup of the engine is left.
  static func withPlace(_ body: (FilePath, String) async throws -> Void) async throws {
    try await withTemporaryDirectory { directory in
      let name = "containr-engine-\(UInt32.random(in: .min ... .max))"
      try await host(
        """
        mkdir -p image/bin image/etc image/tmp image/root && cp /bin/busybox image/bin &&
        for name in sh cat echo id grep ls pwd ps sleep tail touch true tty hostname mount test; do
          ln -s busybox image/bin/$name
        done
        echo root:x:0:0::/root:/bin/sh >image/etc/passwd && echo root:x:0: >image/etc/group && tar -C image -cf image.tar .
        """, in: directory)
      let result: Result<Void, any Error>
      do { result = .success(try await body(directory, name)) } catch { result = .failure(error) }
      try await eventually("the end of the processes of \(directory)") { try processes(naming: directory.string).isEmpty }
      try await host(
        """
        cut -d ' ' -f 5 /proc/self/mountinfo | grep "^$PWD/" | sort -r | xargs -r umount -l
        find /sys/fs/cgroup -depth -type d -path '*/\(name)*' -exec rmdir {} +
        """, in: directory)
      try result.get()
    }
  }

  /// The processes whose command lines name a place.
  private static func processes(naming text: String) throws -> [String] {
    var found: [String] = []
    for name in try FileTree.names(in: "/proc") where name.allSatisfy(\.isNumber) {
      // It may end in between.
      let line: String
      do { line = try FileContents.text(FilePath("/proc/\(name)/cmdline")) } catch { continue }
      if line.contains(text) { found.append("\(name) \(line)") }
    }
    return found
  }
}
