import CContainrLinux
import Glibc
import SystemPackage

/// A plain thread, for calls that block.
package enum Thread {
  private final class Work {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }

  /// Starts a thread that nobody joins.
  ///
  /// - Throws: `RESOURCE_EXHAUSTED`.
  package static func detach(name: String, _ body: @escaping @Sendable () -> Void) throws(ContainrError) {
    pthread_detach(try start(name: name, body))
  }

  /// Starts a thread, to be joined. All signals are blocked in it, so that the program's handlers run where it expects them.
  ///
  /// - Throws: `RESOURCE_EXHAUSTED`.
  package static func start(name: String, _ body: @escaping @Sendable () -> Void) throws(ContainrError) -> pthread_t {
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    pthread_attr_setstacksize(&attributes, 512 << 10)
    defer { pthread_attr_destroy(&attributes) }
    var all = sigset_t()
    var before = sigset_t()
    sigfillset(&all)
    pthread_sigmask(SIG_SETMASK, &all, &before)
    defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
    let work = Unmanaged.passRetained(
      Work {
        _ = name.withCString { cl_prctl(PR_SET_NAME, UInt(bitPattern: $0), 0, 0, 0) }
        body()
      })
    var thread = pthread_t()
    let result = pthread_create(
      &thread, &attributes,
      { argument in
        Unmanaged<Work>.fromOpaque(argument!).takeRetainedValue().body()
        return nil
      }, work.toOpaque())
    guard result == 0 else {
      work.release()
      throw .errno(
        Errno(rawValue: result), .resourceExhausted, "starting the thread \(name)", call: "pthread_create(3)",
        hint: "the limit of processes is reached: RLIMIT_NPROC, or pids.max of this process's cgroup")
    }
    return thread
  }
}

/// Runs a call that blocks where it holds nobody up: on a thread of its own, or, where the calling thread is the program's
/// only one (``EventLoop/run(_:)``), at once.
package func blocking<Result: Sendable>(
  _ name: String, _ body: @escaping @Sendable () throws -> Result
) async throws -> Result {
  if EventLoop.shared.isServedByThisThread { return try body() }
  return try await withCheckedThrowingContinuation { continuation in
    do throws(ContainrError) {
      try Thread.detach(name: name) { continuation.resume(with: Swift.Result { try body() }) }
    } catch {
      continuation.resume(throwing: error)
    }
  }
}
