import CContainrLinux
import Glibc

/// A point in time as documents have it.
package enum Timestamp {
  /// Now, in RFC 3339 with nanoseconds, UTC: `2026-01-31T08:15:30.000000001Z`.
  package static func now() -> String {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    var parts = tm()
    var seconds = time.tv_sec
    gmtime_r(&seconds, &parts)
    func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
    let digits = String(time.tv_nsec)
    let fraction = String(repeating: "0", count: 9 - digits.count) + digits
    return "\(parts.tm_year + 1900)-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday))T"
      + "\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec)).\(fraction)Z"
  }
}
