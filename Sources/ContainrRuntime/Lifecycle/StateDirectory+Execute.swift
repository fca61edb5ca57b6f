import CContainrLinux
import ContainrCgroups
import ContainrCore
import ContainrLaunch
import ContainrNamespaces
import ContainrRootFS
import ContainrSecurity
import Glibc
import SystemPackage

extension StateDirectory {
  /// Executes a program in a running container, be it this program's or another's, with the rights of its first process.
  ///
  /// The environment is the container's with that of `process` on top; user and working directory are the container's where
  /// they are nil. A working directory that is missing is not made.
  ///
  /// - Throws: `CONTAINER_NOT_FOUND`, `CONTAINER_STATE` where it does not run, and the exact failure of the start.
  public func execute(_ process: ProcessConfiguration, in id: ContainerID) async throws -> ContainerProcess {
    let box = try await blocking("containr-exec") {
      let ends = try StreamEnds(process.streams)
      let streams = ends.streams
      return (StartedBox(try launch(process, in: id, ends)), streams)
    }
    return try ContainerProcess(box.0.take(), streams: box.1)
  }

  private func launch(
    _ process: ProcessConfiguration, in id: ContainerID, _ streams: borrowing StreamEnds
  ) throws(ContainrError) -> StartedProcess {
    try process.validate()
    if process.oomScoreAdjustment != nil {
      throw ContainrError(
        .unsupported, "executing a program in the container \(id)", hint: "an OOM score adjustment is the first process's only")
    }
    let record = try record(id)
    guard let target = try record.process?.open() else {
      throw ContainrError(.containerState, "executing a program in the container \(id)", hint: "it does not run")
    }
    var process = process
    var profile = record.profile
    guard process.user != nil || process.additionalGroups.isEmpty else {
      throw ContainrError(
        .invalidConfiguration, "executing a program in the container \(id)", hint: "further groups need a user")
    }
    if let user = process.user {
      // The container's own files, which it may have changed since: read through its root, never followed out of it.
      let root = RootDirectory(
        owning: try OwnedDescriptor.open(FilePath("/proc/\(target.pid)/root"), flags: CInt(CL_O_PATH) | O_DIRECTORY))
      profile.user = try UserDatabase(in: root).identity(of: user, additional: process.additionalGroups)
    }
    if let directory = process.workingDirectory { profile.workingDirectory = directory }
    let names = Set(process.environment.map { $0.prefix { $0 != "=" } })
    profile.environment = profile.environment.filter { !names.contains($0.prefix { $0 != "=" }) } + process.environment
    process.noNewPrivileges = profile.noNewPrivileges
    let own = Set(process.resourceLimits.map(\.resource))
    process.resourceLimits += profile.resourceLimits.filter { !own.contains($0.resource) }

    let granted = try process.capabilities.resolve(from: profile.bounding, available: profile.bounding)
    let ambient = process.ambientCapabilities.union(profile.walls.ambient).intersection(granted)
    let capabilities = try Capabilities(granting: granted, toUser: profile.user.uid, ambient: ambient)
    let filter = try filter(profile, granted: granted, id: id)
    var cgroup: Cgroup?
    if let path = record.cgroup { cgroup = try Cgroup.adopt(path, layout: try CgroupLayout.detect()) }
    let join = try CgroupJoinHolder(cgroup)

    var plan = LaunchPlan()
    let input = streams.input.map { plan.inherit($0) }
    let output = streams.output.map { plan.inherit($0) }
    let error = streams.error.map { plan.inherit($0) }
    // From the moment this process is in the container's pid namespace, those in it must not look into its memory, which
    // is this program's.
    plan.append(.control(.dumpable(false)))
    let pidfd = plan.inherit(target.descriptor.rawValue)
    var kinds: NamespaceSet = [.mnt, .uts, .ipc, .pid, .net]
    if record.cgroup != nil { kinds.insert(.cgroup) }
    if profile.isInUserNamespace { kinds.insert(.user) }
    plan.append(.join(pidfd, flags: UInt64(kinds.rawValue), activity: "join the container's namespaces"))
    plan.append(.fork)
    plan.join(join)
    if profile.isInUserNamespace { plan.append(.ids(uid: 0, gid: 0)) }
    if !profile.walls.labels.isEmpty {
      let procfs = plan.makeSlot()
      plan.append(.open(procfs, directory: .workingDirectory, path: "/proc", flags: CInt(CL_O_PATH) | O_DIRECTORY))
      plan.append(labels: profile.walls.labels, procfs: procfs)
      // No working directory may be named by a descriptor of ours, not even by one that is inside.
      plan.append(.close(procfs))
    }
    plan.append(.sessionKeyring())
    if let size = process.terminal {
      let devpts = plan.makeSlot()
      let controller = plan.makeSlot()
      let terminal = plan.makeSlot()
      let socket = plan.makeParentSocket()
      plan.append(.open(devpts, directory: .workingDirectory, path: "/dev/pts", flags: CInt(CL_O_PATH) | O_DIRECTORY))
      plan.append(
        .terminal(
          devpts: devpts, controller: controller, terminal: terminal, rows: size.rows, columns: size.columns,
          owner: profile.user.uid))
      plan.append(.send(controller, socket: socket))
      plan.appendControllingTerminal(terminal)
      if !profile.environment.contains(where: { $0.hasPrefix("TERM=") }) { profile.environment.append("TERM=xterm") }
    } else {
      plan.append(.newSession)
      plan.append(.standardStreams(input, output, error))
    }
    try plan.append(process: process, profile: profile, capabilities: capabilities, filter: filter)
    try plan.appendExecute(process, environment: profile.completeEnvironment, byDescriptor: true)

    var result = try plan.spawn()
    withExtendedLifetime(join) {}
    withExtendedLifetime(target) {}
    let controller = result.descriptor.take()
    return StartedProcess(process: result.takeProcess(), terminal: controller, plan: plan, durations: nil)
  }

  private func filter(
    _ profile: ExecutionProfile, granted: CapabilitySet, id: ContainerID
  ) throws(ContainrError) -> SeccompFilter? {
    switch profile.seccomp {
    case .unconfined: return nil
    case .containerDefault: return try seccompCache.filter(for: .containerDefault, capabilities: granted)
    case .file:
      let bytes = try FileContents.read(directory(id).appending("seccomp.bpf"), limit: 65536 * 8, code: .seccomp)
      guard let filter = SeccompFilter(stored: bytes) else {
        throw ContainrError(.seccomp, "reading the filter of the container \(id)", hint: "the file is damaged")
      }
      return filter
    }
  }
}
