// File systems: stacks layers, changes what they show, and makes the stack the root of a process, in two ways.
//
//   sudo tutorial-filesystem
//
// Each step says what it does and then checks that the kernel did it; the exit status is 1 where one did not. It needs a
// busybox that is linked statically: the only program in the root that it builds.

import ContainrRootFS
import Glibc

/// A step that did not behave.
struct Surprise: Error { var text: String }

func step(_ text: String) { print("\n== \(text)") }

func expect(_ condition: Bool, _ text: String) throws {
  guard condition else { throw Surprise(text: text) }
  print("   ok: \(text)")
}

/// Runs a command of the host; its exit status.
@discardableResult func host(_ command: String) -> Int32 { system(command) >> 8 }

/// What a command of the host prints.
func output(_ command: String) -> String {
  guard let pipe = popen(command, "re") else { return "" }
  defer { pclose(pipe) }
  var bytes = [UInt8](repeating: 0, count: 65536)
  return String(decoding: bytes[..<fread(&bytes, 1, bytes.count, pipe)], as: UTF8.self)
}

/// Two layers, a place for changes, and a place to look at the whole.
struct Workshop {
  let path: String
  var base: FilePath { FilePath(path + "/base") }
  var application: FilePath { FilePath(path + "/application") }
  var upper: FilePath { FilePath(path + "/upper") }
  var view: FilePath { FilePath(path + "/view") }

  var stack: RootFS.Source {
    .overlay(
      OverlayRoot(
        layers: [base, application],
        writableLayer: .directories(upper: upper, work: FilePath(path + "/work"), durable: false)))
  }

  init() throws {
    var template = Array("/tmp/tutorial-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw Surprise(text: "no directory could be made below /tmp") }
    path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    let isMade = host(
      """
      cd \(path) && mkdir -p base/bin base/etc application/etc upper work view && cp /bin/busybox base/bin/ && \
      ln -s busybox base/bin/sh && echo base >base/etc/name && echo base >base/etc/old && echo application >application/etc/name
      """)
    guard isMade == 0 else { throw Surprise(text: "the layers could not be made: is /bin/busybox there?") }
  }
}

func lookAtTheStack(_ shop: Workshop) async throws {
  step("Two read-only layers and a writable one, seen as one tree")
  let root = MountedRootFS(shop.stack, at: shop.view)
  try await root.setUp()
  try expect(output("cat \(shop.view)/etc/name") == "application\n", "a file in a later layer hides the one below")
  try expect(output("cat \(shop.view)/etc/old") == "base\n", "what no later layer has shines through")

  step("Copy-up: the first write copies the file to the writable layer")
  host("echo changed >>\(shop.view)/etc/old")
  try expect(output("cat \(shop.upper)/etc/old") == "base\nchanged\n", "the writable layer has a whole copy")
  try expect(output("cat \(shop.base)/etc/old") == "base\n", "the layer below is as it was")

  step("Whiteout: removing a file of a lower layer leaves a mark")
  host("rm \(shop.view)/etc/name")
  try expect(host("test -e \(shop.view)/etc/name") != 0, "the file is gone from the tree")
  try expect(output("stat -c %F \(shop.upper)/etc/name") == "character special file\n", "a device 0:0 stands for its absence")
  try expect(host("test -e \(shop.application)/etc/name") == 0, "the layer still has it")
  try await root.tearDown()
}

/// Runs a script in the base layer as a process of its own mount and pid namespace; what it prints.
func run(_ script: String, in shop: Workshop, change: RootFS.Change) throws -> String {
  var root = RootFS(.directory(shop.base))
  root.change = change
  root.mounts = Mount.defaults.filter { $0.kind == .proc }
  root.devices = []
  var plan = LaunchPlan()
  plan.namespaceFlags = 0x0002_0000 | 0x2000_0000  // CLONE_NEWNS, CLONE_NEWPID
  let slots = try plan.append(rootFS: root, context: RootFSContext())
  plan.appendChangeOfRoot(root, slots: slots)
  let file = shop.path + "/output"
  let descriptor = open(file, O_RDWR | O_CREAT | O_TRUNC, 0o600)
  defer { close(descriptor) }
  let slot = plan.inherit(descriptor)
  plan.append(.standardStreams(nil, slot, slot))
  plan.append(.signals())
  plan.append(.closeFrom(3, onExec: true))
  plan.append(.execute(paths: ["/bin/sh"], arguments: ["sh", "-c", script], environment: ["PATH=/bin"]))
  if change == .pivot { print(plan) }
  _ = try plan.spawn().takeProcess().reap()
  return output("cat \(file)")
}

func makeItTheRoot(_ shop: Workshop) throws {
  step("pivot_root: the tree becomes the root, and the host's is let go of")
  let pivoted = try run("busybox ls /; busybox wc -l </proc/mounts", in: shop, change: .pivot)
  print("   " + pivoted.split(separator: "\n").joined(separator: " "))
  try expect(pivoted.hasSuffix("\n2\n"), "two mounts are left: the root and /proc")

  step("chroot: only where paths begin has changed")
  let confined = try run("busybox ls /; busybox wc -l </proc/mounts", in: shop, change: .chroot)
  try expect(confined.hasPrefix("bin\n"), "paths begin in the new root")
  let outside = try run("busybox cat /../../etc/name", in: shop, change: .chroot)
  try expect(outside == "base\n", "and .. leads no further than that")
}

do {
  guard geteuid() == 0 else { throw Surprise(text: "mounting needs root") }
  let shop = try Workshop()
  defer { host("rm -rf \(shop.path)") }
  try await lookAtTheStack(shop)
  try makeItTheRoot(shop)
  print("\nDone.")
} catch {
  print("\nNot as expected: \(error)")
  exit(1)
}
