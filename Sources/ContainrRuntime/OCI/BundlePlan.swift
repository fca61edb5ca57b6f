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

/// The launch plan of a bundle's first process: it makes the environment, waits to be started, and runs the program.
struct BundlePlan {
  private(set) var plan = LaunchPlan()
  /// How many operations come before those that follow the start.
  private(set) var operationsBeforeStart = 0
  /// Whether the filter is loaded after the start.
  let filtersAtStart: Bool

  private let spec: OCI.RuntimeSpec
  private let process: OCI.RuntimeSpec.Process
  private let linux: OCI.RuntimeSpec.Linux
  private let namespaces: Namespaces
  private let options: CreateOptions
  private let state: OCI.State

  /// What of the host a plan refers to.
  struct Surroundings {
    var root: FilePath
    var layout: CgroupLayout?
    var cgroup: Cgroup?
    var join: CgroupJoinHolder?
    var capabilities: Capabilities
    var filter: SeccompFilter?
    /// The socket at which the process waits to be started.
    var listener: CInt
  }

  init(
    _ spec: OCI.RuntimeSpec, process: OCI.RuntimeSpec.Process, namespaces: Namespaces, state: OCI.State,
    options: CreateOptions, _ surroundings: Surroundings
  ) throws(ContainrError) {
    self.spec = spec
    self.process = process
    self.namespaces = namespaces
    self.state = state
    self.options = options
    linux = spec.linux ?? OCI.RuntimeSpec.Linux()
    filtersAtStart = surroundings.filter.map { process.noNewPrivileges == true && !$0.notifies } ?? false
    plan.isDetached = true
    try enter(surroundings)
    try appendRoot(surroundings)
    if let policy = linux.memoryPolicy { plan.append(.attribute(try policy.attribute())) }
    if linux.personality?.domain == .linux32 { plan.append(.attribute(.personality(8))) }
    try plan.append(
      process, capabilities: surroundings.capabilities, filter: surroundings.filter,
      setsGroups: try setsGroups())
    try appendStart(surroundings)
  }

  // MARK: Namespaces

  private mutating func enter(_ surroundings: Surroundings) throws(ContainrError) {
    for number in 0..<options.preservedDescriptors { _ = plan.inherit(CInt(3 + number)) }
    // What only the parent can record comes first: a process of which nobody has a note gives up.
    plan.append(.barrier(.cgroups, socket: plan.makeParentSocket()))
    try plan.enter(namespaces)
    plan.join(surroundings.join)
    plan.enterCgroupNamespace(namespaces)
    plan.append(.fileModeMask(0))
    if namespaces.uts == .new {
      if let name = spec.hostname, !name.isEmpty { plan.append(.hostname(name)) }
      if let name = spec.domainname, !name.isEmpty { plan.append(.domainName(name)) }
    }
    if namespaces.net == .new { plan.append(.interfaceUp("lo")) }
    if !options.keepsKeyring { plan.append(.sessionKeyring(name: "_ses.\(state.id)")) }
  }

  // MARK: The root

  private mutating func appendRoot(_ surroundings: Surroundings) throws(ContainrError) {
    guard namespaces.mnt != .host else {
      throw ContainrError(
        .unsupported, "making the root of the container \(state.id)",
        hint: "a container without a mount namespace of its own would change the host's mounts")
    }
    var rootFS = RootFS(.directory(surroundings.root))
    rootFS.isReadOnly = spec.root?.readonly ?? false
    rootFS.change = options.usesChroot ? .chroot : .pivot
    rootFS.propagation = MountPropagation(linux.rootfsPropagation)
    rootFS.mounts = try mounts(surroundings)
    for device in linux.devices ?? [] {
      let node = try DeviceNode(device)
      rootFS.devices.removeAll { $0.path == node.path }
      rootFS.devices.append(node)
    }
    rootFS.maskedPaths = linux.maskedPaths ?? []
    rootFS.readonlyPaths = linux.readonlyPaths ?? []

    var context = RootFSContext()
    // Engines without root make the user namespace themselves and call from inside.
    context.isInUserNamespace = namespaces.user != .host || OCIRuntime.isRootless
    context.ownsNetworkNamespace = !(context.isInUserNamespace && namespaces.net == .host)
    if let maps = namespaces.idMaps { context.idMap = MountIDMap(maps) }
    // The document says who owns terminals: the group 5 need not be mapped.
    context.terminalGroup = nil
    if let layout = surroundings.layout {
      context.cgroupHierarchies = layout.v1.map { $0.controllers.names(.v1) }
      context.showsUnifiedCgroup = layout.unified != nil
    }
    let (own, sysctl) = (process, linux.sysctl ?? [:])
    let labels = try own.securityLabels()
    let slots = try plan.append(rootFS: rootFS, context: context) { plan, slots throws(ContainrError) in
      // While /proc/sys and the root can still be written to.
      plan.append(.makeDirectory(root: slots.root, path: own.cwd, mode: 0o755))
      let proc: LaunchSlot
      if let own = slots.proc { proc = own } else { proc = try plan.hostProc() }
      for (name, value) in sysctl.sorted(by: { $0.key < $1.key }) {
        plan.append(.writeProc(proc, path: "sys/" + name.replacingDots, text: value))
      }
      if let adjustment = own.oomScoreAdj {
        plan.append(.writeProc(proc, path: "self/oom_score_adj", text: String(adjustment)))
      }
      for label in labels { plan.append(label: label, procfs: proc) }
      if own.terminal == true {
        guard let devpts = slots.devpts else {
          throw ContainrError(.terminal, "making the terminal", hint: "a terminal needs a mount of type devpts at /dev/pts")
        }
        let size = TerminalSize(
          rows: UInt16(clamping: own.consoleSize?.height ?? 0), columns: UInt16(clamping: own.consoleSize?.width ?? 0))
        plan.appendTerminal(size, devpts: devpts, root: slots.root, owner: own.user.uid)
      } else {
        plan.append(.newSession)
      }
      // The specification's points: the runtime's own namespaces, then the container's, both before the root changes.
      plan.append(.barrier(.hooks, socket: plan.makeParentSocket()))
    }
    for hook in spec.hooks?.createContainer ?? [] { plan.append(try hook.operation(creating)) }
    if namespaces.mnt == .new { plan.appendChangeOfRoot(rootFS, slots: slots) }
  }

  /// False in a user namespace in which setgroups(2) is denied (user_namespaces(7)), the caller's own too.
  private func setsGroups() throws(ContainrError) -> Bool {
    if let maps = namespaces.idMaps { return !maps.deniesSetgroups }
    guard namespaces.user == .host, OCIRuntime.isRootless else { return true }
    return try !FileContents.text("/proc/self/setgroups").hasPrefix("deny")
  }

  private var creating: OCI.State {
    var state = state
    state.status = .creating
    return state
  }

  private func mounts(_ surroundings: Surroundings) throws(ContainrError) -> [Mount] {
    var mounts: [Mount] = []
    for mount in spec.mounts ?? [] {
      var map: MountIDMap?
      if let users = mount.uidMappings, let groups = mount.gidMappings { map = MountIDMap(users: users, groups: groups) }
      var source = mount.source
      let isBind = mount.type == "bind" || (mount.options ?? []).contains { $0 == "bind" || $0 == "rbind" }
      // A relative source starts at the bundle.
      if isBind, let path = source, !path.hasPrefix("/") { source = state.bundle + "/" + path }
      var made = try Mount(
        ociType: mount.type, source: source, destination: mount.destination, options: mount.options ?? [], idMap: map)
      if let label = linux.mountLabel, !label.isEmpty, made.label == nil, made.takesLabel { made.label = try MountLabel(label) }
      if made.kind == .cgroup, namespaces.cgroup == .host {
        mounts += try cgroupMounts(made, surroundings)
      } else {
        mounts.append(made)
      }
    }
    return mounts
  }

  /// Without a cgroup namespace a cgroup file system shows the whole machine: the container's own directories are bound
  /// instead.
  private func cgroupMounts(_ mount: Mount, _ surroundings: Surroundings) throws(ContainrError) -> [Mount] {
    guard let layout = surroundings.layout, let cgroup = surroundings.cgroup else { return [] }
    func bind(_ controllers: CgroupControllers, _ destination: RootedPath) -> Mount? {
      guard let directory = cgroup.directory(controllers) else { return nil }
      var own = mount
      own.kind = .bind(source: directory, recursive: false)
      own.destination = destination
      return own
    }
    if layout.v1.isEmpty { return [bind(.unified, mount.destination)].compactMap { $0 } }
    var mounts = [
      Mount(.tmpfs(size: nil, mode: 0o755), at: mount.destination, attributes: mount.attributes.subtracting(.readOnly))
    ]
    for hierarchy in layout.v1 {
      let name = hierarchy.controllers.names(.v1).joined(separator: ",")
      if let own = bind(hierarchy.controllers, try RootedPath("\(mount.destination)/\(name)")) { mounts.append(own) }
    }
    if mount.attributes.contains(.readOnly) {
      mounts.append(Mount(.remount, at: mount.destination, attributes: .readOnly))
    }
    return mounts
  }

  // MARK: The start

  private mutating func appendStart(_ surroundings: Surroundings) throws(ContainrError) {
    plan.append(.findProgram(paths: LaunchPlan.programs(process), command: process.args?.first ?? ""))
    // Who enters the container must not reach this program through the process that waits.
    plan.append(.control(.dumpable(false)))
    plan.append(.barrier(.start, socket: plan.makeParentSocket()))
    plan.append(.awaitStart(plan.inherit(surroundings.listener), first: UInt32(3 + options.preservedDescriptors)))
    operationsBeforeStart = plan.operations.count
    let filter =
      filtersAtStart ? surroundings.filter.map { LaunchOperation.seccomp(filter: $0.bytes, flags: $0.flags.rawValue) } : nil
    for operation in try Self.afterStart(process, hooks: spec.hooks, state: state, filter: filter) { plan.append(operation) }
  }

  /// What the process does once it is started: the same list, whoever asks for it.
  static func afterStart(
    _ process: OCI.RuntimeSpec.Process, hooks: OCI.RuntimeSpec.Hooks?, state: OCI.State, filter: LaunchOperation?
  ) throws(ContainrError) -> [LaunchOperation] {
    var operations: [LaunchOperation] = []
    for hook in hooks?.startContainer ?? [] { operations.append(try hook.operation(state)) }
    if let filter { operations.append(filter) }
    operations.append(
      .execute(paths: LaunchPlan.programs(process), arguments: process.args ?? [], environment: process.env ?? []))
    return operations
  }
}
