import ContainrCore
import Glibc
import SystemPackage

/// Work that blocks, kept off the threads of Swift's concurrency, which are as few as processors.
enum BlockingWork {
  private final class Job: Sendable {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
  }

  /// Runs a body on a new thread. It is not stopped by cancellation: a transaction is done or not done.
  static func run<Value: Sendable>(_ body: @escaping @Sendable () throws(ContainrError) -> Value) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
      let job = Job {
        do throws(ContainrError) { continuation.resume(returning: try body()) } catch {
          continuation.resume(throwing: error)
        }
      }
      let context = Unmanaged.passRetained(job)
      var thread = pthread_t()
      let result = pthread_create(
        &thread, nil,
        { context in
          if let context { Unmanaged<Job>.fromOpaque(context).takeRetainedValue().run() }
          return nil
        }, context.toOpaque())
      guard result == 0 else {
        context.release()
        continuation.resume(
          throwing: ContainrError.errno(
            Errno(rawValue: result), .resourceExhausted, "starting a thread", call: "pthread_create(3)"))
        return
      }
      pthread_detach(thread)
    }
  }
}
