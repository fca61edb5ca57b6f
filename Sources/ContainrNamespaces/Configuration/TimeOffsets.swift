/// What a new time namespace adds to the clocks of the machine (time_namespaces(7)).
public struct TimeOffsets: Hashable, Sendable {
  /// Added to `CLOCK_MONOTONIC`; 0 unless set.
  public var monotonic: Duration
  /// Added to `CLOCK_BOOTTIME`, and so to `/proc/uptime`; 0 unless set.
  public var boottime: Duration

  /// Makes offsets.
  public init(monotonic: Duration = .zero, boottime: Duration = .zero) {
    self.monotonic = monotonic
    self.boottime = boottime
  }

  /// Whether nothing is added.
  public var isZero: Bool { monotonic == .zero && boottime == .zero }

  /// The text for `/proc/PID/timens_offsets`: clock, seconds, nanoseconds from 0 to 999999999.
  public var text: String { Self.line("monotonic", monotonic) + Self.line("boottime", boottime) }

  private static func line(_ clock: String, _ offset: Duration) -> String {
    var (seconds, attoseconds) = offset.components
    // The kernel's nanoseconds are never negative: −0.25 s is −1 s and 750,000,000 ns.
    if attoseconds < 0 {
      seconds -= 1
      attoseconds += 1_000_000_000_000_000_000
    }
    return "\(clock) \(seconds) \(attoseconds / 1_000_000_000)\n"
  }
}
