import ContainrCore

/// CPU time for each period: `50ms/100ms` is half a CPU.
public struct CPUQuota: Sendable, Hashable {
  /// The CPU time in a period; at least 1 ms (`sched-bwc.rst`). It is larger than the period for more than one CPU.
  public let quota: Limit<Duration>
  /// The period; 1 ms to 1 s, 100 ms unless told.
  public let period: Duration

  /// The kernel's default period.
  public static let defaultPeriod = Duration.milliseconds(100)
  /// No quota, in the kernel's default period: takes a quota off.
  public static let max = CPUQuota(.max, period: defaultPeriod)

  private init(_ quota: Limit<Duration>, period: Duration) {
    self.quota = quota
    self.period = period
  }

  /// Sets quota and period.
  ///
  /// - Throws: `INVALID_ARGUMENT` outside the kernel's bounds.
  public init(_ quota: Duration, each period: Duration = CPUQuota.defaultPeriod) throws(ContainrError) {
    guard quota >= .milliseconds(1), quota <= .seconds(1_000_000), Self.periods.contains(period) else {
      throw ContainrError(
        .invalidArgument, "reading the CPU quota \(quota) each \(period)",
        hint: "the quota is at least 1 ms, the period 1 ms to 1 s")
    }
    self.init(.value(quota), period: period)
  }

  /// No quota, but a period.
  ///
  /// - Throws: `INVALID_ARGUMENT` outside the kernel's bounds.
  public static func max(each period: Duration) throws(ContainrError) -> CPUQuota {
    guard periods.contains(period) else {
      throw ContainrError(.invalidArgument, "reading the CPU period \(period)", hint: "1 ms to 1 s")
    }
    return CPUQuota(.max, period: period)
  }

  /// A number of CPUs, as Docker's `--cpus`: `0.5` is 50 ms each 100 ms.
  ///
  /// - Throws: `INVALID_ARGUMENT` below 0.01 and above a million CPUs.
  public init(cpus: Double) throws(ContainrError) {
    guard cpus >= 0.01, cpus <= 1e6 else {
      throw ContainrError(
        .invalidArgument, "reading \(cpus) CPUs", hint: "at least 0.01: the kernel's smallest quota is 1 ms of 100 ms")
    }
    try self.init(.microseconds(Int64((cpus * 100_000).rounded())))
  }

  /// The CPUs that may be busy at once, on average; infinity without a quota.
  public var cpus: Double {
    quota.value.map { Double($0.wholeMicroseconds) / Double(period.wholeMicroseconds) } ?? .infinity
  }

  /// The periods that the kernel takes.
  static let periods: ClosedRange<Duration> = .milliseconds(1) ... .seconds(1)
}

extension Duration {
  /// Whole microseconds, the unit of the kernel's cpu files.
  var wholeMicroseconds: Int64 {
    components.seconds * 1_000_000 + components.attoseconds / 1_000_000_000_000
  }
}
