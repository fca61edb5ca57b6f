import CContainrLinux
import Containr
import ContainrCore
import Glibc
import Logging

/// Takes the signals that a user or a service manager sends to the tool, and hands them on.
struct SignalForwarder: ~Copyable {
  private let descriptor: OwnedDescriptor

  private static let forwarded: [Int32] = [
    SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGALRM, SIGCONT, SIGWINCH,
  ]

  /// Blocks the signals, so that they wait on a descriptor (signalfd(2)). Before the container starts: no signal is lost.
  init() throws {
    var set = sigset_t()
    sigemptyset(&set)
    for number in Self.forwarded { sigaddset(&set, number) }
    pthread_sigmask(SIG_BLOCK, &set, nil)
    descriptor = OwnedDescriptor(
      owning: try check(cl_signalfd(&set), .signal, "signalfd(2)", "watching for signals"))
  }

  /// Hands signals on until the task is cancelled.
  func task(_ receive: @escaping @Sendable (Signal) async throws -> Void) throws -> Task<Void, any Error> {
    let copy = try descriptor.duplicate()
    let log = ContainrLog.logger(component: "signals")
    return Task(executorPreference: EventLoop.shared.preference) {
      while true {
        try await EventLoop.shared.readable(copy.rawValue)
        while true {
          let number = cl_signalfd_read(copy.rawValue)
          if number <= 0 { break }
          // One that cannot be handed on, such as a new size where output is no terminal, must not end the watch.
          do { try await receive(Signal(rawValue: number)) } catch {
            log.debug("a signal was not handed on", metadata: ["signal": "\(number)", "error": "\(error)"])
          }
        }
      }
    }
  }
}
