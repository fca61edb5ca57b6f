// Runs a command under a memory limit of 50 MB and 256 CPU shares, and shows that it, and not this program, is limited.
//
//   sudo cgroup-limits [command [argument…]]

import ContainrCgroups
import Glibc

/// Starts `/bin/sh`, which enters the cgroup itself before it becomes the command. Returns its process id.
func spawn(_ command: [String], in cgroup: Cgroup) throws -> pid_t {
  // Each directory of the cgroup has a cgroup.procs; 0 stands for the writer.
  let script = #"while [ "$1" != -- ]; do echo 0 > "$1/cgroup.procs" || exit 125; shift; done; shift; exec "$@""#
  let arguments = ["/bin/sh", "-c", script, "sh"] + cgroup.directories.map { "\($0)" } + ["--"] + command
  var pointers: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) }
  defer { for pointer in pointers { free(pointer) } }
  pointers.append(nil)
  var pid: pid_t = 0
  let result = posix_spawn(&pid, "/bin/sh", nil, nil, pointers, environ)
  guard result == 0 else {
    throw ContainrError(.resourceExhausted, "starting /bin/sh: \(String(cString: strerror(result)))")
  }
  return pid
}

func run() throws -> Int32 {
  let layout = try CgroupLayout.detect()
  print("layout:   \(layout.kind.rawValue) with \(layout.controllers)")
  for place in try layout.delegations() { print("          \(place)") }

  let cgroup = try Cgroup.create(try CgroupPath("containr/example-\(getpid())"), layout: layout) {
    $0.memory.limit = .mebibytes(50)
    $0.cpu.shares = 256
  }
  defer {
    do { try cgroup.remove() } catch { print(error) }
  }
  let limits = try cgroup.limits()
  print("memory:   \(limits.memory.limit.map(String.init(describing:)) ?? "no limit")")
  print("shares:   \(limits.cpu.shares ?? limits.cpu.weight?.shares ?? 0)")

  var command = Array(CommandLine.arguments.dropFirst())
  if command.isEmpty { command = ["/bin/sh", "-c", "sleep 1"] }
  let pid = try spawn(command, in: cgroup)
  // The child enters by itself: wait until it is there, or has ended.
  var status: CInt = 0
  var ended = false
  while try !cgroup.processes().contains(pid), !ended {
    sched_yield()
    ended = waitpid(pid, &status, WNOHANG) == pid
  }
  let inside = try cgroup.processes()
  print("inside:   \(inside) (the child is \(pid), this launcher \(getpid()))")
  if inside.contains(getpid()) { throw ContainrError(.internalError, "the launcher is in its child's cgroup") }

  if !ended { waitpid(pid, &status, 0) }
  let statistics = try cgroup.statistics()
  if let memory = statistics.memory {
    print("used:     at most \(memory.peak ?? memory.usage) of memory, \(memory.oomKills) OOM kills")
  }
  if let cpu = statistics.cpu { print("          \(cpu.usage) of CPU time") }
  return status & 0x7f == 0 ? (status >> 8) & 0xff : 128 + (status & 0x7f)
}

do {
  exit(try run())
} catch {
  print(error)
  exit(1)
}
