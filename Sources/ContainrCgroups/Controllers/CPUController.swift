import ContainrCore
import SystemPackage

/// `cpu.*` (`scheduler/sched-bwc.rst`, `cgroup-v2.rst` CPU). Usage is counted by ``CpuacctController``.
enum CPUController: ControllerFiles {
  static var controller: CgroupControllers { .cpu }

  static func apply(_ resources: CgroupResources, to directory: CgroupDirectory) throws(ContainrError) {
    let cpu = resources.cpu
    guard cpu != CgroupResources.CPU() else { return }
    if let shares = cpu.shares {
      guard cpu.weight == nil else {
        throw ContainrError(
          .cgroupLimit, "setting the CPU share of \(directory.path)", hint: "give shares or a weight, not both")
      }
      guard (2...262_144).contains(shares) else {
        throw ContainrError(
          .cgroupLimit, "setting \(shares) CPU shares in \(directory.path)", hint: "2 to 262144; 1024 is the default")
      }
    }
    switch directory.version {
    case .v1: try applyV1(cpu, to: directory)
    case .v2: try applyV2(cpu, to: directory)
    }
  }

  private static func applyV1(_ cpu: CgroupResources.CPU, to directory: CgroupDirectory) throws(ContainrError) {
    if let shares = cpu.shares ?? cpu.weight?.shares { try directory.write("cpu.shares", String(shares)) }
    guard let quota = cpu.quota else { return }
    // The kernel checks each write against the parent's ratio of quota to period; without a quota no period is too short.
    if !directory.isFresh { try directory.write("cpu.cfs_quota_us", "-1", hint: hint) }
    if !directory.isFresh || quota.period != CPUQuota.defaultPeriod {
      try directory.write("cpu.cfs_period_us", String(quota.period.wholeMicroseconds), hint: hint)
    }
    try directory.write("cpu.cfs_quota_us", String(quota.quota.wholeMicroseconds), hint: hint)
  }

  private static func applyV2(_ cpu: CgroupResources.CPU, to directory: CgroupDirectory) throws(ContainrError) {
    if let weight = cpu.weight ?? cpu.shares.map({ CPUWeight(shares: $0) }) {
      try directory.write("cpu.weight", String(weight.value))
    }
    if let quota = cpu.quota {
      try directory.write(
        "cpu.max", "\(quota.quota.wholeMicroseconds) \(quota.period.wholeMicroseconds)", hint: hint)
    }
  }

  private static func hint(_ errno: Errno) -> String? {
    errno == .invalidArgument ? "at least 1 ms in a period of 1 ms to 1 s, and not more than the parent cgroup's quota" : nil
  }

  static func readLimits(into resources: inout CgroupResources, from directory: CgroupDirectory) throws(ContainrError) {
    switch directory.version {
    case .v1:
      if let shares = try directory.number("cpu.shares") { resources.cpu.shares = shares }
      if let quota = try directory.number("cpu.cfs_quota_us"), let period = try directory.number("cpu.cfs_period_us") {
        resources.cpu.quota = try CPUQuota(.microseconds(Int64(quota)), each: .microseconds(Int64(period)))
      }
    case .v2:
      if let weight = try directory.number("cpu.weight") { resources.cpu.weight = try CPUWeight(weight) }
      let words = try directory.readIfPresent("cpu.max")?.split(separator: " ") ?? []
      if words.count == 2, let quota = Int64(words[0]), let period = Int64(words[1]) {
        resources.cpu.quota = try CPUQuota(.microseconds(quota), each: .microseconds(period))
      }
    }
  }

  static func readStatistics(
    into statistics: inout CgroupStatistics, from files: CounterFiles
  ) throws(ContainrError) {
    var cpu = statistics.cpu ?? CgroupStatistics.CPU()
    try readTable(into: &cpu, from: files)
    statistics.cpu = cpu
  }

  /// `cpu.stat` of either version; that of version 2 has the CPU time too.
  static func readTable(into cpu: inout CgroupStatistics.CPU, from files: CounterFiles) throws(ContainrError) {
    try files.table("cpu.stat") { (key, value) throws(ContainrError) in
      func microseconds() throws(ContainrError) -> Duration { .microseconds(Int64(clamping: try value.number())) }
      switch key {
      case "usage_usec": cpu.usage = try microseconds()
      case "user_usec": cpu.user = try microseconds()
      case "system_usec": cpu.system = try microseconds()
      case "nr_periods": cpu.periods = try value.number()
      case "nr_throttled": cpu.throttledPeriods = try value.number()
      case "throttled_usec": cpu.throttled = try microseconds()
      case "throttled_time": cpu.throttled = .nanoseconds(Int64(clamping: try value.number()))
      default: break
      }
    }
  }
}
