import ContainrCore

/// A stall that a program wants to be told of: so much waiting for a resource within so much time (`accounting/psi.rst`).
///
/// ```swift
/// let trigger = try PressureTrigger(.memory, .some, stall: .milliseconds(300), within: .seconds(2))
/// ```
public struct PressureTrigger: Sendable, Hashable {
  /// What is waited for.
  public enum Resource: String, Sendable, Hashable, CaseIterable {
    /// A CPU.
    case cpu
    /// Memory: reclaim, swapping in, pages that were dropped too early.
    case memory
    /// Block I/O.
    case io
  }

  /// Who has to wait.
  public enum Share: String, Sendable, Hashable, CaseIterable {
    /// At least one process.
    case some
    /// All that could run.
    case full
  }

  /// What is waited for.
  public let resource: Resource
  /// Who has to wait.
  public let share: Share
  /// The time spent waiting that fires the trigger.
  public let stall: Duration
  /// The time within which it is counted. It fires once in this time at most.
  public let window: Duration

  /// Describes a trigger.
  ///
  /// - Parameters:
  ///   - resource: what is waited for.
  ///   - share: who has to wait.
  ///   - stall: the time spent waiting, up to `window`.
  ///   - window: 500 ms to 10 s. A caller without `CAP_SYS_RESOURCE` is given only multiples of 2 s, from Linux 6.4 on.
  /// - Throws: `INVALID_ARGUMENT` for other times.
  public init(
    _ resource: Resource, _ share: Share = .some, stall: Duration, within window: Duration
  ) throws(ContainrError) {
    guard (.milliseconds(500)...(.seconds(10))).contains(window), stall >= .microseconds(1), stall <= window else {
      throw ContainrError(
        .invalidArgument, "describing a pressure trigger of \(stall) within \(window)",
        hint: "a window of 0.5 to 10 s, and a stall that is not longer than it")
    }
    self.resource = resource
    self.share = share
    self.stall = stall
    self.window = window
  }
}

extension PressureTrigger: CustomStringConvertible {
  /// As the kernel reads it: `some 150000 1000000`.
  public var description: String { "\(share.rawValue) \(stall.wholeMicroseconds) \(window.wholeMicroseconds)" }
}
