import ContainrCore

extension OCI.RuntimeSpec {
  /// Every MUST of the specification that this configuration breaks, as far as the document alone shows it.
  ///
  /// What depends on the machine, such as a directory that must exist, shows when the container is made.
  public var violations: [Violation] {
    var check = Check()
    check.version(ociVersion)
    if let root { check.root(root) } else { check.add("$", "the key \"root\" is missing", "config.md#root") }
    if let process { check.process(process, at: "$.process") }
    for (index, mount) in (mounts ?? []).enumerated() { check.mount(mount, at: "$.mounts[\(index)]") }
    if let hooks { check.hooks(hooks) }
    if let annotations { check.annotations(annotations) }
    if let linux { check.linux(linux) }
    check.names(self)
    return check.violations
  }

  /// Throws an error that lists the violations, where there are any.
  ///
  /// - Throws: `INVALID_CONFIGURATION`.
  public func validate() throws(ContainrError) {
    let violations = violations
    guard violations.isEmpty else { throw Self.error(violations) }
  }

  static func error(_ violations: [Violation]) -> ContainrError {
    ContainrError(
      .invalidConfiguration, "checking the container's configuration",
      hint: violations.map(\.description).joined(separator: "; "), fields: ["path": violations[0].path])
  }
}

extension OCI.RuntimeSpec.Process {
  /// What is wrong with a process on its own, as `exec` takes it.
  public var violations: [OCI.RuntimeSpec.Violation] {
    var check = Check()
    check.process(self, at: "$")
    return check.violations
  }

  /// Throws an error that lists the violations, where there are any.
  ///
  /// - Throws: `INVALID_CONFIGURATION`.
  public func validate() throws(ContainrError) {
    let violations = violations
    guard violations.isEmpty else { throw OCI.RuntimeSpec.error(violations) }
  }
}

/// Collects violations.
private struct Check {
  private(set) var violations: [OCI.RuntimeSpec.Violation] = []

  mutating func add(_ path: String, _ message: String, _ section: String) {
    violations.append(OCI.RuntimeSpec.Violation(path: path, message: message, section: section))
  }

  private mutating func absolute(_ path: String, at place: String, _ section: String) {
    if !path.hasPrefix("/") { add(place, "\(JSON.quoted(path)) is not an absolute path", section) }
    noNUL(path, at: place, section)
  }

  private mutating func noNUL(_ text: String, at place: String, _ section: String) {
    if text.utf8.contains(0) { add(place, "holds a NUL character", section) }
  }

  // MARK: config.md

  mutating func version(_ version: String) {
    let section = "config.md#specification-version"
    let core = version.prefix { $0 != "-" && $0 != "+" }
    let numbers = core.split(separator: ".", omittingEmptySubsequences: false)
    guard numbers.count == 3, numbers.allSatisfy({ UInt32($0) != nil && $0.first != "+" }) else {
      add("$.ociVersion", "\(JSON.quoted(version)) is no version in the form of SemVer 2.0.0", section)
      return
    }
    if UInt32(numbers[0]) != 1 {
      add("$.ociVersion", "version \(version) is not supported; 1.0.0 to \(OCI.RuntimeSpec.currentVersion) are", section)
    }
  }

  mutating func root(_ root: OCI.RuntimeSpec.Root) {
    if root.path.isEmpty { add("$.root.path", "is empty", "config.md#root") }
    noNUL(root.path, at: "$.root.path", "config.md#root")
  }

  mutating func process(_ process: OCI.RuntimeSpec.Process, at place: String) {
    let section = "config.md#process"
    absolute(process.cwd, at: place + ".cwd", section)
    if process.args?.isEmpty ?? true { add(place + ".args", "needs at least one entry", section) }
    for (index, argument) in (process.args ?? []).enumerated() { noNUL(argument, at: "\(place).args[\(index)]", section) }
    for (index, entry) in (process.env ?? []).enumerated() {
      noNUL(entry, at: "\(place).env[\(index)]", section)
      guard let equals = entry.utf8.firstIndex(of: UInt8(ascii: "=")), equals > entry.startIndex else {
        add("\(place).env[\(index)]", "\(JSON.quoted(entry)) is not in the form NAME=value", section)
        continue
      }
    }
    var types: Set<String> = []
    for (index, limit) in (process.rlimits ?? []).enumerated() {
      let path = "\(place).rlimits[\(index)]"
      if !types.insert(limit.type).inserted { add(path + ".type", "\(limit.type) is set twice", "config.md#posix-process") }
      if limit.soft > limit.hard { add(path, "the soft limit is above the hard one", "config.md#posix-process") }
    }
    if let adjustment = process.oomScoreAdj, !(-1000...1000).contains(adjustment) {
      add(place + ".oomScoreAdj", "\(adjustment) is not from -1000 to 1000", "config.md#linux-process")
    }
    if let priority = process.ioPriority, !(0...7).contains(priority.priority) {
      add(place + ".ioPriority.priority", "\(priority.priority) is not from 0 to 7", "config.md#linux-process")
    }
    if let scheduler = process.scheduler { self.scheduler(scheduler, at: place + ".scheduler") }
    if let affinity = process.execCPUAffinity {
      list(affinity.initial, at: place + ".execCPUAffinity.initial", "config.md#linux-process")
      list(affinity.final, at: place + ".execCPUAffinity.final", "config.md#linux-process")
    }
  }

  private mutating func scheduler(_ scheduler: OCI.RuntimeSpec.Process.Scheduler, at place: String) {
    let section = "config.md#linux-process"
    if let nice = scheduler.nice, !(-20...19).contains(nice) { add(place + ".nice", "\(nice) is not from -20 to 19", section) }
    let isRealTime = scheduler.policy == .fifo || scheduler.policy == .roundRobin
    if let priority = scheduler.priority, priority != 0, !isRealTime {
      add(place + ".priority", "only SCHED_FIFO and SCHED_RR have one", section)
    }
    let deadline = [scheduler.runtime, scheduler.deadline, scheduler.period].contains { ($0 ?? 0) != 0 }
    if deadline, scheduler.policy != .deadline {
      add(place, "runtime, deadline and period belong to SCHED_DEADLINE", section)
    }
  }

  mutating func mount(_ mount: OCI.RuntimeSpec.Mount, at place: String) {
    let section = "config.md#mounts"
    // Before 1.1 a relative path was allowed, and means one from the root.
    if mount.destination.isEmpty { add(place + ".destination", "is empty", section) }
    noNUL(mount.destination, at: place + ".destination", section)
    if (mount.uidMappings == nil) != (mount.gidMappings == nil) {
      add(place, "uidMappings and gidMappings go together", section)
    }
  }

  mutating func hooks(_ hooks: OCI.RuntimeSpec.Hooks) {
    for (name, list) in [
      ("prestart", hooks.prestart), ("createRuntime", hooks.createRuntime), ("createContainer", hooks.createContainer),
      ("startContainer", hooks.startContainer), ("poststart", hooks.poststart), ("poststop", hooks.poststop),
    ] {
      for (index, hook) in (list ?? []).enumerated() {
        let place = "$.hooks.\(name)[\(index)]"
        absolute(hook.path, at: place + ".path", "config.md#posix-platform-hooks")
        if let timeout = hook.timeout, timeout <= 0 {
          add(place + ".timeout", "\(timeout) is not greater than zero", "config.md#posix-platform-hooks")
        }
      }
    }
  }

  mutating func annotations(_ annotations: [String: String]) {
    if annotations.keys.contains("") { add("$.annotations", "an empty key", "config.md#annotations") }
  }

  /// What needs a namespace of the container's own.
  mutating func names(_ spec: OCI.RuntimeSpec) {
    let own = Set((spec.linux?.namespaces ?? []).map(\.type))
    if let hostname = spec.hostname, !hostname.isEmpty, !own.contains(.uts) {
      add("$.hostname", "a host name needs a uts namespace of the container's own", "config.md#hostname")
    }
    if let domainname = spec.domainname, !domainname.isEmpty, !own.contains(.uts) {
      add("$.domainname", "a domain name needs a uts namespace of the container's own", "config.md#domainname")
    }
  }

  // MARK: config-linux.md

  mutating func linux(_ linux: OCI.RuntimeSpec.Linux) {
    var kinds: Set<OCI.RuntimeSpec.Linux.Namespace.Kind> = []
    for (index, namespace) in (linux.namespaces ?? []).enumerated() {
      let place = "$.linux.namespaces[\(index)]"
      if !kinds.insert(namespace.type).inserted {
        add(place + ".type", "the \(namespace.type.rawValue) namespace is listed twice", "config-linux.md#namespaces")
      }
      if let path = namespace.path { absolute(path, at: place + ".path", "config-linux.md#namespaces") }
    }
    if linux.uidMappings?.isEmpty == false || linux.gidMappings?.isEmpty == false, !kinds.contains(.user) {
      add("$.linux.uidMappings", "id mappings need a user namespace", "config-linux.md#user-namespace-mappings")
    }
    if linux.timeOffsets?.isEmpty == false, !kinds.contains(.time) {
      add("$.linux.timeOffsets", "time offsets need a time namespace", "config-linux.md#offset-for-time-namespace")
    }
    for clock in (linux.timeOffsets ?? [:]).keys.sorted() where clock != "monotonic" && clock != "boottime" {
      add(
        "$.linux.timeOffsets", "\(JSON.quoted(clock)) is none of monotonic, boottime",
        "config-linux.md#offset-for-time-namespace")
    }
    for (index, device) in (linux.devices ?? []).enumerated() {
      absolute(device.path, at: "$.linux.devices[\(index)].path", "config-linux.md#devices")
    }
    for (name, paths) in [("maskedPaths", linux.maskedPaths), ("readonlyPaths", linux.readonlyPaths)] {
      for (index, path) in (paths ?? []).enumerated() {
        absolute(
          path, at: "$.linux.\(name)[\(index)]",
          name == "maskedPaths" ? "config-linux.md#masked-paths" : "config-linux.md#readonly-paths")
      }
    }
    if let linuxSeccomp = linux.seccomp { seccomp(linuxSeccomp) }
    if let rdt = linux.intelRdt { intelRdt(rdt) }
    if let flags = linux.personality?.flags, !flags.isEmpty {
      add("$.linux.personality.flags", "the specification has no flags", "config-linux.md#personality")
    }
    netDevices(linux.netDevices ?? [:])
    if let resources = linux.resources { self.resources(resources) }
  }

  private mutating func seccomp(_ document: JSON) {
    guard case .object(let object) = document else { return }
    if object["listenerMetadata"] != nil, object["listenerPath"] == nil {
      add("$.linux.seccomp.listenerMetadata", "needs a listenerPath", "config-linux.md#seccomp")
    }
  }

  private mutating func intelRdt(_ rdt: OCI.RuntimeSpec.Linux.IntelRdt) {
    let section = "config-linux.md#intelrdt"
    if let id = rdt.closID, id.isEmpty || id == "." || id == ".." || id.contains("/") {
      add("$.linux.intelRdt.closID", "\(JSON.quoted(id)) is no name of a directory", section)
    }
    if let schema = rdt.memBwSchema, !schema.hasPrefix("MB:") || schema.contains("\n") {
      add("$.linux.intelRdt.memBwSchema", "starts with MB: and has one line", section)
    }
  }

  private mutating func netDevices(_ devices: [String: OCI.RuntimeSpec.Linux.NetDevice]) {
    let section = "config-linux.md#network-devices"
    var inside: Set<String> = []
    for (name, device) in devices.sorted(by: { $0.key < $1.key }) {
      for text in [name, device.name].compactMap({ $0 }) where !Self.isInterfaceName(text) {
        add("$.linux.netDevices", "\(JSON.quoted(text)) is no name of a network interface", section)
      }
      if !inside.insert(device.name ?? name).inserted {
        add("$.linux.netDevices", "two interfaces would be called \(device.name ?? name)", section)
      }
    }
  }

  /// What `dev_valid_name` of the kernel accepts.
  private static func isInterfaceName(_ name: String) -> Bool {
    (1..<16).contains(name.utf8.count) && name != "." && name != ".."
      && !name.utf8.contains { $0 == 0x2f || $0 == 0x3a || $0 == 0x25 || $0 <= 0x20 }
  }

  private mutating func resources(_ resources: OCI.RuntimeSpec.Linux.Resources) {
    let place = "$.linux.resources"
    for (index, line) in (resources.devices ?? []).enumerated() {
      if let type = line.type, !["a", "b", "c", ""].contains(type) {
        add("\(place).devices[\(index)].type", "\(JSON.quoted(type)) is none of a, b, c", "config-linux.md#allowed-device-list")
      }
      if let access = line.access, access.contains(where: { !"rwm".contains($0) }) {
        add(
          "\(place).devices[\(index)].access", "\(JSON.quoted(access)) holds more than r, w and m",
          "config-linux.md#allowed-device-list")
      }
    }
    if let swappiness = resources.memory?.swappiness, swappiness > 100 {
      add(place + ".memory.swappiness", "\(swappiness) is not from 0 to 100", "config-linux.md#memory")
    }
    if let cpu = resources.cpu {
      if let quota = cpu.quota, quota > 0, let burst = cpu.burst, burst > UInt64(quota) {
        add(place + ".cpu.burst", "is larger than the quota", "config-linux.md#cpu")
      }
      list(cpu.cpus, at: place + ".cpu.cpus", "config-linux.md#cpu")
      list(cpu.mems, at: place + ".cpu.mems", "config-linux.md#cpu")
    }
    for (index, device) in (resources.blockIO?.weightDevice ?? []).enumerated()
    where device.weight == nil && device.leafWeight == nil {
      add("\(place).blockIO.weightDevice[\(index)]", "needs a weight or a leafWeight", "config-linux.md#block-io")
    }
    for (name, device) in (resources.rdma ?? [:]).sorted(by: { $0.key < $1.key })
    where device.hcaHandles == nil && device.hcaObjects == nil {
      add("\(place).rdma.\(name)", "needs hcaHandles or hcaObjects", "config-linux.md#rdma")
    }
  }

  /// A list of numbers and ranges, `0-3,8`; empty is none.
  private mutating func list(_ text: String?, at place: String, _ section: String) {
    guard let text, !text.isEmpty else { return }
    let isList = text.split(separator: ",", omittingEmptySubsequences: false).allSatisfy { part in
      let ends = part.split(separator: "-", omittingEmptySubsequences: false).map { part in
        part.allSatisfy(\.isNumber) ? UInt32(part) : nil
      }
      switch ends.count {
      case 1: return ends[0] != nil
      case 2: if let low = ends[0], let high = ends[1] { return low <= high } else { return false }
      default: return false
      }
    }
    if !isList { add(place, "\(JSON.quoted(text)) is no list such as 0-3,8", section) }
  }
}
