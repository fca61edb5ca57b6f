import ContainrCore
import SystemPackage

/// `cpu.*` (`scheduler/sched-bwc.rst`, `cgroup-v2.rst` CPU). Usage is counted by ``CpuacctController``.
enum CPUController: ControllerFiles {
  static var controller: CgroupControllers { .cpu }

  static func apply(_ resources: CgroupResources, to limits: inout LimitWriter) throws(ContainrError) {
    let cpu = resources.cpu
    guard cpu != CgroupResources.CPU() else { return }
    try check(cpu, limits)
    // An idle cgroup takes no share, and one that becomes idle loses it.
    if cpu.idle == false, !limits.isFresh { try limits.write("cpu.idle", "0") }
    switch limits.version {
    case .v1:
      if let shares = cpu.shares ?? cpu.weight?.shares { try limits.write("cpu.shares", String(shares), hint: shareHint) }
    case .v2:
      if let weight = cpu.weight ?? cpu.shares.map({ CPUWeight(shares: $0) }) {
        try limits.write("cpu.weight", String(weight.value), hint: shareHint)
      }
    }
    try applyBandwidth(cpu, to: &limits)
    if cpu.idle == true { try limits.write("cpu.idle", "1") }
    try applyRealtime(cpu, to: &limits)
  }

  private static func check(_ cpu: CgroupResources.CPU, _ limits: LimitWriter) throws(ContainrError) {
    if let shares = cpu.shares {
      guard cpu.weight == nil else { throw limits.refused("the CPU share", "give shares or a weight, not both") }
      guard (2...262_144).contains(shares) else {
        throw limits.refused("\(shares) CPU shares", "2 to 262144; 1024 is the default")
      }
    }
    if cpu.idle == true, cpu.shares != nil || cpu.weight != nil {
      throw limits.refused("the CPU share", "an idle cgroup has none: leave shares and weight out")
    }
    if let period = cpu.period {
      guard cpu.quota == nil else { throw limits.refused("the CPU period", "the quota has its period: leave this one out") }
      guard CPUQuota.periods.contains(period) else { throw limits.refused("the CPU period \(period)", "1 ms to 1 s") }
    }
    if let burst = cpu.burst, burst < .zero { throw limits.refused("the CPU burst \(burst)", "0 up to the quota") }
    if limits.version == .v2, cpu.realtimeRuntime != nil || cpu.realtimePeriod != nil {
      throw limits.unsupported("CPU time of real-time processes", "version 2 has no limit for it")
    }
  }

  /// The kernel keeps burst <= quota at every instant: a burst that shrinks is written first.
  private static func applyBandwidth(
    _ cpu: CgroupResources.CPU, to limits: inout LimitWriter
  ) throws(ContainrError) {
    let name = limits.version == .v1 ? "cpu.cfs_burst_us" : "cpu.max.burst"
    let burst = cpu.burst?.wholeMicroseconds
    let burstFirst: Bool =
      if let burst, !limits.isFresh { try limits.directory.number(name) ?? 0 > UInt64(burst) } else { false }
    if let burst, burstFirst { try limits.write(name, String(burst), hint: hint) }
    switch limits.version {
    case .v1: try applyQuotaV1(cpu, to: &limits)
    case .v2:
      if let quota = cpu.quota {
        let time = quota.quota.map { UInt64($0.wholeMicroseconds) }
        try limits.write("cpu.max", "\(time.text(.v2)) \(quota.period.wholeMicroseconds)", hint: hint)
      } else if let period = cpu.period {
        let now = try limits.directory.readIfPresent("cpu.max")?.split(separator: " ").first ?? "max"
        try limits.write("cpu.max", "\(now) \(period.wholeMicroseconds)", hint: hint)
      }
    }
    if let burst, !burstFirst { try limits.write(name, String(burst), hint: hint) }
  }

  private static func applyQuotaV1(
    _ cpu: CgroupResources.CPU, to limits: inout LimitWriter
  ) throws(ContainrError) {
    if let period = cpu.period { try limits.write("cpu.cfs_period_us", String(period.wholeMicroseconds), hint: hint) }
    guard let quota = cpu.quota else { return }
    // The kernel checks each write against the parent's ratio of quota to period; without a quota no period is too short.
    if !limits.isFresh || quota.quota == .max { try limits.write("cpu.cfs_quota_us", "-1", hint: hint) }
    if !limits.isFresh || quota.period != CPUQuota.defaultPeriod {
      try limits.write("cpu.cfs_period_us", String(quota.period.wholeMicroseconds), hint: hint)
    }
    if let time = quota.quota.value { try limits.write("cpu.cfs_quota_us", String(time.wholeMicroseconds), hint: hint) }
  }

  /// The kernel keeps runtime <= period at every instant: a period that grows is written first.
  private static func applyRealtime(
    _ cpu: CgroupResources.CPU, to limits: inout LimitWriter
  ) throws(ContainrError) {
    let period = cpu.realtimePeriod?.wholeMicroseconds
    let periodFirst: Bool =
      if let period { try UInt64(clamping: period) >= limits.directory.number("cpu.rt_period_us") ?? 0 } else { false }
    if let period, periodFirst { try limits.write("cpu.rt_period_us", String(period), hint: realtimeHint) }
    if let runtime = cpu.realtimeRuntime {
      let time = runtime.map { UInt64(clamping: $0.wholeMicroseconds) }
      try limits.write("cpu.rt_runtime_us", time.text(.v1), hint: realtimeHint)
    }
    if let period, !periodFirst { try limits.write("cpu.rt_period_us", String(period), hint: realtimeHint) }
  }

  private static func hint(_ errno: Errno) -> String? {
    errno == .invalidArgument
      ? "at least 1 ms in a period of 1 ms to 1 s, not more than the parent cgroup's quota, and a burst of at most the quota"
      : nil
  }

  private static func shareHint(_ errno: Errno) -> String? {
    errno == .invalidArgument ? "an idle cgroup takes no share: set idle to false too" : nil
  }

  private static func realtimeHint(_ errno: Errno) -> String? {
    switch errno {
    case .invalidArgument: "at most the period, and what the parent cgroup's cpu.rt_runtime_us leaves: give it some first"
    case .resourceBusy: "real-time processes run in it: stop them first"
    default: nil
    }
  }

  static func readLimits(into resources: inout CgroupResources, from directory: CgroupDirectory) throws(ContainrError) {
    var cpu = CgroupResources.CPU()
    cpu.idle = try directory.number("cpu.idle").map { $0 == 1 }
    switch directory.version {
    case .v1:
      if cpu.idle != true { cpu.shares = try directory.number("cpu.shares") }
      if let quota = try directory.limit("cpu.cfs_quota_us"), let period = try directory.number("cpu.cfs_period_us") {
        cpu.quota = try self.quota(quota, period)
      }
      cpu.burst = try duration("cpu.cfs_burst_us", directory)
      cpu.realtimeRuntime = try directory.limit("cpu.rt_runtime_us")?.map { .microseconds(Int64(clamping: $0)) }
      cpu.realtimePeriod = try duration("cpu.rt_period_us", directory)
    case .v2:
      if cpu.idle != true, let weight = try directory.number("cpu.weight") { cpu.weight = try CPUWeight(weight) }
      let words = try directory.readIfPresent("cpu.max")?.split(separator: " ") ?? []
      if words.count == 2, let period = UInt64(words[1]) {
        cpu.quota = try quota(try Limit(reading: words[0], of: directory.file("cpu.max")), period)
      }
      cpu.burst = try duration("cpu.max.burst", directory)
    }
    resources.cpu = cpu
  }

  private static func quota(_ quota: Limit<UInt64>, _ period: UInt64) throws(ContainrError) -> CPUQuota {
    let period = Duration.microseconds(Int64(clamping: period))
    guard let time = quota.value else { return try .max(each: period) }
    return try CPUQuota(.microseconds(Int64(clamping: time)), each: period)
  }

  private static func duration(_ name: String, _ directory: CgroupDirectory) throws(ContainrError) -> Duration? {
    try directory.number(name).map { .microseconds(Int64(clamping: $0)) }
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
