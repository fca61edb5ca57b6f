import ContainrCgroups
import ContainrCore
import Synchronization

/// Owners of values that cannot be copied, so that an actor can hand them to a blocking call.

/// The launcher, for one call at a time.
final class LauncherBox: Sendable {
  private let launcher: Mutex<ContainerLauncher>
  let cgroup: Cgroup?

  init(_ launcher: consuming ContainerLauncher) {
    cgroup = launcher.cgroup
    self.launcher = Mutex(launcher)
  }

  func start(streams: consuming sending StreamEnds, traced: Bool) throws -> StartedProcess {
    var streams: StreamEnds? = consume streams
    return try launcher.withLock { try $0.start(streams: streams.take()!, traced: traced) }
  }

  func tearDown() throws { try launcher.withLock { try $0.tearDown() } }
}

/// A started process on its way from the thread that started it to its actor.
final class StartedBox: Sendable {
  private let started: Mutex<StartedProcess?>

  init(_ started: consuming sending StartedProcess) { self.started = Mutex(started) }

  func take() -> StartedProcess { started.withLock { $0.take()! } }
}

/// A process that several tasks refer to.
final class ProcessBox: Sendable {
  let process: ProcessDescriptor

  init(_ process: consuming ProcessDescriptor) { self.process = process }
}
