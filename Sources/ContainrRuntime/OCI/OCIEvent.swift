import ContainrCgroups
import ContainrCore
import ContainrOCI

/// Something to tell of a container, a line of JSON each, as runc's `events` has it.
public enum OCIEvent: Sendable {
  /// What it uses and has used.
  case statistics(ContainerID, CgroupStatistics)
  /// Memory ran out.
  case outOfMemory(ContainerID)

  /// The document.
  public var json: JSON {
    switch self {
    case .outOfMemory(let id): ["type": "oom", "id": .string(id.description)]
    case .statistics(let id, let statistics):
      ["type": "stats", "id": .string(id.description), "data": Self.data(statistics)]
    }
  }

  private static func number(_ value: UInt64) -> JSON { JSON(integer: value) }

  private static func nanoseconds(_ duration: Duration) -> JSON {
    let (seconds, attoseconds) = duration.components
    return .integer(seconds * 1_000_000_000 + attoseconds / 1_000_000_000)
  }

  private static func data(_ statistics: CgroupStatistics) -> JSON {
    let cpu = statistics.cpu ?? .init()
    let memory = statistics.memory ?? .init()
    let pids = statistics.pids ?? .init()
    var huge = JSON.Object()
    for (size, use) in (statistics.hugetlb ?? [:]).sorted(by: { $0.key < $1.key }) {
      huge["\(size)"] = [
        "usage": number(use.usage.bytes), "max": number(use.peak?.bytes ?? 0), "failcnt": number(use.limitHits),
      ]
    }
    func operations(_ device: CgroupStatistics.IO.Device, _ name: String, _ value: UInt64) -> JSON {
      [
        "major": number(UInt64(device.number.major)), "minor": number(UInt64(device.number.minor)), "op": .string(name),
        "value": number(value),
      ]
    }
    let devices = statistics.io?.devices ?? []
    return [
      "cpu": [
        "usage": [
          "total": nanoseconds(cpu.usage), "kernel": nanoseconds(cpu.system), "user": nanoseconds(cpu.user),
        ],
        "throttling": [
          "periods": number(cpu.periods), "throttledPeriods": number(cpu.throttledPeriods),
          "throttledTime": nanoseconds(cpu.throttled),
        ],
      ],
      "memory": [
        "cache": number(memory.cache.bytes),
        "usage": [
          "limit": number(memory.limit?.bytes ?? UInt64.max), "usage": number(memory.usage.bytes),
          "max": number(memory.peak?.bytes ?? 0), "failcnt": number(memory.limitHits),
        ],
        "swap": ["usage": number(memory.swap.bytes), "limit": 0, "failcnt": 0],
        "kernel": ["usage": number(memory.kernel.bytes), "limit": 0, "failcnt": 0],
        "raw": [
          "cache": number(memory.cache.bytes), "rss": number(memory.anonymous.bytes), "anon": number(memory.anonymous.bytes),
          "file": number(memory.cache.bytes), "inactive_file": number(memory.inactiveFile.bytes),
          "total_inactive_file": number(memory.inactiveFile.bytes), "pgfault": number(memory.pageFaults),
          "pgmajfault": number(memory.majorPageFaults),
        ],
      ],
      "pids": ["current": number(pids.current), "limit": number(pids.limit ?? 0)],
      "blkio": [
        "ioServiceBytesRecursive": .array(
          devices.flatMap { [operations($0, "Read", $0.read.bytes), operations($0, "Write", $0.written.bytes)] }),
        "ioServicedRecursive": .array(
          devices.flatMap { [operations($0, "Read", $0.reads), operations($0, "Write", $0.writes)] }),
      ],
      "hugetlb": .object(huge),
      "intel_rdt": .object(JSON.Object()),
      "network_interfaces": .array([]),
    ]
  }
}

extension OCIRuntime {
  /// What a container uses and has used, as an event.
  ///
  /// - Throws: as ``statistics(_:)``.
  public func event(_ id: ContainerID) throws(ContainrError) -> OCIEvent { .statistics(id, try statistics(id)) }

  /// Tells of each time that memory runs out in a container, until its cgroup is gone.
  public func watchMemory(_ id: ContainerID, _ tell: @Sendable (OCIEvent) async throws -> Void) async throws {
    let record = try openRecord(id)
    guard let cgroup = try cgroup(record) else {
      throw ContainrError(.containerState, "watching the container \(id)", hint: "container not running")
    }
    for try await event in try cgroup.events() {
      if case .oomKill = event { try await tell(.outOfMemory(id)) }
    }
  }

  private func openRecord(_ id: ContainerID) throws(ContainrError) -> OCIContainerRecord {
    try record(id, try OCIContainerDirectory.open(id, in: root))
  }
}
