import ContainrCgroups
import ContainrCore
import ContainrOCI

extension CgroupResources {
  /// Reads the limits of an OCI document (runtime-spec config-linux.md#control-groups).
  ///
  /// `-1` is no limit. `memory.kernel`, `memory.kernelTCP` and `memory.useHierarchy` have no effect on any kernel of today and
  /// are passed over, as the specification has it: they are not recommended.
  ///
  /// - Throws: `INVALID_ARGUMENT`, `INVALID_CONFIGURATION` for values that no kernel takes.
  public init(_ resources: OCI.RuntimeSpec.Linux.Resources) throws(ContainrError) {
    self.init()
    if let source = resources.memory { try read(source) }
    if let source = resources.cpu { try read(source) }
    if let limit = resources.pids?.limit { pids.limit = limit <= 0 ? .max : .value(UInt64(limit)) }
    if let source = resources.blockIO { try read(source) }
    for entry in resources.hugepageLimits ?? [] {
      // "2MB" is 2 MiB here.
      let size = try ByteCount(parsing: String(entry.pageSize.hasSuffix("B") ? entry.pageSize.dropLast() : entry.pageSize[...]))
      hugetlb[size] = Hugetlb(limit: .value(ByteCount(entry.limit)))
    }
    network.classID = resources.network?.classID
    for priority in resources.network?.priorities ?? [] { network.priorities[priority.name] = priority.priority }
    for (name, limits) in resources.rdma ?? [:] {
      rdma[name] = RDMA(
        handles: limits.hcaHandles.map { .value(UInt64($0)) }, objects: limits.hcaObjects.map { .value(UInt64($0)) })
    }
    unified = resources.unified ?? [:]
    if let lines = resources.devices {
      var rules: [DeviceRule] = []
      for line in lines { rules.append(try DeviceRule(line)) }
      // The default devices are there whatever the list says (config-linux.md#default-devices).
      devices = rules + DeviceRule.containerDefaults
    }
  }

  private mutating func read(_ source: OCI.RuntimeSpec.Linux.Resources.Memory) throws(ContainrError) {
    memory.limit = try Self.bytes(source.limit, "memory.limit")
    memory.reservation = try Self.bytes(source.reservation, "memory.reservation")
    memory.limitWithSwap = try Self.bytes(source.swap, "memory.swap")
    memory.swappiness = source.swappiness
    // The default, written, would need a controller of version 1.
    if source.disableOOMKiller == true { memory.disableOOMKiller = true }
    if let checks = source.checkBeforeUpdate { memory.checkBeforeUpdate = checks }
  }

  /// 0 is "not set", as engines write it.
  private static func bytes(_ value: Int64?, _ name: String) throws(ContainrError) -> Limit<ByteCount>? {
    guard let value, value != 0 else { return nil }
    if value == -1 { return .max }
    guard value > 0 else {
      throw ContainrError(.invalidConfiguration, "reading the limit \(name)", hint: "\(value) bytes; -1 is no limit")
    }
    return .value(ByteCount(UInt64(value)))
  }

  private mutating func read(_ source: OCI.RuntimeSpec.Linux.Resources.CPU) throws(ContainrError) {
    if let shares = source.shares, shares != 0 { cpu.shares = shares }
    let period = source.period.flatMap { $0 == 0 ? nil : Duration.microseconds(Int64(clamping: $0)) }
    switch source.quota {
    case nil, 0: cpu.period = period
    case let quota? where quota > 0:
      cpu.quota = try CPUQuota(.microseconds(quota), each: period ?? CPUQuota.defaultPeriod)
    default: cpu.quota = try CPUQuota.max(each: period ?? CPUQuota.defaultPeriod)
    }
    cpu.burst = source.burst.map { .microseconds(Int64(clamping: $0)) }
    if let idle = source.idle { cpu.idle = idle == 1 }
    if let runtime = source.realtimeRuntime, runtime != 0 {
      cpu.realtimeRuntime = runtime < 0 ? .max : .value(.microseconds(runtime))
    }
    if let period = source.realtimePeriod, period != 0 { cpu.realtimePeriod = .microseconds(Int64(clamping: period)) }
    if let cpus = source.cpus, !cpus.isEmpty { cpuset.cpus = try CpusetList(cpus) }
    if let mems = source.mems, !mems.isEmpty { cpuset.mems = try CpusetList(mems) }
  }

  private mutating func read(_ source: OCI.RuntimeSpec.Linux.Resources.BlockIO) throws(ContainrError) {
    if let weight = source.weight, weight != 0 { blockIO.weight = UInt64(weight) }
    if let weight = source.leafWeight, weight != 0 { blockIO.leafWeight = UInt64(weight) }
    for device in source.weightDevice ?? [] {
      let number = try Self.device(device.major, device.minor)
      if let weight = device.weight, weight != 0 { blockIO.devices[number, default: .init()].weight = UInt64(weight) }
      if let weight = device.leafWeight, weight != 0 { blockIO.devices[number, default: .init()].leafWeight = UInt64(weight) }
    }
    for rate in source.throttleReadBpsDevice ?? [] {
      blockIO.devices[try Self.device(rate.major, rate.minor), default: .init()].readBytes = .value(ByteCount(rate.rate))
    }
    for rate in source.throttleWriteBpsDevice ?? [] {
      blockIO.devices[try Self.device(rate.major, rate.minor), default: .init()].writeBytes = .value(ByteCount(rate.rate))
    }
    for rate in source.throttleReadIOPSDevice ?? [] {
      blockIO.devices[try Self.device(rate.major, rate.minor), default: .init()].reads = .value(rate.rate)
    }
    for rate in source.throttleWriteIOPSDevice ?? [] {
      blockIO.devices[try Self.device(rate.major, rate.minor), default: .init()].writes = .value(rate.rate)
    }
  }

  private static func device(_ major: Int64, _ minor: Int64) throws(ContainrError) -> DeviceNumber {
    guard let major = UInt32(exactly: major), let minor = UInt32(exactly: minor) else {
      throw ContainrError(.invalidConfiguration, "reading a limit of block I/O", hint: "\(major):\(minor) is no device")
    }
    return DeviceNumber(major, minor)
  }
}

extension DeviceRule {
  /// Reads a line of an OCI device list. Numbers that are missing or -1 mean all.
  ///
  /// - Throws: `INVALID_CONFIGURATION`.
  init(_ line: OCI.RuntimeSpec.Linux.Resources.DeviceAccess) throws(ContainrError) {
    func number(_ value: Int64?) throws(ContainrError) -> UInt32? {
      guard let value, value != -1 else { return nil }
      guard let number = UInt32(exactly: value) else {
        throw ContainrError(.invalidConfiguration, "reading the device list", hint: "\(value) is no device number")
      }
      return number
    }
    guard let kind = Kind(rawValue: line.type.flatMap { $0.isEmpty ? nil : $0 } ?? "a") else {
      throw ContainrError(.invalidConfiguration, "reading the device list", hint: "\(line.type ?? "") is none of a, b, c")
    }
    var access: Access = []
    for letter in line.access ?? "rwm" {
      switch letter {
      case "r": access.insert(.read)
      case "w": access.insert(.write)
      case "m": access.insert(.mknod)
      default:
        throw ContainrError(.invalidConfiguration, "reading the device list", hint: "\(letter) is none of r, w, m")
      }
    }
    self.init(allow: line.allow, kind, try number(line.major), try number(line.minor), access: access)
  }
}
