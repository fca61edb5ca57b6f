import CContainrLinux
import Glibc
import Synchronization
import SystemPackage

/// One epoll(7) instance that resumes tasks when descriptors become ready.
///
/// A thread of its own serves it, started at first use. A program whose `main` is synchronous can serve it itself with
/// ``run(_:)``, and then no thread is ever made: its tasks, too, run there.
package final class EventLoop: TaskExecutor, Sendable {
  package static let shared = EventLoop()

  private let epoll: CInt
  /// Wakes the serving thread; its token is 0.
  private let wake: CInt
  private let state = Mutex(State())

  private struct State {
    var nextToken: UInt64 = 1
    var waiting: [UInt64: (descriptor: CInt, continuation: CheckedContinuation<Void, any Error>)] = [:]
    /// Cancelled before it came to wait.
    var cancelled: Set<UInt64> = []
    var jobs: [UnownedJob] = []
    var server: Server = .nobody
  }

  private enum Server {
    case nobody, ownThread
    case main(pthread_t)
  }

  private init() {
    epoll = cl_epoll_create()
    wake = cl_eventfd()
    precondition(epoll >= 0 && wake >= 0, "no descriptor left for the event loop")
    _ = cl_epoll_add(epoll, wake, EPOLLIN.rawValue, 0)
  }

  // MARK: Waiting

  /// Suspends until a descriptor can be read, or has an error or hang-up.
  package func readable(_ descriptor: CInt) async throws { try await ready(descriptor, EPOLLIN.rawValue) }

  /// Suspends until a descriptor can be written, or has an error or hang-up.
  package func writable(_ descriptor: CInt) async throws { try await ready(descriptor, EPOLLOUT.rawValue) }

  /// Suspends until a descriptor has an exceptional condition (`EPOLLPRI`), an error or a hang-up: a kernel file that changed
  /// since it was last read (kernfs), a pressure trigger that fired.
  package func urgent(_ descriptor: CInt) async throws { try await ready(descriptor, EPOLLPRI.rawValue) }

  private func ready(_ descriptor: CInt, _ events: UInt32) async throws {
    let token = state.withLock { state in
      defer { state.nextToken += 1 }
      return state.nextToken
    }
    // A cancellation that came after the event has left its token behind.
    defer { if Task.isCancelled { _ = state.withLock { $0.cancelled.remove(token) } } }
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        wait(for: descriptor, events, token, continuation)
      }
    } onCancel: {
      cancel(token)
    }
  }

  private func wait(
    for descriptor: CInt, _ events: UInt32, _ token: UInt64, _ continuation: CheckedContinuation<Void, any Error>
  ) {
    // A copy, so that several tasks can wait for one descriptor.
    let copy = cl_fcntl(descriptor, F_DUPFD_CLOEXEC, 3)
    var result = copy
    let isCancelled = state.withLock { state in
      if state.cancelled.remove(token) != nil { return true }
      guard copy >= 0 else { return false }
      // Under the lock: a cancellation between the two would close the copy, and its number could be another file's by
      // the time it is added.
      result = cl_epoll_add(epoll, copy, events | UInt32(EPOLLONESHOT.rawValue), token)
      if result >= 0 { state.waiting[token] = (copy, continuation) }
      return false
    }
    guard isCancelled || result < 0 else {
      do throws(ContainrError) { try startThreadIfNeeded() } catch { take(token)?.resume(throwing: error) }
      return
    }
    if copy >= 0 { close(copy) }
    if isCancelled {
      continuation.resume(throwing: CancellationError())
    } else if copy >= 0, result == -EPERM {
      // A file of the file system is always ready.
      continuation.resume()
    } else {
      continuation.resume(
        throwing: ContainrError.errno(
          Errno(rawValue: -result), .ioFailure, "waiting for a descriptor", call: copy < 0 ? "fcntl(2)" : "epoll_ctl(2)"))
    }
  }

  private func cancel(_ token: UInt64) {
    let entry = state.withLock { state in
      guard let entry = state.waiting.removeValue(forKey: token) else {
        state.cancelled.insert(token)
        return nil as (descriptor: CInt, continuation: CheckedContinuation<Void, any Error>)?
      }
      return entry
    }
    guard let entry else { return }
    _ = cl_epoll_remove(epoll, entry.descriptor)
    close(entry.descriptor)
    entry.continuation.resume(throwing: CancellationError())
  }

  private func take(_ token: UInt64) -> CheckedContinuation<Void, any Error>? {
    guard let entry = state.withLock({ $0.waiting.removeValue(forKey: token) }) else { return nil }
    _ = cl_epoll_remove(epoll, entry.descriptor)
    close(entry.descriptor)
    return entry.continuation
  }

  // MARK: Serving

  private func startThreadIfNeeded() throws(ContainrError) {
    let isNeeded = state.withLock { state in
      guard case .nobody = state.server else { return false }
      state.server = .ownThread
      return true
    }
    guard isNeeded else { return }
    do throws(ContainrError) {
      try Thread.detach(name: "containr-events") { while true { self.turn() } }
    } catch {
      state.withLock { $0.server = .nobody }
      throw error
    }
  }

  /// Waits for events once, and resumes who waits for them.
  private func turn() {
    var tokens = [UInt64](repeating: 0, count: 64)
    let count = cl_epoll_wait(epoll, &tokens, 64, -1)
    guard count > 0 else { return }
    for token in tokens[0..<Int(count)] {
      if token == 0 {
        var value: UInt64 = 0
        _ = read(wake, &value, 8)
      } else {
        take(token)?.resume()
      }
    }
  }

  // MARK: Running on the main thread

  /// Whether the calling thread serves this loop as the program's only thread, so that a blocking call may be made here.
  package var isServedByThisThread: Bool {
    state.withLock { if case .main(let thread) = $0.server { pthread_equal(thread, pthread_self()) != 0 } else { false } }
  }

  /// Where new unstructured tasks are to run: here, where ``run(_:)`` serves the loop, so that no thread pool is started;
  /// nil for the global pool.
  package var preference: (any TaskExecutor)? {
    state.withLock { if case .main = $0.server { true } else { false } } ? self : nil
  }

  package func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    state.withLock { $0.jobs.append(job) }
    if !isServedByThisThread {
      var one: UInt64 = 1
      _ = write(wake, &one, 8)
    }
  }

  /// Runs an operation, its child tasks and all events on the calling thread until the operation is done.
  ///
  /// To be called once, from a synchronous `main`.
  package func run<Result: Sendable>(_ operation: @escaping @Sendable () async -> Result) -> Result {
    state.withLock { $0.server = .main(pthread_self()) }
    let outcome = Outcome<Result>()
    Task.detached(executorPreference: self) { outcome.set(await operation()) }
    while true {
      let jobs = state.withLock { state in
        defer { state.jobs.removeAll(keepingCapacity: true) }
        return state.jobs
      }
      for job in jobs { job.runSynchronously(on: asUnownedTaskExecutor()) }
      if let value = outcome.value { return value }
      if jobs.isEmpty { turn() }
    }
  }
}

/// A value that is set once.
private final class Outcome<Value: Sendable>: Sendable {
  private let storage = Mutex<Value?>(nil)
  var value: Value? { storage.withLock { $0 } }
  func set(_ value: Value) { storage.withLock { $0 = value } }
}
