import Glibc

/// A temporary directory with one busybox root file system, the OCI bundles on it, and the compiled seccomp filter.
struct Workspace {
  let path: String
  var rootfs: String { path + "/rootfs" }
  var filter: String { path + "/filter.bpf" }
  /// The `--root` of the OCI runtimes: their own state directories, away from the machine's.
  var state: String { path + "/state" }

  /// Makes the directory below `parent`; `floor` compiles the filter once, outside of what is timed.
  init(in parent: String, floor: String) throws(BenchmarkError) {
    var template = Array((parent + "/containr-bench.XXXXXX").utf8CString)
    guard mkdtemp(&template) != nil else { throw BenchmarkError("\(parent): \(String(cString: strerror(errno)))") }
    path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    try makeDirectory(rootfs)
    for name in ["bin", "proc", "sys", "dev", "etc", "tmp"] { try makeDirectory(rootfs + "/" + name) }
    guard let busybox = findExecutable("busybox") else {
      throw BenchmarkError("busybox is not installed (apt-get install busybox-static)")
    }
    let launcher = Launcher(logPath: log)
    _ = try launcher.output([findExecutable("cp") ?? "/bin/cp", busybox, rootfs + "/bin/busybox"])
    for applet in ["true", "sh", "sleep", "cat"] {
      try require(link(rootfs + "/bin/busybox", rootfs + "/bin/" + applet), "link \(applet)")
    }
    try makeDirectory(state)
    _ = try launcher.output([floor, "--write-seccomp", filter])
    let seccomp = try launcher.output([floor, "--seccomp-json"])
    for (name, arguments, profile) in [
      ("plain", ["/bin/true"], nil), ("seccomp", ["/bin/true"], seccomp), ("sleeper", ["/bin/sleep", "1000000"], nil),
      ("sleeper-floor", ["/bin/sleep", "1000000"], nil), ("sleeper-seccomp", ["/bin/sleep", "1000000"], seccomp),
    ] {
      try makeDirectory(bundle(name))
      try require(symlink(rootfs, bundle(name) + "/rootfs"), "symlink")
      try writeText(
        bundleConfiguration(arguments: arguments, root: rootfs, seccomp: profile), to: bundle(name) + "/config.json")
    }
    // The same as `plain` on a root that is mounted and unmounted around every run.
    for name in ["overlay", "overlay-seccomp"] {
      try makeDirectory(bundle(name))
      try writeText(
        bundleConfiguration(arguments: ["/bin/true"], root: merged, seccomp: name == "overlay" ? nil : seccomp),
        to: bundle(name) + "/config.json")
    }
    try makeDirectory(merged)
  }

  func bundle(_ name: String) -> String { path + "/bundle-" + name }
  var log: String { path + "/log" }
  private var merged: String { path + "/merged" }
  private var upper: String { path + "/upper" }
  private var work: String { path + "/work" }

  /// Mounts an ephemeral overlay of the root file system where the overlay bundles expect it, as podman does before
  /// it calls its runtime, and takes it away again after `body`.
  func withOverlay<R>(_ body: () throws(BenchmarkError) -> R) throws(BenchmarkError) -> R {
    try makeDirectory(upper)
    try makeDirectory(work)
    let options = "lowerdir=\(rootfs),upperdir=\(upper),workdir=\(work),volatile"
    try require(mount("overlay", merged, "overlay", 0, options), "mount(2) overlay")
    let result = try body()
    try require(umount2(merged, 0), "umount2(2) overlay")
    unlink(work + "/work/incompat/volatile/dirty")
    for path in ["/work/incompat/volatile", "/work/incompat", "/work", ""] { try removeIfPresent(directory: work + path) }
    try removeIfPresent(directory: upper)
    return result
  }

  /// Removes everything; nothing of the workspace is mounted any more when a case has ended.
  func remove() throws(BenchmarkError) {
    _ = try Launcher(logPath: "/dev/null").run([findExecutable("rm") ?? "/bin/rm", "-rf", "--one-file-system", path])
  }
}
