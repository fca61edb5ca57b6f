import CContainrLinux
import ContainrCore
import ContainrTestSupport
import Glibc
import SystemPackage
import Testing

@testable import ContainrCgroups

/// A process that enters a cgroup by itself, the way a container does, and then becomes a shell script.
struct Inmate {
  var pid: pid_t

  init(_ script: String, in cgroup: Cgroup) throws {
    let enter = #"for d; do { [ -e "$d/tasks" ] && echo 0 > "$d/tasks"; } || echo 0 > "$d/cgroup.procs" || exit 99; done; "#
    let arguments = ["/bin/sh", "-c", enter + script, "sh"] + cgroup.directories.map(\.string)
    var pointers: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) }
    defer { for pointer in pointers { free(pointer) } }
    pointers.append(nil)
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
    var pid: pid_t = 0
    try #require(posix_spawn(&pid, "/bin/sh", &actions, nil, pointers, environ) == 0)
    self.pid = pid
  }

  /// The exit status, 128 + n for signal n.
  func wait() -> Int32 {
    var status: CInt = 0
    while waitpid(pid, &status, 0) < 0, Errno.current == .interrupted {}
    return cl_w_ifexited(status) != 0 ? cl_w_exitstatus(status) : 128 + cl_w_termsig(status)
  }
}

/// Makes a cgroup, and checks afterwards that it and its parent are gone.
func withCgroup(
  controllers: CgroupControllers? = nil, layout: CgroupLayout? = nil, _ name: String = #function,
  configure: (inout CgroupResources) throws -> Void = { _ in }, _ body: (Cgroup) throws -> Void
) throws {
  let layout = try layout ?? CgroupLayout.detect()
  let parent = "containr-test-\(getpid())-\(name.prefix { $0.isLetter || $0.isNumber })"
  let cgroup = try Cgroup.create(try CgroupPath(parent + "/c"), layout: layout, controllers: controllers, configure)
  let result = Result { try body(cgroup) }
  try cgroup.kill()
  try cgroup.remove()
  try Cgroup.adopt(try CgroupPath(parent), layout: layout).remove()
  for directory in cgroup.directories {
    #expect(access(directory.string, F_OK) != 0)
    #expect(access(directory.removingLastComponent().string, F_OK) != 0)
  }
  try result.get()
}

/// The same for a body that waits.
func withCgroup(
  controllers: CgroupControllers? = nil, layout: CgroupLayout? = nil, _ name: String = #function,
  configure: (inout CgroupResources) throws -> Void = { _ in }, _ body: (Cgroup) async throws -> Void
) async throws {
  let layout = try layout ?? CgroupLayout.detect()
  let parent = "containr-test-\(getpid())-\(name.prefix { $0.isLetter || $0.isNumber })"
  let cgroup = try Cgroup.create(try CgroupPath(parent + "/c"), layout: layout, controllers: controllers, configure)
  let result: Result<Void, any Error>
  do { result = .success(try await body(cgroup)) } catch { result = .failure(error) }
  try cgroup.remove(evicting: .kill, timeout: .seconds(10))
  try Cgroup.adopt(try CgroupPath(parent), layout: layout).remove()
  for directory in cgroup.directories { #expect(access(directory.string, F_OK) != 0) }
  try result.get()
}

/// Polls a condition, for half a minute at most: machines are busy, and a kernel lane is slow.
func eventually(_ condition: () throws -> Bool) throws -> Bool {
  let deadline = ContinuousClock.now + .seconds(30)
  while ContinuousClock.now < deadline {
    if try condition() { return true }
    usleep(1000)
  }
  return false
}

extension Requirement {
  /// A controller on a mounted hierarchy of either version.
  static func controller(_ controller: CgroupControllers) -> Requirement {
    Requirement("the cgroup controller \(controller)") {
      do { return try CgroupLayout.detect().controllers.isSuperset(of: controller) } catch { return false }
    }
  }
}
