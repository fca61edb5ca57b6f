import ContainrCore
import SystemPackage

/// `memory.*` (`cgroup-v1/memory.rst`, `cgroup-v2.rst` Memory).
enum MemoryController: ControllerFiles {
  static var controller: CgroupControllers { .memory }

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
      // Version 1 has no word for no limit: it shows the largest number of pages.
      guard let value = try directory.number(name), value < 0x7fff_ffff_ffff_0000 else { return nil }
      return ByteCount(value)
    }
  }

  static func readStatistics(
    into statistics: inout CgroupStatistics, from directory: CgroupDirectory
  ) throws(ContainrError) {
    var memory = CgroupStatistics.Memory()
    switch directory.version {
    case .v1:
      memory.usage = ByteCount(try directory.number("memory.usage_in_bytes") ?? 0)
      memory.peak = try directory.number("memory.max_usage_in_bytes").map { ByteCount($0) }
      memory.limitHits = try directory.number("memory.failcnt") ?? 0
      memory.oomKills = try directory.table("memory.oom_control")["oom_kill"] ?? 0
      let table = try directory.table("memory.stat")
      memory.cache = ByteCount(table["total_cache"] ?? 0)
      memory.inactiveFile = ByteCount(table["total_inactive_file"] ?? 0)
      memory.anonymous = ByteCount(table["total_rss"] ?? 0)
    case .v2:
      memory.usage = ByteCount(try directory.number("memory.current") ?? 0)
      memory.peak = try directory.number("memory.peak").map { ByteCount($0) }
      let events = try directory.table("memory.events")
      memory.limitHits = events["max"] ?? 0
      memory.oomKills = events["oom_kill"] ?? 0
      let table = try directory.table("memory.stat")
      memory.cache = ByteCount(table["file"] ?? 0)
      memory.inactiveFile = ByteCount(table["inactive_file"] ?? 0)
      memory.anonymous = ByteCount(table["anon"] ?? 0)
    }
    var limits = CgroupResources()
    try readLimits(into: &limits, from: directory)
    memory.limit = limits.memory.limit
    statistics.memory = memory
  }
}
