import ContainrCore
import ContainrLaunch

/// A running process in namespaces of its own, a child of this program.
///
/// The program of a new pid namespace is its process 1: when it ends, the kernel kills all others in there, and a signal for
/// which it has no handler does nothing to it, `SIGKILL` from outside apart. It also inherits orphans; a program that does not
/// wait for them leaves zombies until it ends, so run a small init as the command where that matters.
///
/// No helper program and no hook in `main` is needed: the caller may be any program, with any number of threads.
public actor NamespacedProcess {
  private let process: ProcessDescriptor
  private var status: TerminationStatus?

  private init(_ process: consuming ProcessDescriptor) {
    pid = process.pid
    self.process = process
  }

  /// The process id in the caller's pid namespace.
  public nonisolated let pid: Int32

  /// Starts a process; returns when it runs its program.
  ///
  /// What blocks runs on a thread of its own. To wait for its end is the caller's part, or the process stays as a zombie;
  /// ``withNamespacedProcess(_:isolation:_:)`` does it.
  ///
  /// - Throws: ``ContainrError`` with `NAMESPACE_CREATE` where the kernel refuses namespaces, `PERMISSION_DENIED` where the
  ///   caller may not make them, `NAMESPACE_JOIN`, `ID_MAPPING`, `HOSTNAME`, `COMMAND_NOT_FOUND`, `COMMAND_NOT_EXECUTABLE`,
  ///   `WORKING_DIRECTORY`; `CancellationError`. Nothing is left behind then.
  public static func spawn(_ configuration: SpawnConfiguration) async throws -> NamespacedProcess {
    try Task.checkCancellation()
    let plan = try configuration.launchPlan()
    let maps = configuration.namespaces.idMaps
    let process = try await blocking("containr-spawn") { SpawnedProcess(try launch(plan, maps)) }
    return NamespacedProcess(try process.take())
  }

  /// Waits for the process to end, and gives its status, as often as it is asked.
  ///
  /// - Throws: `CONTAINER_STATE` where something else has reaped it, `CancellationError`.
  public func wait() async throws -> TerminationStatus {
    if let status { return status }
    try await process.waitUntilEnded()
    // Another task may have waited, too.
    if let status { return status }
    let ended = try process.reap()
    status = ended
    return ended
  }

  /// Sends a signal. A process that has ended counts as signalled.
  public func send(_ signal: Signal) throws { try process.send(signal) }

  /// Kills the process, and with it all others of a new pid namespace, and reaps it, even in a task that was cancelled.
  public func end() async throws -> TerminationStatus {
    if status == nil { try process.send(.kill) }
    return try await Task { try await self.wait() }.value
  }

  /// A copy of the process's pidfd, for ``NamespaceSource/processDescriptor(_:)``.
  public func duplicateDescriptor() throws -> OwnedDescriptor { try process.descriptor.duplicate() }

  /// A namespace that the process is in.
  ///
  /// - Throws: `NAMESPACE_JOIN`, `IO_FAILURE` once it has ended.
  public func namespace(_ kind: NamespaceKind) throws -> Namespace { try Namespace.of(process: pid, kind) }

  private static func launch(_ plan: LaunchPlan, _ maps: IDMaps?) throws(ContainrError) -> ProcessDescriptor {
    let session = try LaunchSession(plan)
    while let barrier = try session.next() {
      guard barrier == .idMaps, let maps else {
        throw ContainrError(.internalError, "spawning a process", hint: "nobody serves the barrier for \(barrier)")
      }
      try maps.write(pid: session.pid)
      try session.pass()
    }
    return try session.finish().takeProcess()
  }
}
