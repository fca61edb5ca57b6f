import CContainrLinux
import Glibc

/// Why a benchmark, or one of its subjects, cannot run.
struct BenchmarkError: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

/// Throws the current `errno` as "activity: reason" when `result` is negative.
func require(_ result: Int32, _ activity: @autoclosure () -> String) throws(BenchmarkError) {
  if result < 0 { throw BenchmarkError("\(activity()): \(String(cString: strerror(errno)))") }
}

func makeDirectory(_ path: String) throws(BenchmarkError) { try require(mkdir(path, 0o755), path) }

func removeIfPresent(directory path: String) throws(BenchmarkError) {
  if rmdir(path) < 0, errno != ENOENT { try require(-1, path) }
}

func isExecutable(_ path: String) -> Bool { access(path, X_OK) == 0 }

/// The first executable called `name` in the usual directories.
func findExecutable(_ name: String) -> String? {
  ["/usr/local/sbin/", "/usr/local/bin/", "/usr/sbin/", "/usr/bin/", "/sbin/", "/bin/"].map { $0 + name }.first(
    where: isExecutable)
}

func readText(_ path: String) throws(BenchmarkError) -> String {
  let descriptor = open(path, O_RDONLY | O_CLOEXEC)
  try require(descriptor, path)
  defer { close(descriptor) }
  var bytes: [UInt8] = []
  var buffer = [UInt8](repeating: 0, count: 65536)
  while true {
    let count = read(descriptor, &buffer, buffer.count)
    try require(Int32(count), path)
    if count == 0 { return String(decoding: bytes, as: UTF8.self) }
    bytes += buffer[..<count]
  }
}

func writeText(_ text: String, to path: String) throws(BenchmarkError) {
  let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
  try require(descriptor, path)
  defer { close(descriptor) }
  var text = text
  let written = text.withUTF8 { write(descriptor, $0.baseAddress, $0.count) }
  guard written == text.utf8.count else { throw BenchmarkError("\(path): \(String(cString: strerror(errno)))") }
}

/// Gives this process, and so every subject, a mount namespace of its own, once and outside of what is timed.
///
/// crun refuses a hybrid cgroup layout whose unified hierarchy has controllers; an empty file in place of
/// `cgroup.controllers` makes it take the version 1 hierarchies.
func enterPrivateMounts() throws(BenchmarkError) {
  let result = cl_unshare(Int32(CL_CLONE_NEWNS))
  guard result >= 0 else { throw BenchmarkError("unshare(2): \(String(cString: strerror(-result))); run as root") }
  try require(mount(nil, "/", nil, UInt(MS_REC | MS_PRIVATE), nil), "mount(2) / private")
  let controllers = "/sys/fs/cgroup/unified/cgroup.controllers"
  if access(controllers, F_OK) == 0 {
    try require(mount("/dev/null", controllers, nil, UInt(MS_BIND), nil), "mount(2) \(controllers)")
  }
}
