import Synchronization

/// A clock whose time passes only when a test says so.
final class ManualClock: Clock {
  struct Instant: InstantProtocol {
    var sinceStart: Duration
    func advanced(by duration: Duration) -> Instant { Instant(sinceStart: sinceStart + duration) }
    func duration(to other: Instant) -> Duration { other.sinceStart - sinceStart }
    static func < (left: Instant, right: Instant) -> Bool { left.sinceStart < right.sinceStart }
  }

  private struct State {
    var now = Instant(sinceStart: .zero)
    var sleepers: [Int: (until: Instant, continuation: CheckedContinuation<Void, any Error>)] = [:]
    var next = 0
    /// Passes as soon as somebody sleeps.
    var waiting: Duration = .zero
  }

  private let state = Mutex(State())

  var now: Instant { state.withLock { $0.now } }
  var minimumResolution: Duration { .nanoseconds(1) }

  func advance(by duration: Duration) {
    let awake = state.withLock { state in
      state.now = state.now.advanced(by: duration)
      return Self.wake(&state)
    }
    for continuation in awake { continuation.resume() }
  }

  /// Lets the time pass at the moment at which somebody waits for it, at once where somebody does.
  func advanceWhenAsleep(by duration: Duration) {
    let awake = state.withLock { state in
      state.waiting += duration
      return Self.wake(&state)
    }
    for continuation in awake { continuation.resume() }
  }

  private static func wake(_ state: inout State) -> [CheckedContinuation<Void, any Error>] {
    if !state.sleepers.isEmpty {
      state.now = state.now.advanced(by: state.waiting)
      state.waiting = .zero
    }
    let now = state.now
    let due = state.sleepers.filter { $0.value.until <= now }
    for key in due.keys { state.sleepers[key] = nil }
    return due.values.map(\.continuation)
  }

  func sleep(until deadline: Instant, tolerance: Duration?) async throws {
    let id = state.withLock { state in
      defer { state.next += 1 }
      return state.next
    }
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        let awake = state.withLock { state in
          state.sleepers[id] = (deadline, continuation)
          return Self.wake(&state)
        }
        for continuation in awake { continuation.resume() }
        if Task.isCancelled { cancel(id) }
      }
    } onCancel: {
      cancel(id)
    }
  }

  private func cancel(_ id: Int) {
    state.withLock { $0.sleepers.removeValue(forKey: id) }?.continuation.resume(throwing: CancellationError())
  }
}
