import CContainrLinux
import ContainrCgroups
import ContainrCore
import ContainrLaunch
import ContainrNamespaces
import ContainrOCI
import ContainrRootFS
import ContainrSecurity
import Glibc
import SystemPackage

extension OCIRuntime {
  /// Makes a container: its environment is ready and its program waits to be started (runtime.md#create).
  ///
  /// What fails leaves nothing behind.
  ///
  /// - Throws: `CONTAINER_ALREADY_EXISTS`, `INVALID_CONFIGURATION`, `HOOK`, and the exact failure of each step.
  @discardableResult
  public func create(
    _ id: ContainerID, _ bundle: Bundle, options: CreateOptions = CreateOptions()
  ) throws(ContainrError) -> OCIProcess {
    try bundle.spec.validate()
    try bundle.spec.checkSupport()
    guard let process = bundle.spec.process else {
      throw ContainrError(.invalidConfiguration, "creating the container \(id)", hint: "$.process is missing")
    }
    if let console = options.consoleSocket, process.terminal != true {
      throw ContainrError(
        .invalidArgument, "creating the container \(id)",
        hint: "cannot use console socket \(console) if runc will not detach or allocate tty: process.terminal is not true")
    }
    if process.terminal == true, options.consoleSocket == nil, !options.takesTerminal {
      throw ContainrError(
        .invalidArgument, "creating the container \(id)", hint: "cannot allocate tty without setting console socket")
    }
    let rootDirectory = try bundle.rootDirectory()
    let namespaces = try Namespaces(bundle.spec.linux ?? OCI.RuntimeSpec.Linux())
    for (name, value) in bundle.spec.linux?.sysctl ?? [:] {
      try Sysctl.check(name, value) { namespaces[$0] != .host }
    }
    let directory = try OCIContainerDirectory.make(id, in: root)
    var making = OCIContainerMaking(
      id: id, bundle: bundle, process: process, root: rootDirectory, namespaces: namespaces, options: options,
      directory: directory, runtime: self)
    do throws(ContainrError) {
      return try making.make()
    } catch {
      throw making.giveBack(after: error)
    }
  }
}

/// A container on its way into being.
private struct OCIContainerMaking: ~Copyable {
  let id: ContainerID
  let bundle: Bundle
  var process: OCI.RuntimeSpec.Process
  let root: FilePath
  let namespaces: Namespaces
  let options: CreateOptions
  let directory: OCIContainerDirectory
  let runtime: OCIRuntime
  private var record: OCIContainerRecord
  private var cgroup: Cgroup?
  private var terminal: OwnedDescriptor?

  init(
    id: ContainerID, bundle: Bundle, process: OCI.RuntimeSpec.Process, root: FilePath, namespaces: Namespaces,
    options: CreateOptions, directory: consuming OCIContainerDirectory, runtime: OCIRuntime
  ) {
    self.id = id
    self.bundle = bundle
    self.process = process
    self.root = root
    self.namespaces = namespaces
    self.options = options
    self.directory = directory
    self.runtime = runtime
    record = OCIContainerRecord(
      id: id.description, bundle: bundle.path, created: Timestamp.now(), spec: bundle.spec, cgroup: nil)
  }

  // MARK: The way

  mutating func make() throws(ContainrError) -> OCIProcess {
    let spec = bundle.spec
    let resources = try CgroupResources(spec.linux?.resources ?? OCI.RuntimeSpec.Linux.Resources())
    let layout = try CgroupLayout.detect()
    if options.hasCgroup { record.cgroup = try cgroupPath() }
    try directory.write(record)

    try makeCgroup(resources, layout)
    process = try process.addingHome(from: RootDirectory(host: root))
    record.spec.process = process
    let available =
      namespaces.user == .new ? try CapabilitySet.ofKernel() : try CapabilitySet.heldByCaller()
    var dropped: [String] = []
    let capabilities = Capabilities(process.capabilities, available: available, dropped: &dropped)
    if !dropped.isEmpty { runtime.warn("capabilities that cannot be granted are left out: \(dropped.joined(separator: ", "))") }
    let profile = try spec.linux?.seccomp.map { document throws(ContainrError) in
      try SeccompProfile(JSON.Cursor(document, document: "$.linux.seccomp", code: .invalidConfiguration))
    }
    let filter = try profile.flatMap { profile throws(ContainrError) in
      try runtime.seccompCache.filter(for: .profile(profile), capabilities: capabilities.bounding)
    }

    let listener = try StartSocket.listen(OCIContainerDirectory.startSocket, in: directory.descriptor)
    let surroundings = BundlePlan.Surroundings(
      root: root, layout: layout, cgroup: cgroup, join: try CgroupJoinHolder(cgroup), capabilities: capabilities,
      filter: filter, listener: listener.rawValue)
    let built = try BundlePlan(
      spec, process: process, namespaces: namespaces, state: record.state(.created, pid: nil), options: options, surroundings)
    record.operationsBeforeStart = built.operationsBeforeStart
    record.filtersAtStart = built.filtersAtStart
    if process.terminal != true { giveStandardStreams(to: userOutside) }
    let session = try LaunchSession(built.plan)
    try serve(session, profile)
    let result = try session.leave()
    withExtendedLifetime(surroundings) {}
    withExtendedLifetime(listener) {}
    record.isCreated = true
    try directory.write(record)
    if let path = options.pidFile {
      try FileContents.replace(path, with: Array(String(result.process.pid).utf8), mode: 0o644, durable: false)
    }
    return OCIProcess(result.takeProcess(), terminal: terminal.take())
  }

  /// The caller's number for the user of the process; nil where nobody can say.
  private var userOutside: UInt32? {
    guard namespaces.user != .host else { return process.user.uid }
    return namespaces.idMaps?.users.hostID(of: process.user.uid)
  }

  private func cgroupPath() throws(ContainrError) -> CgroupPath {
    guard let text = bundle.spec.linux?.cgroupsPath, !text.isEmpty else { return CgroupPath(id) }
    let path = try CgroupsPath(text)
    if case .systemd = path, !options.usesSystemdPaths {
      // A name with colons, such as engines make for either driver, is a name like any other here.
      return try CgroupPath(text)
    }
    return try path.path(isRootless: OCIRuntime.isRootless)
  }

  private mutating func makeCgroup(_ resources: CgroupResources, _ layout: CgroupLayout) throws(ContainrError) {
    guard let path = record.cgroup else { return }
    let controllers = Cgroup.defaultControllers(layout).union([.cpu, .blkio, .cpuset]).intersection(layout.controllers)
    do throws(ContainrError) {
      cgroup = try Cgroup.create(path, layout: layout, resources: resources, controllers: controllers, adopting: true)
    } catch {
      // Without root and delegation there are no cgroups to be had; then a container without limits has none.
      let isRefused = error.code == .permissionDenied || error.systemCall?.errno == .readOnlyFileSystem
      var unlimited = resources
      unlimited.devices = nil
      guard isRefused, OCIRuntime.isRootless, unlimited == CgroupResources() else { throw error }
      record.cgroup = nil
      try directory.write(record)
      return
    }
    if let cgroup, try !cgroup.processes().isEmpty {
      self.cgroup = nil
      record.cgroup = nil
      throw ContainrError(
        .containerState, "creating the container \(id)", hint: "container's cgroup is not empty: \(path) has processes")
    }
  }

  /// Does the parent's part while the process makes its environment.
  private mutating func serve(_ session: LaunchSession, _ profile: SeccompProfile?) throws(ContainrError) {
    while let barrier = try session.next() {
      switch barrier {
      case .cgroups:
        record.process = try ProcessIdentity(try ProcessDescriptor(pid: session.pid))
        try directory.write(record)
      case .idMaps:
        if let maps = namespaces.idMaps { try maps.write(pid: session.pid) }
      case .hooks:
        // After CLONE_PARENT the process that goes on is another one.
        if session.pid != record.process?.pid {
          record.process = try ProcessIdentity(try ProcessDescriptor(pid: session.pid))
          try directory.write(record)
        }
        try sendTerminal(session)
        let state = record.state(.creating, pid: session.pid)
        for hook in (bundle.spec.hooks?.prestart ?? []) + (bundle.spec.hooks?.createRuntime ?? []) { try hook.run(state) }
      case .start:
        try sendListener(session, of: profile)
        return
      default: throw ContainrError(.internalError, "creating the container \(id)", hint: "an unknown barrier: \(barrier)")
      }
      try session.pass()
    }
    _ = try session.finish()
    throw ContainrError(.internalError, "creating the container \(id)", hint: "the process did not wait for its start")
  }

  private mutating func sendTerminal(_ session: LaunchSession) throws(ContainrError) {
    guard process.terminal == true else { return }
    guard let terminal = try session.receiveDescriptor() else {
      throw ContainrError(.terminal, "making the terminal", hint: "the process sent none")
    }
    if let console = options.consoleSocket {
      try ConsoleSocket(console).send(terminal)
    } else {
      self.terminal = consume terminal
    }
  }

  private func sendListener(_ session: LaunchSession, of profile: SeccompProfile?) throws(ContainrError) {
    guard let profile, profile.notifies, let path = profile.listenerPath else { return }
    guard let listener = try session.receiveDescriptor() else {
      throw ContainrError(.seccomp, "sending the seccomp listener to \(path)", hint: "the process sent none")
    }
    let state = record.state(.creating, pid: session.pid)
    try SeccompProcessState(
      ociVersion: record.spec.ociVersion, pid: session.pid, metadata: profile.listenerMetadata, container: state.json
    ).send(listener, to: path)
  }

  // MARK: The way back

  /// Takes everything back, and makes a failure to do so part of the error.
  mutating func giveBack(after error: ContainrError) -> ContainrError {
    do throws(ContainrError) {
      try runtime.destroy(record, directory)
      return error
    } catch let second {
      var error = error
      error.hint = [error.hint, "and tearing it down failed (\(second.summary)): delete it with --force"]
        .compactMap { $0 }.joined(separator: "; ")
      return error
    }
  }
}
