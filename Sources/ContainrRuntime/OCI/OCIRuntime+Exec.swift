import CContainrLinux
import ContainrCgroups
import ContainrCore
import ContainrLaunch
import ContainrOCI
import ContainrSecurity
import Glibc
import SystemPackage

extension OCIRuntime {
  /// The configuration of a container, as it was when it was made: where a further process's document starts from.
  ///
  /// - Throws: `CONTAINER_NOT_FOUND`.
  public func configuration(_ id: ContainerID) throws(ContainrError) -> OCI.RuntimeSpec {
    let directory = try OCIContainerDirectory.open(id, in: root)
    guard let record = try directory.record() else { throw Self.unfinished(id) }
    return record.spec
  }

  /// Executes a program in a container that was created or runs, and returns once it does.
  ///
  /// What the document leaves open is the first process's: environment, working directory (where `cwd` is empty),
  /// capabilities, resource limits, file mode mask, no-new-privileges and the labels of security modules. The filter of
  /// system calls, the execution domain and the memory policy are the container's in any case.
  ///
  /// - Throws: `CONTAINER_STATE` where it is paused or has stopped, `COMMAND_NOT_FOUND` and the like, and the exact failure of
  ///   each step; no process is left then.
  public func exec(
    _ id: ContainerID, _ process: OCI.RuntimeSpec.Process, options: ExecOptions = ExecOptions()
  ) throws(ContainrError) -> OCIProcess {
    let directory = try OCIContainerDirectory.open(id, in: root)
    let record = try record(id, directory)
    let activity = "executing a program in the container \(id)"
    let status = try state(record, directory).status
    switch status {
    case .created, .running: break
    case .paused:
      guard options.ignoresPause else {
        throw ContainrError(
          .containerState, activity, hint: "cannot exec in a paused container (use --ignore-paused to override)")
      }
    case .creating: throw Self.unfinished(id)
    case .stopped: throw ContainrError(.containerState, activity, hint: "cannot exec in a stopped container")
    }
    guard let target = try record.process?.open() else {
      throw ContainrError(.containerState, activity, hint: "cannot exec in a stopped container")
    }
    guard options.consoleSocket == nil || process.terminal == true else {
      throw ContainrError(
        .invalidArgument, activity, hint: "cannot use console socket if runc will not detach or allocate tty")
    }
    var process = process.completed(from: record.spec.process)
    let own = RootDirectory(
      owning: try OwnedDescriptor.open(FilePath("/proc/\(target.pid)/root"), flags: CInt(CL_O_PATH) | O_DIRECTORY))
    process = try process.addingHome(from: own)
    try process.validate()

    let namespaces = try JoinedNamespaces(target)
    var dropped: [String] = []
    let capabilities = Capabilities(
      process.capabilities,
      available: namespaces.kinds.contains(.user) ? try CapabilitySet.ofKernel() : try CapabilitySet.heldByCaller(),
      dropped: &dropped)
    if !dropped.isEmpty { warn("capabilities that cannot be granted are left out: \(dropped.joined(separator: ", "))") }
    let profile = try record.spec.linux?.seccomp.map { document throws(ContainrError) in
      try SeccompProfile(JSON.Cursor(document, document: "$.linux.seccomp", code: .invalidConfiguration))
    }
    let filter = try profile.flatMap { profile throws(ContainrError) in
      try seccompCache.filter(for: .profile(profile), capabilities: capabilities.bounding)
    }
    let cgroup = try cgroupForExec(record, target)
    let join = try CgroupJoinHolder(cgroup)
    let built = try ExecPlan(
      process, in: record, target, namespaces, cgroup: cgroup, join: join, capabilities: capabilities, filter: filter,
      options: options)
    // Connected first: a process that runs already is harder to take back.
    var console: ConsoleSocket?
    if let path = options.consoleSocket { console = try ConsoleSocket(path) }
    if process.terminal != true { giveStandardStreams(to: namespaces.outside(user: process.user.uid)) }

    let affinity = try ThreadAffinity(process.execCPUAffinity?.initial)
    let session = try LaunchSession(built.plan)
    var terminal: OwnedDescriptor?
    while try session.next() != nil {
      terminal = try session.receiveDescriptor()
      try session.pass()
    }
    if let profile, profile.notifies, let path = profile.listenerPath, let listener = try session.receiveDescriptor() {
      let state = record.state(status, pid: target.pid)
      try SeccompProcessState(
        ociVersion: record.spec.ociVersion, pid: session.pid, metadata: profile.listenerMetadata, container: state.json
      ).send(listener, to: path)
    }
    var result = try session.finish()
    withExtendedLifetime(affinity) {}
    withExtendedLifetime(join) {}
    if let last = result.descriptor.take() { terminal = consume last }

    let started = OCIProcess(result.takeProcess(), terminal: nil)
    do throws(ContainrError) {
      if process.terminal == true, terminal == nil {
        throw ContainrError(.terminal, "making the terminal", hint: "the process sent none")
      }
      if let socket = console.take(), let sent = terminal.take() { try socket.send(sent) }
      if let path = options.pidFile {
        try FileContents.replace(path, with: Array(String(started.pid).utf8), mode: 0o644, durable: false)
      }
    } catch {
      try started.kill()
      throw error
    }
    var answer = started
    answer.terminal = consume terminal
    return answer
  }

  /// The cgroup that a further process joins: the container's, or the first process's where that has moved because the
  /// container's has children with controllers, and takes no process (`cgroup-v2.rst`, no internal processes).
  private func cgroupForExec(
    _ record: OCIContainerRecord, _ target: borrowing ProcessDescriptor
  ) throws(ContainrError) -> Cgroup? {
    guard let cgroup = try cgroup(record), let unified = cgroup.directory(.unified),
      let enabled = try FileContents.textIfPresent(unified.appending("cgroup.subtree_control")),
      enabled.contains(where: \.isLetter),
      let text = try FileContents.textIfPresent(FilePath("/proc/\(target.pid)/cgroup")),
      let line = text.split(separator: "\n").first(where: { $0.hasPrefix("0::/") }),
      let below = line.range(of: cgroup.path.description)
    else { return try self.cgroup(record) }
    let path = line[below.lowerBound...]
    return path == cgroup.path.description[...] ? cgroup : try Cgroup.adopt(try CgroupPath(String(path)), layout: cgroup.layout)
  }
}

extension Substring {
  /// Where a text occurs first.
  fileprivate func range(of text: String) -> Range<Index>? {
    var start = startIndex
    while start < endIndex {
      if self[start...].hasPrefix(text) { return start..<index(start, offsetBy: text.count) }
      start = index(after: start)
    }
    return nil
  }
}

/// Standard input, output and error become the user's, so that a program that opens `/dev/stdout` may (as runc has it).
func giveStandardStreams(to user: UInt32?) {
  guard let user, user != geteuid() else { return }
  var null = stat()
  let knowsNull = stat("/dev/null", &null) == 0
  for number in CInt(0)...2 {
    var status = stat()
    guard fstat(number, &status) == 0, status.st_uid != user else { continue }
    if status.st_mode & S_IFMT == S_IFCHR, knowsNull, status.st_rdev == null.st_rdev { continue }
    // One that cannot be given, such as a socket, stays as it is.
    _ = fchown(number, user, gid_t.max)
  }
}

extension OCI.RuntimeSpec.Process {
  /// The document with the first process's in the place of what it leaves open.
  func completed(from first: OCI.RuntimeSpec.Process?) -> OCI.RuntimeSpec.Process {
    guard let first else { return self }
    var process = self
    if process.cwd.isEmpty { process.cwd = first.cwd }
    if process.env == nil {
      // Another user has another home.
      let other = user.uid != first.user.uid
      process.env = first.env?.filter { !(other && $0.hasPrefix("HOME=")) }
    }
    if process.capabilities == nil { process.capabilities = first.capabilities }
    if process.rlimits == nil { process.rlimits = first.rlimits }
    if process.user.umask == nil { process.user.umask = first.user.umask }
    if process.noNewPrivileges == nil { process.noNewPrivileges = first.noNewPrivileges }
    if process.apparmorProfile?.isEmpty ?? true { process.apparmorProfile = first.apparmorProfile }
    if process.selinuxLabel?.isEmpty ?? true { process.selinuxLabel = first.selinuxLabel }
    if process.execCPUAffinity == nil { process.execCPUAffinity = first.execCPUAffinity }
    return process
  }
}

/// Puts the calling thread on some CPUs for as long as the value lives: a process that is cloned meanwhile starts there.
private final class ThreadAffinity {
  private var before = [UInt64](repeating: 0, count: 128)
  private var size = 0

  init?(_ list: String?) throws(ContainrError) {
    guard let list, !list.isEmpty else { return nil }
    let mask = try CpusetList(list).mask
    let activity = "choosing the CPUs \(list)"
    size = Int(
      try check(cl_sched_getaffinity(&before, before.count * 8), .containerStart, "sched_getaffinity(2)", activity))
    try check(
      cl_sched_setaffinity(mask, mask.count * 8), .containerStart, "sched_setaffinity(2)", activity,
      hint: "process.execCPUAffinity.initial names CPUs that this machine has")
  }

  deinit {
    // Back to what the kernel itself said: it cannot refuse.
    if size > 0 { _ = cl_sched_setaffinity(before, size) }
  }
}
