import ContainrCore
import ContainrLaunch
import Glibc
import Synchronization
import SystemPackage

extension LaunchPlan {
  /// Runs a process whose filter notifies (``append(_:)``), with a supervisor that answers its calls, and waits for its end.
  ///
  /// The supervisor serves from the moment the filter is loaded, before the program runs: it also gets the calls of this plan
  /// that follow, `execve(2)` among them. Where it throws, or the task is cancelled, the process is killed. Where it returns
  /// early, later calls that notify fail with `ENOSYS`.
  ///
  /// ```swift
  /// plan.append(.control(.noNewPrivileges))
  /// plan.append(filter)
  /// plan.append(.execute(paths: ["/bin/true"], arguments: ["true"], environment: []))
  /// let status = try await plan.run { listener in
  ///   for try await request in listener { try request.answer(.continue) }
  /// }
  /// ```
  ///
  /// - Returns: how the process ended.
  /// - Throws: what the supervisor throws; the failed operation of the plan; `CancellationError`.
  public func run(
    supervisedBy supervisor: @escaping @Sendable (SeccompListener) async throws -> Void
  ) async throws -> TerminationStatus {
    let (listeners, continuation) = AsyncStream<SeccompListener>.makeStream()
    let process = SupervisedProcess()
    let status: TerminationStatus? = try await withTaskCancellationHandler {
      try await withThrowingTaskGroup(of: TerminationStatus?.self) { group in
        // Not on a thread of the pool: this one sleeps until the supervisor, who needs the pool, has answered execve(2).
        group.addTask { try await blocking("containr-supervised") { try process.run(self, continuation) } }
        group.addTask {
          for await listener in listeners { try await supervisor(listener) }
          return nil
        }
        do {
          var status: TerminationStatus?
          for try await result in group { status = result ?? status }
          return status
        } catch {
          process.kill()
          throw error
        }
      }
    } onCancel: {
      process.kill()
    }
    try Task.checkCancellation()
    guard let status else {
      throw ContainrError(.internalError, "supervising a process", hint: "it ended without a status")
    }
    return status
  }
}

/// The process of one ``LaunchPlan/run(supervisedBy:)``, which others may want dead.
private final class SupervisedProcess: Sendable {
  private enum State {
    case none, killed, ended
    case alive(Int32)
  }
  private let state = Mutex(State.none)

  func run(_ plan: LaunchPlan, _ listeners: AsyncStream<SeccompListener>.Continuation) throws -> TerminationStatus {
    defer { listeners.finish() }
    let session = try LaunchSession(plan)
    if let descriptor = try session.receiveDescriptor() {
      let isKilled = state.withLock { state in
        if case .killed = state { return true }
        state = .alive(session.pid)
        return false
      }
      // The session's deinit kills and reaps it.
      if isKilled { throw CancellationError() }
      listeners.yield(SeccompListener(owning: descriptor))
    }
    listeners.finish()
    defer { state.withLock { $0 = .ended } }
    let process = try session.finish().takeProcess()
    // Only looked at: until the state says that it has ended, the process is unreaped and its id its own.
    var entry = pollfd(fd: process.descriptor.rawValue, events: Int16(POLLIN), revents: 0)
    while poll(&entry, 1, -1) < 0, Errno.current == .interrupted {}
    state.withLock { $0 = .ended }
    return try process.reap()
  }

  func kill() {
    state.withLock { state in
      if case .alive(let pid) = state, case .success(let process) = Result(catching: { try ProcessDescriptor(pid: pid) }) {
        // An own child that is not reaped can be signalled.
        _ = Result { try process.send(.kill) }
      }
      if case .ended = state { return }
      state = .killed
    }
  }
}
