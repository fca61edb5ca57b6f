import Glibc

/// What one process cost, from the call that starts it to the call that collects it.
struct LaunchResult {
  var nanoseconds: UInt64
  var exitStatus: Int32
}

/// The monotonic clock in nanoseconds.
func monotonicNanoseconds() -> UInt64 {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}

/// Calls `body` with `strings` as a null-terminated array of C strings.
private func withCStringArray<R>(_ strings: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> R) -> R {
  let pointers = strings.map { strdup($0) }
  defer { for pointer in pointers { free(pointer) } }
  return body(pointers + [nil])
}

/// Starts processes with posix_spawn(3), which is a vfork in glibc: the starter's own size does not count.
///
/// A class, because the rounds switch `meter` for all subjects at once.
final class Launcher {
  /// Where standard output and standard error of the subjects go; read only when one of them fails.
  let logPath: String
  /// While set, processes are started through this program, which writes their peak resident size to `meterPath`.
  var meter: String?
  var meterPath: String { logPath + ".peak" }

  init(logPath: String) { self.logPath = logPath }

  private static let environment = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root"]

  /// Starts a process without waiting for it; `standardInput` is a descriptor or /dev/null.
  func start(_ arguments: [String], standardInput: Int32? = nil) throws(BenchmarkError) -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    if let standardInput {
      posix_spawn_file_actions_adddup2(&actions, standardInput, 0)
    } else {
      posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    }
    posix_spawn_file_actions_addopen(&actions, 1, logPath, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
    posix_spawn_file_actions_adddup2(&actions, 1, 2)
    var process: pid_t = 0
    let result = withCStringArray(arguments) { argv in
      withCStringArray(Self.environment) { envp in posix_spawn(&process, arguments[0], &actions, nil, argv, envp) }
    }
    guard result == 0 else { throw BenchmarkError("starting \(arguments[0]): \(String(cString: strerror(result)))") }
    return process
  }

  /// Waits for a process and returns its exit status, or 128 and the number of the signal that ended it.
  func collect(_ process: pid_t) throws(BenchmarkError) -> Int32 {
    var status: Int32 = 0
    while waitpid(process, &status, 0) < 0 {
      guard errno == EINTR else { throw BenchmarkError("waitpid: \(String(cString: strerror(errno)))") }
    }
    let signal = status & 0x7f
    return signal == 0 ? (status >> 8) & 0xff : 128 + signal
  }

  /// Starts a process, waits for it, and returns what it cost.
  func run(_ arguments: [String]) throws(BenchmarkError) -> LaunchResult {
    let begin = monotonicNanoseconds()
    let process = try start(meter.map { [$0, meterPath] + arguments } ?? arguments)
    let status = try collect(process)
    return LaunchResult(nanoseconds: monotonicNanoseconds() - begin, exitStatus: status)
  }

  /// Runs a process that must succeed and returns what it wrote.
  func output(_ arguments: [String]) throws(BenchmarkError) -> String {
    let result = try run(arguments)
    let text = try readText(logPath)
    guard result.exitStatus == 0 else {
      throw BenchmarkError("\(arguments.joined(separator: " ")): exit \(result.exitStatus): \(text)")
    }
    return text
  }
}
