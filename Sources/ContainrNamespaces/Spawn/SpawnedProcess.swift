import ContainrCore
import Synchronization

/// Carries a process from the thread that started it to the task that wanted it.
final class SpawnedProcess: Sendable {
  private let process: Mutex<ProcessDescriptor?>

  init(_ process: consuming ProcessDescriptor) { self.process = Mutex(consume process) }

  /// Takes the process out, once.
  func take() throws(ContainrError) -> ProcessDescriptor {
    guard let process = process.withLock({ $0.take() }) else {
      throw ContainrError(.internalError, "taking a process twice")
    }
    return process
  }
}
