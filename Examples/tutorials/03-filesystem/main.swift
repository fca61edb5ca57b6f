// The file system: stacks two layers, watches where changes go, and compares chroot(2) with pivot_root(2).
//
//   sudo tutorial-filesystem
//
// Each step says what it does and then checks that the kernel did it; the exit status is 1 where one did not.

import ContainrRootFS
import Glibc

/// A step that did not behave.
struct Surprise: Error { var text: String }

func step(_ text: String) { print("\n== \(text)") }

func expect(_ condition: Bool, _ text: String) throws {
  guard condition else { throw Surprise(text: text) }
  print("   ok: \(text)")
}

// MARK: Small things

func write(_ text: String, to path: FilePath) throws {
  guard let file = fopen(path.string, "w") else { throw Surprise(text: "cannot write \(path)") }
  fputs(text, file)
  fclose(file)
}

func read(_ path: FilePath) -> String? {
  guard let file = fopen(path.string, "r") else { return nil }
  defer { fclose(file) }
  var bytes = [UInt8](repeating: 0, count: 4096)
  return String(decoding: bytes[..<fread(&bytes, 1, bytes.count, file)], as: UTF8.self)
}

func makeDirectories(_ paths: FilePath...) throws {
  for path in paths where mkdir(path.string, 0o755) != 0 { throw Surprise(text: "cannot make \(path)") }
}

/// Whether overlayfs marks the path as deleted: a device that no driver has.
func isWhiteout(_ path: FilePath) -> Bool {
  var status = stat()
  return lstat(path.string, &status) == 0 && status.st_mode & S_IFMT == S_IFCHR && status.st_rdev == 0
}

/// Runs a plan that ends in a command, and gives what that printed. A plan is a list of system calls: `print(plan)`.
func output(of command: String..., in build: (inout LaunchPlan) throws -> Void) async throws -> String {
  var plan = LaunchPlan()
  var pipe = try OwnedDescriptor.pipe()
  let reader = pipe.takeFirst()
  let writer = pipe.takeSecond()
  let stream = plan.inherit(writer.rawValue)
  try build(&plan)
  plan.append(.standardStreams(nil, stream, stream))
  plan.append(.signals())
  plan.append(.closeFrom(3, onExec: true))
  plan.append(.execute(paths: [command[0]], arguments: command, environment: []))
  let result = try plan.spawn()
  close(writer.release())
  var text = ""
  var bytes = [UInt8](repeating: 0, count: 4096)
  while case let count = Glibc.read(reader.rawValue, &bytes, bytes.count), count > 0 {
    text += String(decoding: bytes[..<count], as: UTF8.self)
  }
  _ = try await result.takeProcess().wait()
  return text
}

// MARK: Layers

func stackLayers(_ place: FilePath) async throws -> OverlayRoot {
  step("Two layers: what an image is made of")
  let base = place.appending("base")
  let application = place.appending("application")
  let (upper, work) = (place.appending("upper"), place.appending("work"))
  try makeDirectories(
    base, base.appending("bin"), base.appending("etc"), application, application.appending("etc"), upper, work)
  let copied = try await output(of: "/bin/cp", "/bin/busybox", base.appending("bin").string) { _ in }
  guard copied.isEmpty else { throw Surprise(text: copied) }
  try write("base", to: base.appending("etc/name"))
  try write("base", to: base.appending("etc/settings"))
  try write("base", to: base.appending("etc/old"))
  try write("application", to: application.appending("etc/name"))

  let stack = OverlayRoot(
    layers: [base, application], writableLayer: .directories(upper: upper, work: work, durable: true))
  try await withMountedRootFS(.overlay(stack), at: place.appending("root")) { root in
    try expect(read(root.appending("etc/name")) == "application", "a later layer hides the file of an earlier one")
    try expect(read(root.appending("etc/settings")) == "base", "and what it does not have shows through")

    step("Copy-up: the first write to a file copies it into the writable layer")
    try expect(read(upper.appending("etc/settings")) == nil, "before, the writable layer has no such file")
    try write("changed", to: root.appending("etc/settings"))
    try expect(read(upper.appending("etc/settings")) == "changed", "afterwards it has")
    try expect(read(base.appending("etc/settings")) == "base", "the layer below is as it was")

    step("Whiteout: a deleted file is a mark in the writable layer")
    unlink(root.appending("etc/old").string)
    try expect(read(root.appending("etc/old")) == nil, "the file is gone")
    try expect(isWhiteout(upper.appending("etc/old")), "in the writable layer stands a device 0:0 of that name")
    try expect(read(base.appending("etc/old")) == "base", "and the layer below still has it")
    let usage = try DirectoryUsage(of: upper)
    print("   all that the container adds: \(usage.inodes) inodes, \(usage.space)")
  }
  return stack
}

// MARK: Roots

/// The old way out of a changed root: hold on to a directory, change the root again to one below it, and then go up from
/// the one that is held: ".." stops at the root only, and that is elsewhere now.
func escape(_ plan: inout LaunchPlan) {
  let (held, jail, out) = (plan.makeSlot(), plan.makeSlot(), plan.makeSlot())
  plan.append(.open(held, directory: .workingDirectory, path: "/", flags: O_RDONLY | O_DIRECTORY))
  plan.append(.open(jail, directory: .workingDirectory, path: "/etc", flags: O_RDONLY | O_DIRECTORY))
  plan.append(.changeRoot(jail))
  plan.append(
    .open(out, directory: held, path: String(repeating: "../", count: 64) + ".", flags: O_RDONLY | O_DIRECTORY))
  plan.append(.changeRoot(out))
}

func compareRoots(_ place: FilePath, _ stack: OverlayRoot) async throws {
  let secret = place.appending("secret")
  try write("the host's", to: secret)
  let tree = stack.layers[0]

  step("chroot(2): only the lookup of paths changes")
  func change(_ plan: inout LaunchPlan) {
    let root = plan.makeSlot()
    plan.append(.open(root, directory: .workingDirectory, path: tree.string, flags: O_RDONLY | O_DIRECTORY))
    plan.append(.changeRoot(root))
  }
  let looked = try await output(of: "/bin/busybox", "cat", "/../../../..\(secret)") { change(&$0) }
  try expect(looked.contains("No such file"), "no number of dots leads from inside to the host's files")
  let escaped = try await output(of: "/bin/busybox", "cat", secret.string) { plan in
    change(&plan)
    escape(&plan)
  }
  try expect(escaped == "the host's", "but five system calls of a privileged process do")

  step("pivot_root(2) in a mount namespace of its own: the host's root is let go of")
  var root = RootFS(.overlay(stack))
  root.mounts = [Mount(.proc, at: .proc), .tmpfs(at: try RootedPath("/tmp"), size: .mebibytes(1))]
  root.devices = []
  func pivot(_ plan: inout LaunchPlan) throws {
    plan.namespaceFlags = 0x2002_0000  // CLONE_NEWNS | CLONE_NEWPID
    let slots = try plan.append(rootFS: root, context: RootFSContext())
    plan.appendChangeOfRoot(root, slots: slots)
  }
  let shown = try await output(of: "/bin/busybox", "cut", "-d ", "-f5", "/proc/self/mountinfo") { plan in
    try pivot(&plan)
    print(plan)
  }
  try expect(shown == "/\n/proc\n/tmp\n", "the namespace has the container's three mounts and no other")
  let held = try await output(of: "/bin/busybox", "cat", secret.string) { plan in
    try pivot(&plan)
    escape(&plan)
  }
  try expect(held.contains("No such file"), "the same five calls lead nowhere")
  let settings = try await output(of: "/bin/busybox", "cat", "/etc/settings") { try pivot(&$0) }
  try expect(settings == "changed", "what was written to the stack before is there")
}

func lesson(_ place: FilePath) async throws {
  try await compareRoots(place, try await stackLayers(place))
  step("Cleaning up")
  let mounts = try await output(of: "/bin/grep", place.string, "/proc/self/mountinfo") { _ in }
  try expect(mounts.isEmpty, "the host has no mount of ours: they ended with the processes that saw them")
}

var template = Array("/tmp/tutorial-XXXXXX".utf8CString)
guard mkdtemp(&template) != nil else {
  perror("mkdtemp")
  exit(1)
}
let place = FilePath(String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self))
var code: CInt = 0
do {
  try await lesson(place)
} catch let surprise as Surprise {
  print("   NOT SO: \(surprise.text)")
  code = 1
} catch {
  print(error)
  code = 1
}
do { print(try await output(of: "/bin/rm", "-rf", place.string) { _ in }, terminator: "") } catch { print(error) }
exit(code)
