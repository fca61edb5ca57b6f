/// A set of cgroup controllers.
///
/// The names are the kernel's of cgroup v1. ``unified`` stands for the cgroup v2 directory itself and what its core files
/// do without any controller: `cgroup.kill`, `cgroup.freeze`, `cpu.stat`, `CLONE_INTO_CGROUP` and device programs.
public struct CgroupControllers: OptionSet, Sendable, Hashable {
  /// One bit for each controller.
  public let rawValue: UInt32
  /// Makes a set from its bits.
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// CPU bandwidth and shares.
  public static let cpu = CgroupControllers(rawValue: 1 << 0)
  /// CPU usage; version 1 only, version 2 counts it in `cpu.stat` of every directory.
  public static let cpuacct = CgroupControllers(rawValue: 1 << 1)
  /// CPUs and memory nodes that may be used.
  public static let cpuset = CgroupControllers(rawValue: 1 << 2)
  /// Memory and swap.
  public static let memory = CgroupControllers(rawValue: 1 << 3)
  /// Device access; on version 2 an eBPF program on the directory, so no controller of its own.
  public static let devices = CgroupControllers(rawValue: 1 << 4)
  /// Freezing; version 1 only, a core file of version 2.
  public static let freezer = CgroupControllers(rawValue: 1 << 5)
  /// Block I/O: `blkio` of version 1, `io` of version 2.
  public static let blkio = CgroupControllers(rawValue: 1 << 6)
  /// The number of processes.
  public static let pids = CgroupControllers(rawValue: 1 << 7)
  /// Huge pages.
  public static let hugetlb = CgroupControllers(rawValue: 1 << 8)
  /// Classes of network packets; version 1 only.
  public static let netCls = CgroupControllers(rawValue: 1 << 9)
  /// Priorities of network packets; version 1 only.
  public static let netPrio = CgroupControllers(rawValue: 1 << 10)
  /// Performance events.
  public static let perfEvent = CgroupControllers(rawValue: 1 << 11)
  /// RDMA resources.
  public static let rdma = CgroupControllers(rawValue: 1 << 12)
  /// Miscellaneous scalar resources.
  public static let misc = CgroupControllers(rawValue: 1 << 13)
  /// Memory of devices such as GPUs (Linux 6.14); version 2 only.
  public static let dmem = CgroupControllers(rawValue: 1 << 14)
  /// The directory in the version 2 hierarchy and its core files.
  public static let unified = CgroupControllers(rawValue: 1 << 31)

  /// Every controller with its name on version 1 and, where it differs, on version 2.
  static let named: [(controller: CgroupControllers, v1: StaticString, v2: StaticString)] = [
    (.cpu, "cpu", "cpu"), (.cpuacct, "cpuacct", "cpuacct"), (.cpuset, "cpuset", "cpuset"),
    (.memory, "memory", "memory"), (.devices, "devices", "devices"), (.freezer, "freezer", "freezer"),
    (.blkio, "blkio", "io"), (.pids, "pids", "pids"), (.hugetlb, "hugetlb", "hugetlb"),
    (.netCls, "net_cls", "net_cls"), (.netPrio, "net_prio", "net_prio"), (.perfEvent, "perf_event", "perf_event"),
    (.rdma, "rdma", "rdma"), (.misc, "misc", "misc"), (.dmem, "dmem", "dmem"),
    (.unified, "unified", "unified"),
  ]

  /// The controllers named in a comma-, space- or newline-separated list. Words that name none are passed over: mount
  /// options stand in the same list.
  init(list: some Collection<UInt8>, version: CgroupVersion) {
    var set: CgroupControllers = []
    for word in list.split(whereSeparator: { $0 == 0x2c || $0 == 0x20 || $0 == 0x0a }) {
      for entry in Self.named.dropLast() {
        let name = version == .v1 ? entry.v1 : entry.v2
        if name.utf8CodeUnitCount == word.count,
          word.elementsEqual(UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount))
        {
          set.formUnion(entry.controller)
          break
        }
      }
    }
    self = set
  }

  /// The names of the members, those of the given version.
  public func names(_ version: CgroupVersion = .v1) -> [String] {
    Self.named.compactMap { contains($0.controller) ? (version == .v1 ? $0.v1 : $0.v2).description : nil }
  }
}

extension CgroupControllers: CustomStringConvertible {
  /// The names, separated by commas: `cpu,memory,pids`.
  public var description: String { names().joined(separator: ",") }
}
