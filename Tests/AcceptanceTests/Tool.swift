import ContainrCore
import ContainrLaunch
import ContainrTestSupport
import Glibc
import SystemPackage
import Testing

/// The built `containr` with a state directory of its own.
struct Tool: Sendable {
  /// Where the test may put its files; it goes with the test.
  let directory: FilePath
  /// What the names of this test's containers begin with.
  let prefix: String

  var state: FilePath { directory.appending("state") }

  /// The executable, which SwiftPM puts beside the tests.
  static var program: FilePath {
    get throws { try program("containr") }
  }

  /// One of the package's executables.
  static func program(_ name: String) throws -> FilePath {
    var place = FilePath(try readLink("/proc/self/exe")).removingLastComponent()
    // Where another program hosts the tests, its arguments name their bundle.
    for argument in CommandLine.arguments where argument.hasSuffix(".xctest") {
      place = FilePath(argument).removingLastComponent()
    }
    return try #require(place.appending(name).existing, "no \(name) beside the tests, in \(place)")
  }

  private static func readLink(_ path: String) throws -> String {
    var buffer = [UInt8](repeating: 0, count: 4096)
    let count = buffer.withUnsafeMutableBytes { readlink(path, $0.baseAddress!, $0.count) }
    try #require(count > 0)
    return String(decoding: buffer[..<count], as: UTF8.self)
  }

  /// Runs a test, and checks that it left no container and no cgroup behind.
  ///
  /// - Parameter hasOwnImages: whether it starts with an empty store, for a test that changes it. The others share one with
  ///   the default image, which takes most of a second to make.
  static func with(hasOwnImages: Bool = false, _ body: (Tool) async throws -> Void) async throws {
    try await withTemporaryDirectory { directory in
      let tool = Tool(directory: directory, prefix: "accept-\(UInt32.random(in: .min ... .max))")
      if !hasOwnImages {
        try FileTree.makeDirectories(tool.state)
        try #require(symlink(try await sharedImages.value.string, tool.state.appending("images").string) == 0)
      }
      try await body(tool)
      let containers = tool.state.appending("containers")
      if containers.existing != nil { #expect(try FileTree.names(in: containers) == []) }
      #expect(try tool.cgroups() == [])
    }
  }

  /// A store with the default image beside the program, made once by each run of the tests.
  private static let sharedImages = Task {
    let state = try program.removingLastComponent().appending("acceptance-state")
    if state.existing != nil { try FileTree.remove(state) }
    let tool = Tool(directory: state, prefix: "")
    try FileTree.makeDirectories(tool.state)
    let outcome = try await tool("run", "containr/busybox", "true")
    try #require(outcome.status == 0, "\(outcome)")
    return tool.state.appending("images")
  }

  /// A name that no other test gives.
  func name(_ name: String) -> String { "\(prefix)-\(name)" }

  /// The cgroups of this test's named containers.
  func cgroups() throws -> [String] {
    var found: [String] = []
    for hierarchy in try FileTree.names(in: "/sys/fs/cgroup") {
      let parent = FilePath("/sys/fs/cgroup/\(hierarchy)/containr")
      guard parent.existing != nil else { continue }
      found += try FileTree.names(in: parent).filter { $0.hasPrefix(prefix) }.map { "\(parent)/\($0)" }
    }
    return found
  }

  // MARK: Running

  /// What the tool gave.
  struct Outcome: Equatable, Sendable {
    var status: Int32
    var output: String
    var error: String
  }

  /// Runs the tool to its end.
  @discardableResult
  func callAsFunction(
    _ arguments: [String], input: String? = nil, environment: [String] = []
  ) async throws -> Outcome {
    try await start(arguments, input: input, environment: environment).wait()
  }

  /// Runs the tool to its end.
  @discardableResult
  func callAsFunction(_ arguments: String..., input: String? = nil) async throws -> Outcome {
    try await self(arguments, input: input)
  }

  /// Runs a shell script in a container of the default image.
  func shell(_ options: String..., script: String, input: String? = nil) async throws -> Outcome {
    try await self(["run"] + options + ["containr/busybox", "sh", "-c", script], input: input)
  }

  /// Starts the tool.
  func start(_ arguments: [String], input: String? = nil, environment: [String] = []) throws -> Invocation {
    try Invocation(
      ["--state-dir", state.string] + arguments, in: directory, input: input, environment: environment)
  }

  /// Starts a named container that prints a line when it is up, and waits for the line.
  func background(_ name: String, _ options: String..., script: String = "sleep 600") async throws -> Invocation {
    let arguments = ["run", "--name", name] + options + ["containr/busybox", "sh", "-c", "echo up; \(script)"]
    let invocation = try start(arguments)
    try await invocation.waitForOutput { $0.hasPrefix("up\n") }
    return invocation
  }
}

/// A run of the tool whose output goes to files.
struct Invocation: ~Copyable, Sendable {
  let process: ProcessDescriptor
  private let outputFile: FilePath
  private let errorFile: FilePath

  init(
    program: String? = nil, _ arguments: [String], in directory: FilePath, input: String?, environment: [String]
  ) throws {
    let name = "run-\(UInt64.random(in: .min ... .max))"
    outputFile = directory.appending(name + ".out")
    errorFile = directory.appending(name + ".err")
    let output = try OwnedDescriptor.open(outputFile, flags: O_WRONLY | O_CREAT, mode: 0o600)
    let error = try OwnedDescriptor.open(errorFile, flags: O_WRONLY | O_CREAT, mode: 0o600)
    var plan = LaunchPlan()
    let null = try OwnedDescriptor.open("/dev/null", flags: O_RDONLY)
    var pipe = try OwnedDescriptor.pipe()
    let reader = pipe.takeFirst()
    let writer = pipe.takeSecond()
    if let input { try FileContents.write(Array(input.utf8), to: writer, "writing the input") }
    close(writer.release())
    let streams = [input == nil ? null.rawValue : reader.rawValue, output.rawValue, error.rawValue].map { plan.inherit($0) }
    plan.append(.standardStreams(streams[0], streams[1], streams[2]))
    process = try plan.startTool(arguments, program: program, environment: environment)
  }

  /// Waits for the end.
  consuming func wait() async throws -> Tool.Outcome {
    let status = try await process.wait()
    return Tool.Outcome(
      status: status.code, output: try FileContents.text(outputFile), error: try FileContents.text(errorFile))
  }

  /// Waits until what was printed so far is as it should be; a minute at most.
  func waitForOutput(_ isExpected: (String) -> Bool) async throws {
    try await eventually("the output, which is \(outputFile)") { isExpected(try FileContents.text(outputFile)) }
  }
}

extension LaunchPlan {
  /// Starts the tool; the plan has its streams.
  mutating func startTool(
    _ arguments: [String], program: String? = nil, environment: [String]
  ) throws -> ProcessDescriptor {
    append(.signals())
    append(.closeFrom(3, onExec: true))
    var all = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root"] + environment
    // Where the tests measure coverage, the tool does.
    if let profile = getenv("LLVM_PROFILE_FILE") { all.append("LLVM_PROFILE_FILE=\(String(cString: profile))") }
    let program = try program ?? Tool.program.string
    append(.execute(paths: [program], arguments: [program] + arguments, environment: all))
    return try spawn().takeProcess()
  }
}

/// Waits until something is so; three minutes at most: all tests run at once.
func eventually(
  _ what: String, _ location: SourceLocation = #_sourceLocation, _ condition: () async throws -> Bool
) async throws {
  let end = ContinuousClock.now + .seconds(180)
  while try await !condition() {
    try #require(ContinuousClock.now < end, "waited in vain for \(what)", sourceLocation: location)
    try await Task.sleep(for: .milliseconds(10))
  }
}

extension FilePath {
  /// The path where something is there.
  var existing: FilePath? { access(string, F_OK) == 0 ? self : nil }
}

/// Runs a line of shell in a directory on the host; a failure is the test's.
@discardableResult
func host(_ line: String, in directory: FilePath, _ location: SourceLocation = #_sourceLocation) async throws -> String {
  var pipe = try OwnedDescriptor.pipe()
  let reader = pipe.takeFirst()
  let writer = pipe.takeSecond()
  var plan = LaunchPlan()
  let output = plan.inherit(writer.rawValue)
  plan.append(.standardStreams(nil, output, output))
  plan.append(.workingDirectory(directory.string, anywhere: true))
  plan.append(.signals())
  plan.append(.closeFrom(3, onExec: true))
  plan.append(
    .execute(
      paths: ["/bin/sh"], arguments: ["sh", "-c", line],
      environment: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LC_ALL=C.UTF-8"]))
  let result = try plan.spawn()
  close(writer.release())
  let text = String(decoding: try FileContents.read(reader, "reading the output"), as: UTF8.self)
  let status = try await result.takeProcess().wait()
  try #require(status.isSuccess, "\(line): \(text)", sourceLocation: location)
  return text
}
