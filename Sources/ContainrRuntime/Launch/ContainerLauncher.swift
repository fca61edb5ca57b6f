import CContainrLinux
import ContainrCgroups
import ContainrCore
import ContainrLaunch
import ContainrNamespaces
import ContainrRootFS
import ContainrSecurity
import Glibc
import SystemPackage

/// Acquires what a container needs of the host, step by step, and starts its first process. What was acquired is in the
/// journal before it is there, and is given back in the reverse order, whatever happens.
struct ContainerLauncher: ~Copyable {
  private let configuration: ContainerConfiguration
  private var directory: ClaimedDirectory
  private(set) var cgroup: Cgroup?
  private var isTornDown = false
  private let profile: ExecutionProfile
  private let capabilities: Capabilities
  private let filter: SeccompFilter?
  private let layout: CgroupLayout?

  /// Where a start can be made to fail, for tests of the teardown.
  enum Step: CaseIterable, Sendable { case claimed, recorded, layer, files, cgroup, planned, started }
  private let faults: FaultInjection

  /// Checks everything that can be checked without touching the host, then claims the id and acquires the rest.
  static func prepare(
    _ configuration: ContainerConfiguration, in state: StateDirectory, faults: FaultInjection = FaultInjection()
  ) throws(ContainrError) -> ContainerLauncher {
    try configuration.validate()
    let user = try UserLookup.identity(of: configuration.process, in: configuration.rootFS.source)
    var available =
      configuration.userNamespace == nil ? try CapabilitySet.heldByCaller() : try CapabilitySet.ofKernel()
    // Nothing enforces device rules without a cgroup. Who cannot make a device node cannot open one that is not there.
    if !configuration.hasCgroup, configuration.userNamespace == nil, configuration.resources.devices != nil {
      available.remove(.mknod)
    }
    let granted = try configuration.process.capabilities.resolve(available: available)
    let capabilities = try Capabilities(
      granting: granted, toUser: user.uid, ambient: configuration.process.ambientCapabilities)
    let walls = try configuration.walls(granted: granted, user: user)
    let filter = try state.seccompCache.filter(for: configuration.seccomp, capabilities: granted)
    if let filter, filter.notifies {
      throw ContainrError(
        .unsupported, "loading the seccomp filter",
        hint: "the profile notifies a supervisor, and a container has none; load it into a process of your own plan")
    }

    var environment = configuration.process.environment
    if !environment.contains(where: { $0.hasPrefix("PATH=") }) {
      environment.insert("PATH=\(ProcessConfiguration.defaultPath)", at: 0)
    }
    if configuration.process.terminal != nil, !environment.contains(where: { $0.hasPrefix("TERM=") }) {
      environment.append("TERM=xterm")
    }
    if let hostname = configuration.hostnameInside, !environment.contains(where: { $0.hasPrefix("HOSTNAME=") }) {
      environment.append("HOSTNAME=\(hostname)")
    }
    let seccomp: ExecutionProfile.Seccomp =
      switch configuration.seccomp {
      case .containerDefault: .containerDefault
      case .profile: .file
      case .unconfined: .unconfined
      }
    var layers: [FilePath] = []
    if case .overlay(let overlay) = configuration.rootFS.source { layers = overlay.layers }
    var profile = ExecutionProfile(
      environment: environment, workingDirectory: configuration.process.workingDirectory ?? "/", user: user, bounding: granted,
      resourceLimits: configuration.process.resourceLimits,
      noNewPrivileges: configuration.process.noNewPrivileges, seccomp: seccomp,
      isInUserNamespace: configuration.userNamespace != nil,
      setsGroups: configuration.userNamespace?.deniesSetgroups != true, layers: layers.map(\.string))
    profile.walls = walls
    let layout = configuration.hasCgroup ? try CgroupLayout.detect() : nil
    var launcher = ContainerLauncher(
      configuration: configuration, directory: try state.claim(configuration.id), profile: profile,
      capabilities: capabilities, filter: filter, layout: layout, faults: faults)
    do throws(ContainrError) { try launcher.acquire() } catch {
      throw launcher.giveBack(after: error)
    }
    return launcher
  }

  private init(
    configuration: ContainerConfiguration, directory: consuming ClaimedDirectory, profile: ExecutionProfile,
    capabilities: Capabilities, filter: SeccompFilter?, layout: CgroupLayout?, faults: FaultInjection
  ) {
    self.configuration = configuration
    self.directory = directory
    self.profile = profile
    self.capabilities = capabilities
    self.filter = filter
    self.layout = layout
    self.faults = faults
  }

  // MARK: Acquiring

  private mutating func acquire() throws(ContainrError) {
    try faults.pass(.claimed)
    var path: CgroupPath?
    if layout != nil { path = CgroupPath(configuration.id) }
    // A zero: teardown finds out which controllers there are.
    try directory.record(ContainerRecord(cgroup: path, controllers: 0, profile: profile).opening)
    try faults.pass(.recorded)
    if configuration.needsLayerDirectories {
      try directory.makeDirectory("upper", mode: 0o755)
      try directory.makeDirectory("work", mode: 0o700)
    } else if case .memory = configuration.writableLayer {
      try directory.makeDirectory("layer", mode: 0o700)
    }
    if profile.seccomp == .file, let filter { try directory.write(filter.stored, to: "seccomp.bpf", mode: 0o600) }
    try faults.pass(.layer)
    if configuration.hostFiles == .managed { try writeHostFiles() }
    try faults.pass(.files)
    if let layout, let path {
      cgroup = try Cgroup.create(path, layout: layout, resources: configuration.resources)
    }
    try faults.pass(.cgroup)
  }

  private func writeHostFiles() throws(ContainrError) {
    let name = configuration.hostnameInside ?? "localhost"
    let hosts = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n127.0.1.1\t\(name)\n"
    try directory.write(hosts.utf8, to: "hosts", mode: 0o644)
    try directory.write("\(name)\n".utf8, to: "hostname", mode: 0o644)
  }

  /// Gives back what was acquired, and makes a failure to do so part of the error.
  private mutating func giveBack(after error: ContainrError) -> ContainrError {
    do throws(ContainrError) {
      try tearDown()
      return error
    } catch let second {
      var error = error
      error.hint = [error.hint, "and tearing it down failed (\(second.summary)): run `containr system repair`"]
        .compactMap { $0 }.joined(separator: "; ")
      return error
    }
  }

  /// Kills what still runs in the container, and gives everything back. Idempotent: once it is done, the id may be another
  /// container's.
  mutating func tearDown() throws(ContainrError) {
    if isTornDown { return }
    if let cgroup {
      // The first process of a pid namespace has taken all others along, save where the namespace is shared.
      if try !cgroup.processes().isEmpty { try cgroup.kill() }
      try cgroup.remove()
    }
    try directory.remove()
    isTornDown = true
  }

  // MARK: Starting

  /// The plan of the first process.
  func plan(
    streams: borrowing StreamEnds, join: CgroupJoinHolder?
  ) throws(ContainrError) -> LaunchPlan {
    var plan = LaunchPlan()
    plan.namespaceFlags = configuration.namespaceFlags
    let process = configuration.process
    let isInUserNamespace = configuration.userNamespace != nil
    let input = streams.input.map { plan.inherit($0) }
    let output = streams.output.map { plan.inherit($0) }
    let error = streams.error.map { plan.inherit($0) }
    if isInUserNamespace {
      let socket = plan.makeParentSocket()
      plan.append(.barrier(.idMaps, socket: socket))
      plan.append(.ids(uid: 0, gid: 0))
    }
    plan.join(join)
    if layout != nil { plan.append(.unshare(flags: UInt64(CL_CLONE_NEWCGROUP))) }
    plan.append(.fileModeMask(0))
    if let name = configuration.hostnameInside { plan.append(.hostname(name)) }
    if let name = configuration.domainName { plan.append(.domainName(name)) }
    if configuration.network == .none { plan.append(.interfaceUp("lo")) }
    if profile.walls.labels.isEmpty { plan.append(.sessionKeyring()) }

    var rootFS = configuration.rootFS
    try prepare(&rootFS)
    let mounted = Set(rootFS.mounts.map(\.destination))
    let isReadOnly = rootFS.isReadOnly
    let slots = try plan.append(rootFS: rootFS, context: rootContext) { plan, slots throws(ContainrError) in
      // While /proc/sys and the root can still be written to.
      for volume in configuration.volumes where !mounted.contains(volume) {
        plan.appendVolume(volume, root: slots.root, isReadOnly: isReadOnly)
      }
      if profile.workingDirectory != "/" {
        plan.append(.makeDirectory(root: slots.root, path: profile.workingDirectory, mode: 0o755))
      }
      for (name, value) in configuration.sysctls.sorted(by: { $0.key < $1.key }) {
        plan.append(.writeProc(try slots.procfs, path: "sys/" + name.replacingDots, text: value))
      }
    }
    if !profile.walls.labels.isEmpty {
      // The label of keys first: the keyring is one.
      plan.append(labels: profile.walls.labels, procfs: try slots.procfs)
      plan.append(.sessionKeyring())
    }
    if let adjustment = process.oomScoreAdjustment {
      plan.append(.writeProc(try slots.procfs, path: "self/oom_score_adj", text: String(adjustment)))
    }
    if let size = process.terminal {
      guard let devpts = slots.devpts else {
        throw ContainrError(.invalidConfiguration, "setting up the terminal", hint: "a terminal needs a devpts mount")
      }
      plan.appendTerminal(size, devpts: devpts, root: slots.root, owner: profile.user.uid)
    } else {
      // Out of the reach of the caller's terminal: its Ctrl-C is the caller's to forward.
      plan.append(.newSession)
      plan.append(.standardStreams(input, output, error))
    }
    plan.appendChangeOfRoot(rootFS, slots: slots)
    try plan.append(process: process, profile: profile, capabilities: capabilities, filter: filter)
    try plan.appendExecute(process, environment: profile.completeEnvironment, byDescriptor: false)
    return plan
  }

  private var rootContext: RootFSContext {
    var context = RootFSContext()
    context.isInUserNamespace = configuration.userNamespace != nil
    context.ownsNetworkNamespace = !(configuration.userNamespace != nil && configuration.network == .host)
    if let layout, let cgroup {
      context.cgroupHierarchies = layout.v1.filter { !$0.controllers.isDisjoint(with: cgroup.controllers) }
        .map { $0.controllers.names(.v1) }
      context.showsUnifiedCgroup = layout.unified != nil && (layout.v1.isEmpty || cgroup.controllers.contains(.unified))
    }
    if let maps = configuration.userNamespace {
      if maps.groups.hostID(of: 5) == nil { context.terminalGroup = nil }
      let range = { (mapping: IDMapping) in
        MountIDMap.Range(containerID: mapping.containerID, hostID: mapping.hostID, count: mapping.count)
      }
      context.idMap = MountIDMap(users: maps.users.mappings.map(range), groups: maps.groups.mappings.map(range))
    }
    return context
  }

  /// Fills in what only the container's directory can give: the writable layer, and the files in /etc.
  private func prepare(_ rootFS: inout RootFS) throws(ContainrError) {
    if case .overlay(var overlay) = rootFS.source, overlay.writableLayer == .none {
      switch configuration.writableLayer {
      case .disk:
        overlay.writableLayer = .directories(
          upper: directory.path.appending("upper"), work: directory.path.appending("work"), durable: false)
      case .memory(let limit):
        overlay.writableLayer = .memory(staging: directory.path.appending("layer"), limit: limit)
      case .none: break
      }
      rootFS.source = .overlay(overlay)
    }
    guard configuration.hostFiles == .managed else { return }
    var files: [Mount] = []
    for name in ["hosts", "hostname"] {
      files.append(.bind(from: directory.path.appending(name), to: try RootedPath("/etc/" + name)))
    }
    if configuration.network == .host, access("/etc/resolv.conf", F_OK) == 0 {
      files.append(.bind(from: "/etc/resolv.conf", to: try RootedPath("/etc/resolv.conf"), readOnly: true))
    }
    // Before the caller's own mounts, which may replace them.
    let position = min(rootFS.mounts.count, Mount.defaults.count)
    rootFS.mounts.insert(contentsOf: files, at: position)
  }

  /// Starts the first process. What was acquired is given back where that fails.
  mutating func start(streams: consuming StreamEnds, traced: Bool) throws(ContainrError) -> StartedProcess {
    do throws(ContainrError) {
      return try launch(streams: streams, traced: traced)
    } catch {
      throw giveBack(after: error)
    }
  }

  private mutating func launch(streams: borrowing StreamEnds, traced: Bool) throws(ContainrError) -> StartedProcess {
    let join = try CgroupJoinHolder(cgroup)
    var plan = try plan(streams: streams, join: join)
    faults.change(&plan)
    try faults.pass(.planned)
    let session = try LaunchSession(plan, traced: traced)
    while let barrier = try session.next() {
      if barrier == .idMaps, let maps = configuration.userNamespace { try maps.write(pid: session.pid) }
      try session.pass()
    }
    var result = try session.finish()
    withExtendedLifetime(join) {}
    let terminal = result.descriptor.take()
    let durations = result.durations
    let process = result.takeProcess()
    do throws(ContainrError) {
      try directory.record(try ProcessIdentity(process).json)
      try faults.pass(.started)
    } catch {
      try process.send(.kill)
      _ = try process.reap()
      throw error
    }
    return StartedProcess(process: process, terminal: terminal, plan: plan, durations: durations)
  }
}

/// A process that runs its program, with its terminal.
struct StartedProcess: ~Copyable {
  let process: ProcessDescriptor
  var terminal: OwnedDescriptor?
  let plan: LaunchPlan
  let durations: [Duration]?

  init(
    process: consuming ProcessDescriptor, terminal: consuming OwnedDescriptor?, plan: LaunchPlan, durations: [Duration]?
  ) {
    self.process = process
    self.terminal = terminal
    self.plan = plan
    self.durations = durations
  }

  consuming func takeProcess() -> ProcessDescriptor { process }
}

/// Makes a start fail on purpose.
struct FaultInjection: Sendable {
  var step: ContainerLauncher.Step?
  var operation: Int?

  init(step: ContainerLauncher.Step? = nil, operation: Int? = nil) {
    self.step = step
    self.operation = operation
  }

  func pass(_ step: ContainerLauncher.Step) throws(ContainrError) {
    if self.step == step { throw ContainrError(.internalError, "failing on purpose after \(step)") }
  }

  func change(_ plan: inout LaunchPlan) {
    if let operation { plan.fail(at: operation) }
  }
}

extension RootFSSlots {
  fileprivate var procfs: LaunchSlot {
    get throws(ContainrError) {
      guard let proc else {
        throw ContainrError(.invalidConfiguration, "setting kernel parameters", hint: "that needs a proc mount")
      }
      return proc
    }
  }
}
