// Resources: makes a cgroup, limits it, puts processes in it, watches what they use and what happens to them, and cleans up.
//
//   sudo tutorial-resources
//
// Each step says what it does and then checks that the kernel did it; the exit status is 1 where one did not.

import ContainrCgroups
import Glibc

/// A step that did not behave.
struct Surprise: Error { var text: String }

func step(_ text: String) { print("\n== \(text)") }

func expect(_ condition: Bool, _ text: String) throws {
  guard condition else { throw Surprise(text: text) }
  print("   ok: \(text)")
}

/// Starts a shell that enters the cgroup by itself and then runs a script. Each directory of the cgroup has a
/// `cgroup.procs`; 0 stands for the writer. What the script starts is in the cgroup too: a child begins where its parent is.
func start(_ script: String, in cgroup: Cgroup) throws -> pid_t {
  let enter = #"for directory; do echo 0 > "$directory/cgroup.procs" || exit 125; done; "#
  let arguments = ["/bin/sh", "-c", enter + script, "sh"] + cgroup.directories.map { "\($0)" }
  var pointers: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) }
  defer { for pointer in pointers { free(pointer) } }
  pointers.append(nil)
  var pid: pid_t = 0
  guard posix_spawn(&pid, "/bin/sh", nil, nil, pointers, environ) == 0 else {
    throw ContainrError(.resourceExhausted, "starting /bin/sh")
  }
  return pid
}

/// Waits for a child; its exit status, 128 + n after signal n.
func wait(for pid: pid_t) -> Int32 {
  var status: CInt = 0
  while waitpid(pid, &status, 0) < 0, errno == EINTR {}
  return status & 0x7f == 0 ? (status >> 8) & 0xff : 128 + (status & 0x7f)
}

/// Reads events up to one that counts.
func first(_ events: CgroupEvents, _ isIt: (CgroupEvent) -> Bool) async throws -> CgroupEvent {
  for try await event in events {
    print("   event: \(event)")
    if isIt(event) { return event }
  }
  throw Surprise(text: "the events ended before")
}

/// A busy program, seen through samples, frozen and killed.
func watchUse(of cgroup: Cgroup) async throws {
  step("A program that is never done, and samples of what it uses")
  let busy = try start("while :; do :; done", in: cgroup)
  var used = Duration.zero
  for try await sample in cgroup.statistics(every: .milliseconds(100)) {
    used = sample.statistics.cpu?.usage ?? .zero
    if let percent = sample.cpuPercent {
      print("   \(Int(percent)) % of a CPU, \(used) in all, \(sample.statistics.memory?.usage ?? 0) of memory")
    }
    if used > .milliseconds(100) { break }
  }
  try expect(try cgroup.processes().contains(busy), "the process \(busy) is in the cgroup")
  try expect(try !cgroup.processes().contains(getpid()), "this program is not")

  step("Freezing it")
  try cgroup.freeze()
  let frozen = try cgroup.statistics().cpu?.usage ?? .zero
  try await Task.sleep(for: .milliseconds(200))
  let later = try cgroup.statistics().cpu?.usage ?? .zero
  try expect(later - frozen < .milliseconds(10), "a frozen process uses no CPU time")
  try cgroup.thaw()

  step("Killing all that is in the cgroup")
  try cgroup.kill()
  try expect(wait(for: busy) == 128 + SIGKILL, "the process ended by SIGKILL")
}

func lesson() async throws {
  step("What this machine has")
  let layout = try CgroupLayout.detect()
  print("   \(layout)")

  step("Making a cgroup with 32 MiB of memory, half a CPU and at most 8 processes")
  let cgroup = try Cgroup.create(try CgroupPath("containr/tutorial-\(getpid())"), layout: layout) {
    $0.memory.limit = .mebibytes(32)
    $0.memory.limitWithSwap = .mebibytes(32)
    $0.cpu.quota = try CPUQuota(cpus: 0.5)
    $0.pids.limit = 8
  }
  for directory in cgroup.directories { print("   \(directory)") }
  do {
    try expect(try cgroup.limits().memory.limit == .mebibytes(32), "the kernel has the limit of memory")
    try await watchUse(of: cgroup)

    step("More processes than the limit")
    let forks = try cgroup.events()
    let crowd = try start("for i in 1 2 3 4 5 6 7 8 9; do sleep 30 & done 2> /dev/null; wait", in: cgroup)
    _ = try await first(forks) { if case .pidsLimitReached = $0 { true } else { false } }
    try expect(try (cgroup.statistics().pids?.limitHits ?? 0) > 0, "a fork was refused, and counted")
    try cgroup.kill()
    _ = wait(for: crowd)

    step("More memory than the limit")
    let memory = try cgroup.events()
    let hungry = try start("exec tail /dev/zero", in: cgroup)
    _ = try await first(memory) { if case .oomKill = $0 { true } else { false } }
    try expect(wait(for: hungry) == 128 + SIGKILL, "the kernel killed the program that asked for more")
    try expect(try cgroup.oomKills() == 1, "and counted it")
  } catch {
    // What went wrong comes first, and the cgroup goes in any case.
    try cgroup.remove(evicting: .kill)
    throw error
  }

  step("Cleaning up")
  try cgroup.remove(evicting: .kill)
  try expect(cgroup.directories.allSatisfy { access("\($0)", F_OK) != 0 }, "nothing is left")
}

do {
  try await lesson()
} catch let surprise as Surprise {
  print("   NOT SO: \(surprise.text)")
  exit(1)
} catch {
  print(error)
  exit(1)
}
