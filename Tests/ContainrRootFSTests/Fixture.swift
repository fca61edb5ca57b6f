import CContainrLinux
import ContainrCore
import ContainrLaunch
import ContainrRootFS
import ContainrTestSupport
import Glibc
import SystemPackage
import Testing

/// Trees on the host for one test, and containers that run busybox in them.
struct Fixture {
  let directory: FilePath

  /// Makes a directory with files: a name that ends in a slash is a directory.
  @discardableResult
  func tree(_ name: String, _ files: [String: String] = [:], program: Bool = false) throws -> FilePath {
    let root = directory.appending(name)
    try FileTree.makeDirectories(root, mode: 0o755)
    for (path, text) in files { try write(text, to: path, in: root) }
    if program {
      try FileTree.makeDirectories(root.appending("bin"), mode: 0o755)
      let bytes = try FileContents.read("/bin/busybox")
      try FileContents.replace(root.appending("bin").appending("busybox"), with: bytes, mode: 0o755, durable: false)
    }
    return root
  }

  private func write(_ text: String, to path: String, in root: FilePath) throws {
    let place = FilePath(root.string + "/" + path)
    if path.hasSuffix("/") { return try FileTree.makeDirectories(place, mode: 0o755) }
    try FileTree.makeDirectories(place.removingLastComponent(), mode: 0o755)
    try FileContents.replace(place, with: text.utf8, mode: 0o644, durable: false)
  }

  func link(_ path: FilePath, to target: String) throws {
    try FileTree.makeDirectories(path.removingLastComponent(), mode: 0o755)
    try #require(symlink(target, path.string) == 0)
  }

  func text(_ path: FilePath) throws -> String { try FileContents.text(path) }

  /// Every path below a directory, with the text of files.
  func contents(_ directory: FilePath) throws -> [String: String] {
    var found: [String: String] = [:]
    for name in try FileTree.names(in: directory) {
      let path = directory.appending(name)
      var status = stat()
      try #require(lstat(path.string, &status) == 0)
      switch status.st_mode & S_IFMT {
      case S_IFDIR:
        found[name + "/"] = ""
        for (inner, text) in try contents(path) { found[name + "/" + inner] = text }
      case S_IFREG: found[name] = name == "busybox" ? "" : try text(path)
      default: found[name] = "type \(status.st_mode & S_IFMT) device \(status.st_rdev)"
      }
    }
    return found
  }

  /// The mounts of this process below the fixture, as mountinfo has them.
  func mounts() throws -> [Substring] {
    try FileContents.text("/proc/self/mountinfo").split(separator: "\n").filter { $0.contains(directory.string) }
  }
}

/// Gives a test a directory, and sees to it that no mount is left in it.
func withFixture<Result>(
  isolation: isolated (any Actor)? = #isolation, _ body: (Fixture) async throws -> Result
) async throws -> Result {
  try await withTemporaryDirectory { directory in
    let fixture = Fixture(directory: directory)
    do {
      let result = try await body(fixture)
      #expect(try fixture.mounts() == [])
      return result
    } catch {
      for mount in try fixture.mounts().reversed() { umount2(String(mount.split(separator: " ")[4]), CInt(MNT_DETACH)) }
      throw error
    }
  }
}

/// The ways to stack layers that this kernel has: one by one, and all in one text.
let waysToStack = OverlayRoot.kernelAppendsLayers ? [true, false] : [false]

/// Runs a script of busybox's shell in a root.
@discardableResult
func run(
  _ script: String, in root: RootFS, appendsLayers: Bool = OverlayRoot.kernelAppendsLayers,
  before: (inout LaunchPlan) throws -> Void = { _ in },
  after: (inout LaunchPlan, RootFSSlots) throws -> Void = { _, _ in }
) async throws -> (output: String, status: TerminationStatus) {
  try await run(
    { plan in
      plan.namespaceFlags = UInt64(
        UInt32(CL_CLONE_NEWNS | CL_CLONE_NEWPID | CL_CLONE_NEWUTS | CL_CLONE_NEWIPC | CL_CLONE_NEWNET))
      plan.append(.fileModeMask(0))
      try before(&plan)
      var context = RootFSContext()
      context.appendsLayers = appendsLayers
      let slots = try plan.append(rootFS: root, context: context)
      try after(&plan, slots)
      plan.appendChangeOfRoot(root, slots: slots)
      plan.append(.workingDirectory("/"))
    }, paths: ["/bin/busybox"], arguments: ["sh", "-c", script])
}

/// Runs a script in a root, in a user namespace of its own: as somebody who is nobody on the host. Its ids from 0 on are
/// those from `host` on.
func runMapped(
  _ script: String, in root: RootFS, host: UInt32 = 54321, count: UInt32 = 1,
  _ configure: (inout RootFSContext) -> Void = { _ in }
) async throws -> String {
  var plan = LaunchPlan()
  var pipe = try OwnedDescriptor.pipe()
  let reader = pipe.takeFirst()
  let writer = pipe.takeSecond()
  let output = plan.inherit(writer.rawValue)
  plan.namespaceFlags =
    UInt64(
      UInt32(CL_CLONE_NEWUSER | CL_CLONE_NEWNS | CL_CLONE_NEWPID | CL_CLONE_NEWUTS | CL_CLONE_NEWIPC | CL_CLONE_NEWNET))
    | UInt64(CL_CLONE_NEWCGROUP)
  let socket = plan.makeParentSocket()
  plan.append(.barrier(.idMaps, socket: socket))
  plan.append(.ids(uid: 0, gid: 0))
  plan.append(.fileModeMask(0))
  var context = RootFSContext()
  context.isInUserNamespace = true
  context.terminalGroup = nil
  configure(&context)
  let slots = try plan.append(rootFS: root, context: context)
  plan.appendChangeOfRoot(root, slots: slots)
  plan.append(.workingDirectory("/"))
  plan.append(.standardStreams(nil, output, output))
  plan.append(.signals())
  plan.append(.closeFrom(3, onExec: true))
  plan.append(.execute(paths: ["/bin/busybox"], arguments: ["sh", "-c", script], environment: ["PATH=/bin"]))
  let session = try LaunchSession(plan)
  while try session.next() != nil {
    for name in ["gid_map", "uid_map"] {
      try FileContents.writeKernelFile(
        "0 \(host) \(count)\n", to: FilePath("/proc/\(session.pid)/\(name)"), code: .idMapping)
    }
    try session.pass()
  }
  let result = try session.finish()
  close(writer.release())
  let text = try FileContents.read(reader, "reading the output")
  _ = try await result.takeProcess().wait()
  return String(decoding: text, as: UTF8.self)
}

/// A plain root: a directory with busybox in it.
func plain(_ path: FilePath, _ configure: (inout RootFS) throws -> Void = { _ in }) throws -> RootFS {
  try RootFS(.directory(path), configure)
}
