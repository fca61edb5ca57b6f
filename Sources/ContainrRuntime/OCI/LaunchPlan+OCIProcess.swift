import ContainrCore
import ContainrLaunch
import ContainrOCI
import ContainrSecurity
import Glibc

extension LaunchPlan {
  /// The rights of a process of an OCI document, in the order in which each step still has the privilege that it needs.
  ///
  /// - Parameters:
  ///   - filter: loaded here unless the process gains no new privileges: then it can wait until the last moment, and the
  ///     caller appends it there.
  ///   - setsGroups: false in a user namespace in which setgroups(2) is denied.
  mutating func append(
    _ process: OCI.RuntimeSpec.Process, capabilities: Capabilities, filter: SeccompFilter?, setsGroups: Bool
  ) throws(ContainrError) {
    for limit in process.rlimits ?? [] {
      let limit = try ResourceLimit(limit)
      append(.resourceLimit(resource: limit.resource.rawValue, soft: limit.soft, hard: limit.hard))
    }
    if let scheduler = process.scheduler { append(.attribute(.scheduler(scheduler.bytes))) }
    if let priority = process.ioPriority {
      let number: UInt64 =
        switch priority.class {
        case .realtime: 1
        case .bestEffort: 2
        case .idle: 3
        }
      append(.attribute(.ioPriority(number << 13 | UInt64(priority.priority))))
    }
    let gainsNothing = process.noNewPrivileges ?? false
    if let filter, !gainsNothing || filter.notifies {
      if gainsNothing { append(.control(.noNewPrivileges)) }
      append(filter)
    }
    append(.boundingCapabilities(capabilities.bounding.rawValue))
    if setsGroups { append(.groups(process.user.additionalGids ?? [])) }
    if process.user.uid != 0, !capabilities.permitted.isEmpty { append(.control(.keepCapabilities)) }
    append(.ids(uid: process.user.uid, gid: process.user.gid))
    append(
      .capabilities(
        effective: capabilities.effective.rawValue, permitted: capabilities.permitted.rawValue,
        inheritable: capabilities.inheritable.rawValue))
    append(.ambientCapabilities(capabilities.ambient.rawValue))
    append(.fileModeMask(process.user.umask ?? 0o022))
    append(.workingDirectory(process.cwd))
    if gainsNothing { append(.control(.noNewPrivileges)) }
    append(.signals())
  }
}

extension OCI.RuntimeSpec.Process.Scheduler {
  /// `struct sched_attr` (sched_setattr(2)), the first published size.
  var bytes: [UInt8] {
    let policyNumber: UInt32 =
      switch policy {
      case .other: 0
      case .fifo: 1
      case .roundRobin: 2
      case .batch: 3
      case .iso: 4
      case .idle: 5
      case .deadline: 6
      }
    var flagBits: UInt64 = 0
    for flag in flags ?? [] {
      switch flag {
      case .resetOnFork: flagBits |= 0x01
      case .reclaim: flagBits |= 0x02
      case .deadlineOverrun: flagBits |= 0x04
      case .keepPolicy: flagBits |= 0x08
      case .keepParameters: flagBits |= 0x10
      case .utilClampMin: flagBits |= 0x20
      case .utilClampMax: flagBits |= 0x40
      }
    }
    var bytes: [UInt8] = []
    func add(_ value: some FixedWidthInteger) { withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) } }
    add(UInt32(48))
    add(policyNumber)
    add(flagBits)
    add(nice ?? 0)
    add(UInt32(bitPattern: priority ?? 0))
    add(runtime ?? 0)
    add(deadline ?? 0)
    add(period ?? 0)
    return bytes
  }
}
