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

// What the documents say in the types of the libraries.

extension Namespaces {
  /// The namespaces of a configuration. A kind that is not listed is the runtime's own.
  init(_ linux: OCI.RuntimeSpec.Linux) throws(ContainrError) {
    self.init()
    for namespace in linux.namespaces ?? [] {
      self[NamespaceKind(namespace.type)] = namespace.path.map { .path(FilePath($0)) } ?? .new
    }
    if user == .new {
      let users = linux.uidMappings ?? []
      let groups = linux.gidMappings ?? []
      guard !users.isEmpty, !groups.isEmpty else {
        throw ContainrError(
          .invalidConfiguration, "reading the id mappings",
          hint: "a new user namespace needs linux.uidMappings and linux.gidMappings")
      }
      idMaps = IDMaps(users: try IDMap(users.map(IDMapping.init)), groups: try IDMap(groups.map(IDMapping.init)))
    }
    func offset(_ clock: String) -> Duration {
      let offset = linux.timeOffsets?[clock]
      return .seconds(offset?.secs ?? 0) + .nanoseconds(Int64(offset?.nanosecs ?? 0))
    }
    timeOffsets = TimeOffsets(monotonic: offset("monotonic"), boottime: offset("boottime"))
  }
}

extension NamespaceKind {
  init(_ kind: OCI.RuntimeSpec.Linux.Namespace.Kind) {
    switch kind {
    case .pid: self = .pid
    case .network: self = .net
    case .mount: self = .mnt
    case .ipc: self = .ipc
    case .uts: self = .uts
    case .user: self = .user
    case .cgroup: self = .cgroup
    case .time: self = .time
    }
  }
}

extension IDMapping {
  init(_ mapping: OCI.RuntimeSpec.IDMapping) {
    self.init(containerID: mapping.containerID, hostID: mapping.hostID, count: mapping.size)
  }
}

extension MountIDMap {
  init(users: [OCI.RuntimeSpec.IDMapping], groups: [OCI.RuntimeSpec.IDMapping]) {
    let range = { (mapping: OCI.RuntimeSpec.IDMapping) in
      Range(containerID: mapping.containerID, hostID: mapping.hostID, count: mapping.size)
    }
    self.init(users: users.map(range), groups: groups.map(range))
  }

  /// The map of a user namespace.
  init(_ maps: IDMaps) {
    let range = { (mapping: IDMapping) in
      Range(containerID: mapping.containerID, hostID: mapping.hostID, count: mapping.count)
    }
    self.init(users: maps.users.mappings.map(range), groups: maps.groups.mappings.map(range))
  }
}

extension MountPropagation {
  /// Without a word, mounts stay in: runc and crun keep `rprivate`.
  init(_ propagation: OCI.RuntimeSpec.MountPropagation?) {
    switch propagation {
    case .shared, .rshared: self = .shared
    case .slave, .rslave: self = .slave
    case .unbindable, .runbindable: self = .unbindable
    case .private, .rprivate, nil: self = .private
    }
  }
}

extension Mount {
  /// Whether the file system takes a label as a mount option.
  var takesLabel: Bool {
    switch kind {
    case .tmpfs, .mqueue, .devpts: true
    default: false
    }
  }
}

extension DeviceNode {
  /// A device of a configuration.
  init(_ device: OCI.RuntimeSpec.Linux.Device) throws(ContainrError) {
    let kind: Kind =
      switch device.type {
      case .character, .unbuffered: .character
      case .block: .block
      case .pipe: .pipe
      }
    guard let major = UInt32(exactly: device.major), let minor = UInt32(exactly: device.minor) else {
      throw ContainrError(
        .invalidConfiguration, "reading the device \(device.path)", hint: "\(device.major):\(device.minor) is no device number")
    }
    self.init(
      try RootedPath(device.path), kind, major: major, minor: minor, mode: (device.fileMode ?? 0o666) & 0o7777,
      uid: device.uid ?? 0, gid: device.gid ?? 0)
  }
}

extension ResourceLimit {
  /// A limit by its name in the specification, `RLIMIT_NOFILE`.
  init(_ limit: OCI.RuntimeSpec.Process.Rlimit) throws(ContainrError) {
    guard limit.type.hasPrefix("RLIMIT_"),
      let resource = Resource.allCases.first(where: { "\($0)".uppercased() == limit.type.dropFirst(7) })
    else {
      throw ContainrError(
        .invalidConfiguration, "reading the resource limits", hint: "\(limit.type) is no limit of getrlimit(2)")
    }
    self.init(resource, soft: limit.soft, hard: limit.hard)
  }
}

extension Capabilities {
  /// The sets of a configuration, without what the kernel does not know or the caller cannot give
  /// (config.md#linux-process); `dropped` gets the names of those.
  init(
    _ sets: OCI.RuntimeSpec.Process.Capabilities?, available: CapabilitySet, dropped: inout [String]
  ) {
    func set(_ names: [String]?) -> CapabilitySet {
      var set: CapabilitySet = []
      for name in names ?? [] {
        if case .success(let capability) = Result(catching: { () throws(ContainrError) in try Capability(named: name) }),
          available.contains(capability)
        {
          set.insert(capability)
        } else if !dropped.contains(name) {
          dropped.append(name)
        }
      }
      return set
    }
    self.init(
      bounding: set(sets?.bounding), effective: set(sets?.effective), permitted: set(sets?.permitted),
      inheritable: set(sets?.inheritable), ambient: set(sets?.ambient))
    // What the kernel would refuse.
    effective.formIntersection(permitted)
    ambient.formIntersection(permitted.intersection(inheritable))
  }
}

extension OCI.RuntimeSpec.Process {
  /// Adds the user's home directory to an environment that has none, from the root's own user database.
  func addingHome(from root: borrowing RootDirectory) throws(ContainrError) -> OCI.RuntimeSpec.Process {
    if env?.contains(where: { $0.hasPrefix("HOME=") }) ?? false { return self }
    var process = self
    let identity = try UserDatabase(in: root).identity(
      of: try UserSpecification(parsing: "\(user.uid):\(user.gid)"), additional: [])
    process.env = (env ?? []) + ["HOME=\(identity.home)"]
    return process
  }

  /// What security modules are asked for.
  func securityLabels() throws(ContainrError) -> [SecurityLabel] {
    var labels: [SecurityLabel] = []
    if let label = selinuxLabel, !label.isEmpty {
      if let (keys, process) = try SELinuxConfiguration(try SELinuxContext(parsing: label)).resolve() {
        labels += [keys, process]
      }
    }
    if let profile = apparmorProfile, !profile.isEmpty {
      if let label = try AppArmorConfiguration(parsing: profile).resolve() { labels.append(label) }
    }
    return labels
  }
}

extension LaunchPlan {
  /// The paths at which a program is looked for.
  static func programs(_ process: OCI.RuntimeSpec.Process) -> [String] {
    guard let command = process.args?.first, !command.contains("/") else { return [process.args?.first ?? ""] }
    let path =
      process.env?.last { $0.hasPrefix("PATH=") }?.dropFirst(5) ?? ProcessConfiguration.defaultPath[...]
    let places = path.split(separator: ":").map { "\($0)/\(command)" }
    return places.isEmpty ? [command] : places
  }

  /// The host's procfs, for a container that mounts none.
  mutating func hostProc() throws(ContainrError) -> LaunchSlot {
    inherit(owning: try OwnedDescriptor.open("/proc", flags: CInt(CL_O_PATH) | O_DIRECTORY))
  }
}

extension OCI.RuntimeSpec.Linux.MemoryPolicy {
  /// What set_mempolicy(2) is told.
  func attribute() throws(ContainrError) -> ProcessAttribute {
    var number: UInt64 =
      switch mode {
      case .default: 0
      case .preferred: 1
      case .bind: 2
      case .interleave: 3
      case .local: 4
      case .preferredMany: 5
      case .weightedInterleave: 6
      }
    for flag in flags ?? [] {
      switch flag {
      case .staticNodes: number |= 1 << 15
      case .relativeNodes: number |= 1 << 14
      case .numaBalancing: number |= 1 << 13
      }
    }
    var words: [UInt64] = []
    if let nodes, !nodes.isEmpty { words = try CpusetList(nodes).mask }
    return .memoryPolicy(mode: number, nodes: words)
  }
}
