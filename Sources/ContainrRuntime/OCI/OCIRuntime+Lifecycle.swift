import CContainrLinux
import ContainrCgroups
import ContainrCore
import ContainrLaunch
import ContainrOCI
import Glibc
import SystemPackage

extension OCIRuntime {
  /// Runs the program of a container that was created (runtime.md#start).
  ///
  /// - Throws: `CONTAINER_STATE` unless it is `created`; `COMMAND_NOT_FOUND` and the like; `HOOK`. Where a poststart hook fails,
  ///   the container is killed.
  public func start(_ id: ContainerID) throws(ContainrError) {
    let directory = try OCIContainerDirectory.open(id, in: root)
    let record = try record(id, directory)
    let state = try state(record, directory)
    let activity = "starting the container \(id)"
    switch state.status {
    case .created: break
    case .stopped: throw ContainrError(.containerState, activity, hint: "cannot start a container that has stopped")
    case .running, .paused: throw ContainrError(.containerState, activity, hint: "cannot start an already running container")
    case .creating: throw Self.unfinished(id)
    }
    guard let process = record.spec.process else { throw Self.unfinished(id) }
    try StartSocket.start(
      OCIContainerDirectory.startSocket, in: directory.descriptor,
      operations: try BundlePlan.afterStart(
        process, hooks: record.spec.hooks, state: state, filter: record.filtersAtStart ? .seccomp(filter: []) : nil),
      index: record.operationsBeforeStart)
    unlinkat(directory.descriptor.rawValue, OCIContainerDirectory.startSocket, 0)
    for hook in record.spec.hooks?.poststart ?? [] {
      do throws(ContainrError) {
        try hook.run(record.state(.running, pid: state.pid))
      } catch {
        try record.process?.open()?.send(.kill)
        throw error
      }
    }
  }

  /// Sends a signal to the first process of a container, or to all (runtime.md#kill).
  ///
  /// - Throws: `CONTAINER_STATE` where it has stopped, unless all are meant.
  public func kill(_ id: ContainerID, _ signal: Signal, all: Bool = false) throws(ContainrError) {
    let directory = try OCIContainerDirectory.open(id, in: root)
    let record = try record(id, directory)
    if all {
      guard let cgroup = try cgroup(record) else { return }
      if signal == .kill { return try cgroup.kill() }
      for pid in try cgroup.processes() where Glibc.kill(pid, signal.rawValue) != 0 && Errno.current != .noSuchProcess {
        throw .errno(.current, .signal, "sending \(signal) to the process \(pid)", call: "kill(2)")
      }
      return
    }
    guard let process = try record.process?.open() else {
      throw ContainrError(.containerState, "sending \(signal) to the container \(id)", hint: "container not running")
    }
    try process.send(signal)
    // A frozen process takes even SIGKILL only once it is thawed.
    if signal == .kill, let cgroup = try cgroup(record), cgroup.canFreeze, try cgroup.isFrozen() { try cgroup.thaw() }
  }

  /// Removes a container that has stopped, or was created and not started (runtime.md#delete). `poststop` hooks run always.
  ///
  /// - Parameter force: kills one that runs, and takes a missing one for removed.
  /// - Throws: `CONTAINER_NOT_FOUND`, `CONTAINER_STATE` where it runs.
  public func delete(_ id: ContainerID, force: Bool = false) throws(ContainrError) {
    let directory: OCIContainerDirectory
    do throws(ContainrError) { directory = try OCIContainerDirectory.open(id, in: root) } catch {
      if force, error.code == .containerNotFound { return }
      throw error
    }
    guard let record = try directory.record() else {
      // Create was killed before it acquired anything.
      guard force else { throw Self.unfinished(id) }
      return try directory.remove()
    }
    let state = try state(record, directory)
    switch state.status {
    case .stopped, .created: break
    case .creating, .running, .paused:
      guard force else {
        throw ContainrError(
          .containerState, "deleting the container \(id)",
          hint: "cannot delete container \(id) that is not stopped: \(state.status.rawValue)")
      }
    }
    try destroy(record, directory)
  }

  /// Kills what still runs and gives everything back, then runs the poststop hooks.
  func destroy(_ record: OCIContainerRecord, _ directory: borrowing OCIContainerDirectory) throws(ContainrError) {
    if let process = try record.process?.open() {
      try process.send(.kill)
      try Self.waitForEnd(of: process)
    }
    if let cgroup = try cgroup(record) {
      try cgroup.kill()
      try cgroup.remove()
    }
    try directory.remove()
    for hook in record.spec.hooks?.poststop ?? [] {
      do throws(ContainrError) { try hook.run(record.state(.stopped, pid: nil)) } catch { warn(error.summary) }
    }
  }

  /// Waits for a process that need not be a child of this program.
  private static func waitForEnd(of process: borrowing ProcessDescriptor) throws(ContainrError) {
    var entry = pollfd(fd: process.descriptor.rawValue, events: Int16(POLLIN), revents: 0)
    guard poll(&entry, 1, 10_000) != 0 else {
      throw ContainrError(.timeout, "killing the process \(process.pid)", hint: "it does not end: state D in ps?")
    }
  }

  // MARK: Pause, processes, limits

  /// Freezes all processes of a container.
  ///
  /// - Throws: `CONTAINER_STATE` unless it runs; `UNSUPPORTED` without a freezer.
  public func pause(_ id: ContainerID) throws(ContainrError) {
    let directory = try OCIContainerDirectory.open(id, in: root)
    let record = try record(id, directory)
    let status = try state(record, directory).status
    guard status == .running || status == .created, let cgroup = try cgroup(record) else {
      throw ContainrError(
        .containerState, "pausing the container \(id)", hint: "container not running or created: \(status.rawValue)")
    }
    try cgroup.freeze()
  }

  /// Lets the processes of a paused container go on.
  ///
  /// - Throws: `CONTAINER_STATE` unless it is paused.
  public func resume(_ id: ContainerID) throws(ContainrError) {
    let directory = try OCIContainerDirectory.open(id, in: root)
    let record = try record(id, directory)
    let status = try state(record, directory).status
    guard status == .paused, let cgroup = try cgroup(record) else {
      throw ContainrError(.containerState, "resuming the container \(id)", hint: "container not paused: \(status.rawValue)")
    }
    try cgroup.thaw()
  }

  /// The host's ids of all processes in a container.
  public func processes(_ id: ContainerID) throws(ContainrError) -> [Int32] {
    let directory = try OCIContainerDirectory.open(id, in: root)
    let record = try record(id, directory)
    if let cgroup = try cgroup(record) { return try cgroup.processes().sorted() }
    guard let process = try record.process?.open() else { return [] }
    return [process.pid]
  }

  /// Changes the limits of a container; those that are not set stay.
  ///
  /// - Throws: `CONTAINER_STATE` where it has stopped, `CGROUP_LIMIT`; nothing has changed then.
  public func update(_ id: ContainerID, _ resources: OCI.RuntimeSpec.Linux.Resources) throws(ContainrError) {
    let directory = try OCIContainerDirectory.open(id, in: root)
    let record = try record(id, directory)
    guard try state(record, directory).status != .stopped, let cgroup = try cgroup(record) else {
      throw ContainrError(.containerState, "changing the limits of the container \(id)", hint: "container not running")
    }
    let limits = try CgroupResources(resources)
    try cgroup.adding(limits.controllers).update(limits)
  }

  /// What a container uses and has used.
  ///
  /// - Throws: `CONTAINER_STATE` where it has no cgroup any more.
  public func statistics(_ id: ContainerID) throws(ContainrError) -> CgroupStatistics {
    let directory = try OCIContainerDirectory.open(id, in: root)
    let record = try record(id, directory)
    guard let cgroup = try cgroup(record) else {
      throw ContainrError(.containerState, "reading the statistics of the container \(id)", hint: "container not running")
    }
    return try cgroup.statistics()
  }
}
