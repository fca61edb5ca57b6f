import ContainrCgroups
import Glibc

/// Samples many cgroups with the default controllers: by samplers that keep their files open, and by opening them anew.
///
/// Empty cgroups: the kernel makes the same files for them, and a machine of any size can take part.
struct StatisticsCase {
  let rounds: Int
  let warmup: Int

  private static let count = 1000

  func measure() throws -> String {
    let available = raiseDescriptorLimit()
    let layout = try CgroupLayout.detect()
    let parent = try CgroupPath("containr-bench-\(getpid())")
    var cgroups: [Cgroup] = []
    defer {
      // A cgroup that is left is reported by name, and the others still go.
      do {
        for cgroup in cgroups { try cgroup.remove() }
        if !cgroups.isEmpty { try Cgroup.adopt(parent, layout: layout).remove() }
      } catch { writeDiagnostic("\(error)\n") }
    }
    for number in 0..<Self.count {
      cgroups.append(try Cgroup.create(try parent.appending("\(number)"), layout: layout))
    }
    let samplers = cgroups.map { CgroupSampler($0) }
    var kept = Result()
    var anew = Result()
    for round in 0..<(warmup + rounds) {
      let first = try Self.timed { for sampler in samplers { _ = try sampler.sample() } }
      let second = try Self.timed { for cgroup in cgroups { _ = try cgroup.statistics() } }
      guard round >= warmup else { continue }
      kept.add(first)
      anew.add(second)
    }
    let controllers = Cgroup.defaultControllers(layout)
    return """
      \(Self.count) cgroups with \(controllers) (\(layout.kind.rawValue)), \(rounds) rounds, \(available) descriptors allowed
      files              µs each    CPU ms for \(Self.count)
      kept open     \(Self.column(kept.microsecondsEach(of: Self.count)))  \(Self.column(kept.cpuMilliseconds))
      opened anew   \(Self.column(anew.microsecondsEach(of: Self.count)))  \(Self.column(anew.cpuMilliseconds))
      """
  }

  /// Medians of wall and CPU time.
  private struct Result {
    var wall: [UInt64] = []
    var cpu: [UInt64] = []

    mutating func add(_ time: (wall: UInt64, cpu: UInt64)) {
      wall.append(time.wall)
      cpu.append(time.cpu)
    }

    func microsecondsEach(of count: Int) -> Double { Double(wall.sorted()[wall.count / 2]) / 1000 / Double(count) }
    var cpuMilliseconds: Double { Double(cpu.sorted()[cpu.count / 2]) / 1e6 }
  }

  private static func timed(_ body: () throws -> Void) rethrows -> (wall: UInt64, cpu: UInt64) {
    let wall = nanoseconds(CLOCK_MONOTONIC)
    let cpu = nanoseconds(CLOCK_PROCESS_CPUTIME_ID)
    try body()
    return (nanoseconds(CLOCK_MONOTONIC) - wall, nanoseconds(CLOCK_PROCESS_CPUTIME_ID) - cpu)
  }

  private static func nanoseconds(_ clock: clockid_t) -> UInt64 {
    var time = timespec()
    clock_gettime(clock, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }

  private static func column(_ value: Double) -> String {
    let text = decimal(value)
    return String(repeating: " ", count: max(0, 12 - text.count)) + text
  }

  /// Lets this process open as many descriptors as it may; how many that is.
  private func raiseDescriptorLimit() -> UInt {
    var limit = rlimit()
    getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    limit.rlim_cur = limit.rlim_max
    setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    return UInt(limit.rlim_cur)
  }
}
