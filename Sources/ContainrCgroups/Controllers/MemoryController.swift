import ContainrCore
import SystemPackage

/// `memory.*` (`cgroup-v1/memory.rst`, `cgroup-v2.rst` Memory).
enum MemoryController: ControllerFiles {
  static var controller: CgroupControllers { .memory }

  /// Version 1 has no word for no limit: it shows the largest number of pages.
  private static let largestLimit: UInt64 = 0x7fff_ffff_ffff_0000

  static func apply(_ resources: CgroupResources, to directory: CgroupDirectory) throws(ContainrError) {
    let memory = resources.memory
    guard memory != CgroupResources.Memory() else { return }
    if let limit = memory.limit, limit.bytes < 4096 {
      throw ContainrError(
        .cgroupLimit, "limiting the memory of \(directory.path) to \(limit)",
        hint: "the kernel counts whole pages, and a process needs a few hundred of them: 6m is a practical least")
    }
    if let total = memory.limitWithSwap {
      guard let limit = memory.limit, total >= limit else {
        throw ContainrError(
          .cgroupLimit, "limiting memory and swap of \(directory.path) to \(total)",
          hint: "set a memory limit too; the limit with swap is at least as large")
      }
    }
    switch directory.version {
    case .v1: try applyV1(memory, to: directory)
    case .v2: try applyV2(memory, to: directory)
    }
  }

  private static func applyV1(_ memory: CgroupResources.Memory, to directory: CgroupDirectory) throws(ContainrError) {
    if memory.high != nil {
      throw ContainrError(
        .cgroupLimit, "setting memory.high of \(directory.path)", hint: "version 1 of the memory controller has no such limit")
    }
    // The kernel keeps limit <= limit with swap at every instant. A fresh directory has no limits, so the smaller comes
    // first; one with limits gets the larger first where the values grow.
    let swapFirst: Bool =
      if !directory.isFresh, let total = memory.limitWithSwap {
        try total.bytes > directory.number("memory.memsw.limit_in_bytes") ?? 0
      } else {
        false
      }
    func writeSwap() throws(ContainrError) {
      guard let total = memory.limitWithSwap else { return }
      try directory.write("memory.memsw.limit_in_bytes", String(total.bytes), hint: hint)
    }
    if swapFirst { try writeSwap() }
    if let limit = memory.limit { try directory.write("memory.limit_in_bytes", String(limit.bytes), hint: hint) }
    if !swapFirst { try writeSwap() }
    if let reservation = memory.reservation {
      try directory.write("memory.soft_limit_in_bytes", String(reservation.bytes), hint: hint)
    }
  }

  private static func applyV2(_ memory: CgroupResources.Memory, to directory: CgroupDirectory) throws(ContainrError) {
    if let limit = memory.limit {
      if !directory.isFresh { try refuseBelowUse(limit, directory) }
      try directory.write("memory.max", String(limit.bytes), hint: hint)
    }
    if let limit = memory.limit, let total = memory.limitWithSwap {
      try directory.write("memory.swap.max", String(total.bytes - limit.bytes), hint: hint)
    }
    if let reservation = memory.reservation { try directory.write("memory.low", String(reservation.bytes), hint: hint) }
    if let high = memory.high { try directory.write("memory.high", String(high.bytes), hint: hint) }
  }

  /// Version 2 takes any limit and kills processes until it holds, where version 1 says EBUSY. A change of limits must not
  /// kill, so what cannot be dropped counts here: pages of no file.
  private static func refuseBelowUse(_ limit: ByteCount, _ directory: CgroupDirectory) throws(ContainrError) {
    let anonymous = ByteCount(try directory.table("memory.stat")["anon"] ?? 0)
    guard anonymous > limit else { return }
    throw .errno(
      .resourceBusy, .cgroupLimit, "limiting the memory of \(directory.path) to \(limit), with \(anonymous) in use",
      call: "write(2)", hint: hint(.resourceBusy))
  }

  private static func hint(_ errno: Errno) -> String? {
    switch errno {
    case .resourceBusy: "more than that is in use, and it cannot be reclaimed: stop processes first, or ask for more"
    case .invalidArgument: "the limit with swap must be at least the memory limit, and both fit in 63 bits"
    default: nil
    }
  }

  static func readLimits(into resources: inout CgroupResources, from directory: CgroupDirectory) throws(ContainrError) {
    switch directory.version {
    case .v1:
      resources.memory.limit = try bytes("memory.limit_in_bytes", directory)
      resources.memory.limitWithSwap = try bytes("memory.memsw.limit_in_bytes", directory)
      resources.memory.reservation = try bytes("memory.soft_limit_in_bytes", directory)
    case .v2:
      resources.memory.limit = try bytes("memory.max", directory)
      if let limit = resources.memory.limit, let swap = try bytes("memory.swap.max", directory) {
        resources.memory.limitWithSwap = ByteCount(limit.bytes &+ swap.bytes)
      }
      if let low = try bytes("memory.low", directory), low.bytes > 0 { resources.memory.reservation = low }
      resources.memory.high = try bytes("memory.high", directory)
    }

    func bytes(_ name: String, _ directory: CgroupDirectory) throws(ContainrError) -> ByteCount? {
      guard let value = try directory.number(name), value < largestLimit else { return nil }
      return ByteCount(value)
    }
  }

  static func readStatistics(
    into statistics: inout CgroupStatistics, from files: CounterFiles
  ) throws(ContainrError) {
    var memory = CgroupStatistics.Memory()
    switch files.directory.version {
    case .v1: try readV1(&memory, files)
    case .v2: try readV2(&memory, files)
    }
    statistics.memory = memory
  }

  private static func readV1(_ memory: inout CgroupStatistics.Memory, _ files: CounterFiles) throws(ContainrError) {
    memory.usage = try files.bytes("memory.usage_in_bytes") ?? 0
    memory.peak = try files.bytes("memory.max_usage_in_bytes")
    memory.limit = try files.bytes("memory.limit_in_bytes").flatMap { $0.bytes < largestLimit ? $0 : nil }
    memory.limitHits = try files.number("memory.failcnt") ?? 0
    memory.kernel = try files.bytes("memory.kmem.usage_in_bytes") ?? 0
    try files.table("memory.oom_control") { (key, value) throws(ContainrError) in
      if case "oom_kill" = key { memory.oomKills = try value.number() }
    }
    try files.table("memory.stat") { (key, value) throws(ContainrError) in
      switch key {
      case "total_cache": memory.cache = ByteCount(try value.number())
      case "total_rss": memory.anonymous = ByteCount(try value.number())
      case "total_swap": memory.swap = ByteCount(try value.number())
      case "total_inactive_file": memory.inactiveFile = ByteCount(try value.number())
      case "total_pgfault": memory.pageFaults = try value.number()
      case "total_pgmajfault": memory.majorPageFaults = try value.number()
      default: break
      }
    }
  }

  private static func readV2(_ memory: inout CgroupStatistics.Memory, _ files: CounterFiles) throws(ContainrError) {
    memory.usage = try files.bytes("memory.current") ?? 0
    memory.peak = try files.bytes("memory.peak")
    memory.limit = try files.bytes("memory.max")
    memory.swap = try files.bytes("memory.swap.current") ?? 0
    try files.table("memory.events") { (key, value) throws(ContainrError) in
      switch key {
      case "max": memory.limitHits = try value.number()
      case "high": memory.highHits = try value.number()
      case "oom_kill": memory.oomKills = try value.number()
      default: break
      }
    }
    // The sum stands in `kernel` from Linux 5.18 on.
    var kernel: UInt64?
    var parts: UInt64 = 0
    try files.table("memory.stat") { (key, value) throws(ContainrError) in
      switch key {
      case "file": memory.cache = ByteCount(try value.number())
      case "anon": memory.anonymous = ByteCount(try value.number())
      case "inactive_file": memory.inactiveFile = ByteCount(try value.number())
      case "pgfault": memory.pageFaults = try value.number()
      case "pgmajfault": memory.majorPageFaults = try value.number()
      case "kernel": kernel = try value.number()
      case "kernel_stack", "pagetables", "percpu", "slab": parts &+= try value.number()
      default: break
      }
    }
    memory.kernel = ByteCount(kernel ?? parts)
  }
}
