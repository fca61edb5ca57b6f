import ContainrCgroups
import ContainrCore
import ContainrLaunch

/// A container that this program runs.
///
/// ```
/// let container = try await Container.create(configuration, in: state)
/// try await container.start()
/// let status = try await container.wait()
/// try await container.delete()
/// ```
///
/// ``withContainer(_:in:_:)`` does all of it, and tears down however its body ends. A container that is dropped without
/// ``delete()`` stays until `StateDirectory.repair()` finds that its program is gone.
public actor Container {
  /// The id.
  public nonisolated let id: ContainerID
  /// What the container is made of.
  public nonisolated let configuration: ContainerConfiguration
  /// Where it is in its life. A first process that has ended shows at once, whether or not anybody waits for it.
  public var state: ContainerState {
    if case .running = known, let process, process.process.hasEnded {
      // It is our child and has ended: reaping does not block, and what fails here fails in ``wait()`` with its reason.
      if case .success(let status) = Result(catching: { try process.process.reap() }) { move(to: .stopped(status)) }
    }
    return known
  }
  private var known = ContainerState.created

  /// What goes to standard input, where that is a pipe. There from ``start()`` on.
  public private(set) var standardInput: ByteSink?
  /// What comes from standard output, where that is a pipe.
  public private(set) var standardOutput: ByteStream?
  /// What comes from standard error, where that is a pipe.
  public private(set) var standardError: ByteStream?
  /// The terminal, where the configuration asks for one.
  public private(set) var terminal: Terminal?
  /// What the first process did before it became the program, from ``start()`` on.
  public private(set) var plan: LaunchPlan?
  /// How long each operation of ``plan`` took, where the start was traced.
  public private(set) var durations: [Duration]?

  private let launcher: LauncherBox
  private let directory: StateDirectory
  private var changes: [AsyncStream<ContainerState>.Continuation] = []
  private var process: ProcessBox?
  private var status: TerminationStatus?
  private var deletion: Task<Void, any Error>?

  private init(_ configuration: ContainerConfiguration, launcher: LauncherBox, directory: StateDirectory) {
    id = configuration.id
    self.configuration = configuration
    self.launcher = launcher
    self.directory = directory
  }

  private func move(to state: ContainerState) {
    known = state
    if case .stopped(let status) = state { self.status = status }
    for change in changes { change.yield(state) }
    guard state == .deleted else { return }
    for change in changes { change.finish() }
    changes = []
  }

  // MARK: Life

  /// Checks the configuration, takes the id and acquires what the container needs of the host.
  ///
  /// - Throws: `CONTAINER_ALREADY_EXISTS`, `INVALID_CONFIGURATION`, `CGROUP_LIMIT` and the codes of the parts; nothing is
  ///   left behind then.
  public static func create(
    _ configuration: ContainerConfiguration, in directory: StateDirectory
  ) async throws -> Container {
    try await create(configuration, in: directory, faults: FaultInjection())
  }

  static func create(
    _ configuration: ContainerConfiguration, in directory: StateDirectory, faults: FaultInjection
  ) async throws -> Container {
    let launcher = try await blocking("containr-create") {
      LauncherBox(try ContainerLauncher.prepare(configuration, in: directory, faults: faults))
    }
    return Container(configuration, launcher: launcher, directory: directory)
  }

  /// Starts the first process, and returns when it runs its program.
  ///
  /// - Parameter traced: whether every operation of the plan is timed, for ``durations``.
  /// - Throws: the exact failure of the operation that failed, `COMMAND_NOT_FOUND` and `COMMAND_NOT_EXECUTABLE` among them.
  ///   The container is deleted then.
  public func start(traced: Bool = false) async throws {
    guard state == .created else { throw stateError("starting") }
    move(to: .starting)
    do {
      let (launcher, configuration) = (launcher, configuration)
      let started = try await blocking("containr-start") {
        let ends = try StreamEnds(configuration.process.streams)
        let streams = ends.streams
        return (StartedBox(try launcher.start(streams: ends, traced: traced)), streams)
      }
      try adopt(started.0, started.1)
    } catch {
      // Most failures have been taken down by the launcher. What is left is one that came after it, such as a terminal
      // for which no descriptor is free. The failure is what the caller must hear of, with that of the teardown behind it.
      let (launcher, process) = (launcher, process)
      do {
        try await blocking("containr-delete") {
          if let process {
            try process.process.send(.kill)
            _ = try process.process.reap()
          }
          try launcher.tearDown()
        }
      } catch let second {
        guard var error = error as? ContainrError else { throw error }
        error.cause = error.cause ?? second
        move(to: .deleted)
        throw error
      }
      move(to: .deleted)
      throw error
    }
  }

  private func adopt(_ box: StartedBox, _ streams: ProcessStreams) throws {
    var started = box.take()
    plan = started.plan
    durations = started.durations
    let descriptor = started.terminal.take()
    standardInput = streams.input
    standardOutput = streams.output
    standardError = streams.error
    let process = ProcessBox(started.takeProcess())
    self.process = process
    if let descriptor { terminal = try Terminal(owning: descriptor) }
    move(to: .running(pid: process.process.pid))
    if !changes.isEmpty { watch() }
  }

  /// Waits until the first process has ended. Any number of tasks may wait; a cancelled one stops waiting, with
  /// `CancellationError`.
  public func wait() async throws -> TerminationStatus {
    if let status { return status }
    guard let process else { throw stateError("waiting for") }
    try await process.process.waitUntilEnded()
    // Another task may have been here in the meantime.
    if let status { return status }
    move(to: .stopped(try process.process.reap()))
    return status!
  }

  /// Sends a signal to the first process.
  ///
  /// - Throws: `CONTAINER_STATE` where the container does not run.
  public func signal(_ signal: Signal) throws {
    guard case .running = state, let process else { throw stateError("signalling") }
    try process.process.send(signal)
  }

  /// Asks the first process to end, and kills it where it has not after the grace period.
  ///
  /// - Parameters:
  ///   - signal: the configuration's stop signal where nil.
  ///   - grace: how long it has.
  ///   - clock: what measures that.
  public func stop(
    signal: Signal? = nil, grace: Duration = .seconds(10), clock: some Clock<Duration> = ContinuousClock()
  ) async throws -> TerminationStatus {
    try self.signal(signal ?? configuration.stopSignal)
    let killer = Task(executorPreference: EventLoop.shared.preference) { [weak self] in
      try await clock.sleep(for: grace)
      try await self?.signal(.kill)
    }
    defer { killer.cancel() }
    return try await wait()
  }

  /// Kills what still runs, and gives everything back. Idempotent.
  ///
  /// - Throws: `CONTAINER_STATE` while the first process is on its way.
  public func delete() async throws {
    if state == .deleted { return }
    if state == .starting { throw stateError("deleting") }
    // Once: when the first call has freed the id, it may be another container's.
    let task = deletion ?? Task { try await giveBack() }
    deletion = task
    defer { deletion = nil }
    try await task.value
  }

  private func giveBack() async throws {
    if state == .deleted { return }
    if case .running = state, let process {
      try process.process.send(.kill)
      _ = try await wait()
    }
    let launcher = launcher
    try await blocking("containr-delete") { try launcher.tearDown() }
    move(to: .deleted)
  }

  // MARK: While it runs

  /// Executes a further program in the container's namespaces and cgroup, with the rights of the first.
  ///
  /// - Throws: `CONTAINER_STATE` where the container does not run, and as ``start(traced:)``.
  public func execute(_ process: ProcessConfiguration) async throws -> ContainerProcess {
    guard case .running = state else { throw stateError("executing a program in") }
    return try await directory.execute(process, in: id)
  }

  /// What the container uses now.
  public func statistics() throws -> CgroupStatistics {
    guard let cgroup = launcher.cgroup else {
      throw ContainrError(.cgroupStatistics, "reading the statistics of the container \(id)", hint: "it has no cgroup")
    }
    return try cgroup.statistics()
  }

  /// How often the kernel has killed a process of the container because its memory limit was reached.
  public func oomKills() throws -> UInt64 { try launcher.cgroup?.oomKills() ?? 0 }

  /// The states that the container comes to from now on, until it is deleted. A slow reader gets the newest 16.
  public func states() -> AsyncStream<ContainerState> {
    let (stream, continuation) = AsyncStream.makeStream(of: ContainerState.self, bufferingPolicy: .bufferingNewest(16))
    if state == .deleted { continuation.finish() } else { changes.append(continuation) }
    if case .running = state { watch() }
    return stream
  }

  /// Waits beside everything else, so that the end of the first process is a change of state though nobody waits.
  private func watch() {
    guard let process else { return }
    Task { [weak self] in
      try await process.process.waitUntilEnded()
      _ = await self?.state
    }
  }

  private func stateError(_ activity: String) -> ContainrError {
    ContainrError(.containerState, "\(activity) the container \(id)", hint: "it is \(state)")
  }
}

/// Runs a container for as long as a closure takes: creates it, starts it, and tears it down however the closure ends.
///
/// ```
/// let status = try await withContainer(configuration, in: state) { try await $0.wait() }
/// ```
///
/// - Throws: what creating, starting and the closure throw; a failed teardown where the closure did not throw.
public func withContainer<Result: Sendable>(
  _ configuration: ContainerConfiguration, in directory: StateDirectory,
  isolation: isolated (any Actor)? = #isolation, _ body: (Container) async throws -> Result
) async throws -> Result {
  let container = try await Container.create(configuration, in: directory)
  let outcome: Swift.Result<Result, any Error>
  do {
    try await container.start()
    outcome = .success(try await body(container))
  } catch {
    outcome = .failure(error)
  }
  // A cancelled task must tear down all the same.
  let teardown = await Task(executorPreference: EventLoop.shared.preference) { () -> (any Error)? in
    do { try await container.delete() } catch { return error }
    return nil
  }.value
  let result = try outcome.get()
  if let teardown { throw teardown }
  return result
}
