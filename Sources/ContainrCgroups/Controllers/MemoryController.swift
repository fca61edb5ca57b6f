import ContainrCore
import SystemPackage

/// `memory.*` (`cgroup-v1/memory.rst`, `cgroup-v2.rst` Memory).
enum MemoryController: ControllerFiles {
  static var controller: CgroupControllers { .memory }

  /// Version 1 has no word for no limit: it shows the largest number of pages.
  private static let largestLimit: UInt64 = 0x7fff_ffff_ffff_0000

  static func apply(_ resources: CgroupResources, to limits: inout LimitWriter) throws(ContainrError) {
    let memory = resources.memory
    guard memory != CgroupResources.Memory() else { return }
    if let limit = memory.limit?.value, limit.bytes < 4096 {
      throw ContainrError(
        .cgroupLimit, "limiting the memory of \(limits.directory.path) to \(limit)",
        hint: "the kernel counts whole pages, and a process needs a few hundred of them: 6m is a practical least")
    }
    if let total = memory.limitWithSwap?.value, let limit = memory.limit ?? (limits.isFresh ? .max : nil),
      limit > .value(total)
    {
      throw ContainrError(
        .cgroupLimit, "limiting memory and swap of \(limits.directory.path) to \(total)",
        hint: "set a memory limit too; the limit with swap is at least as large")
    }
    if let limit = memory.limit?.value, !limits.isFresh {
      try refuseBelowUse(limit, limits.directory, memory.checkBeforeUpdate)
    }
    switch limits.version {
    case .v1: try applyV1(memory, to: &limits)
    case .v2: try applyV2(memory, to: &limits)
    }
  }

  private static func applyV1(
    _ memory: CgroupResources.Memory, to limits: inout LimitWriter
  ) throws(ContainrError) {
    if memory.high != nil { throw limits.unsupported("memory.high", "version 1 of the memory controller has no such limit") }
    if memory.min != nil { throw limits.unsupported("memory.min", "version 1 of the memory controller has no such limit") }
    if memory.oomGroup != nil {
      throw limits.unsupported("memory.oom.group", "version 1 of the memory controller kills single processes only")
    }
    var total = memory.limitWithSwap
    if memory.limit == .max, total == nil, !limits.isFresh, limits.directory.has("memory.memsw.limit_in_bytes") { total = .max }
    // The kernel keeps limit <= limit with swap at every instant. A fresh directory has no limits, so the smaller comes
    // first; one with limits gets the larger first where the values grow.
    let swapFirst: Bool =
      if !limits.isFresh, let total {
        try total > limits.directory.byteLimit("memory.memsw.limit_in_bytes") ?? .max || total == .max
      } else {
        false
      }
    if swapFirst { try write("memory.memsw.limit_in_bytes", total, to: &limits) }
    try write("memory.limit_in_bytes", memory.limit, to: &limits)
    if !swapFirst { try write("memory.memsw.limit_in_bytes", total, to: &limits) }
    try write("memory.soft_limit_in_bytes", memory.reservation, to: &limits)
    try write("memory.kmem.tcp.limit_in_bytes", memory.kernelTCP, to: &limits)
    if let swappiness = memory.swappiness {
      guard swappiness <= 100 else { throw limits.refused("the swappiness \(swappiness)", "0 to 100") }
      try limits.write("memory.swappiness", String(swappiness))
    }
    if let disabled = memory.disableOOMKiller {
      // oom_kill_disable 0⏎under_oom 0⏎oom_kill 3
      try limits.write("memory.oom_control", disabled ? "1" : "0") { _ in
        nil
      } previous: {
        $0.hasPrefix("oom_kill_disable 1") ? "1" : "0"
      }
    }
  }

  private static func applyV2(
    _ memory: CgroupResources.Memory, to limits: inout LimitWriter
  ) throws(ContainrError) {
    if memory.kernelTCP != nil {
      throw limits.unsupported("a limit of TCP buffers", "version 2 counts them in the memory limit")
    }
    if memory.swappiness != nil {
      throw limits.unsupported("memory.swappiness", "version 2 has no swappiness of a cgroup; limit its swap instead")
    }
    if memory.disableOOMKiller == true {
      throw limits.unsupported("memory.oom_control", "version 2 always kills past memory.max; memory.high slows down instead")
    }
    let swap = try swapLimit(memory, limits)
    try write("memory.max", memory.limit, to: &limits)
    try write("memory.swap.max", swap, to: &limits)
    try write("memory.low", memory.reservation, to: &limits)
    try write("memory.min", memory.min, to: &limits)
    try write("memory.high", memory.high, to: &limits)
    if let group = memory.oomGroup { try limits.write("memory.oom.group", group ? "1" : "0") }
  }

  /// Version 2 limits swap alone: the limit of both less the one of memory, which may be set already.
  private static func swapLimit(
    _ memory: CgroupResources.Memory, _ limits: LimitWriter
  ) throws(ContainrError) -> Limit<ByteCount>? {
    guard let total = memory.limitWithSwap?.value else { return memory.limitWithSwap }
    let inForce = memory.limit == nil ? try limits.directory.byteLimit("memory.max") : memory.limit
    guard let limit = inForce?.value, limit <= total else {
      throw limits.refused(
        "memory and swap to \(total)", "set a memory limit too; the limit with swap is at least as large")
    }
    return .value(ByteCount(total.bytes - limit.bytes))
  }

  private static func write(
    _ name: String, _ limit: Limit<ByteCount>?, to limits: inout LimitWriter
  ) throws(ContainrError) {
    if let limit { try limits.write(name, limit.text(limits.version), hint: hint) }
  }

  /// A change of limits should not kill. Version 2 takes any limit and kills processes until it holds, where version 1 says
  /// EBUSY; so what cannot be dropped counts here: pages of no file.
  private static func refuseBelowUse(
    _ limit: ByteCount, _ directory: CgroupDirectory, _ check: Bool?
  ) throws(ContainrError) {
    let used: UInt64?
    switch (check, directory.version) {
    case (false?, _), (nil, .v1): return
    case (true?, .v1): used = try directory.number("memory.usage_in_bytes")
    case (true?, .v2): used = try directory.number("memory.current")
    case (nil, .v2): used = try directory.table("memory.stat")["anon"]
    }
    guard let used, used > limit.bytes else { return }
    throw .errno(
      .resourceBusy, .cgroupLimit, "limiting the memory of \(directory.path) to \(limit), with \(ByteCount(used)) in use",
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
    var memory = CgroupResources.Memory()
    switch directory.version {
    case .v1:
      memory.limit = try directory.byteLimit("memory.limit_in_bytes")
      memory.limitWithSwap = try directory.byteLimit("memory.memsw.limit_in_bytes")
      memory.reservation = try directory.byteLimit("memory.soft_limit_in_bytes")
      memory.kernelTCP = try directory.byteLimit("memory.kmem.tcp.limit_in_bytes")
      memory.swappiness = try directory.number("memory.swappiness")
      memory.disableOOMKiller = try directory.table("memory.oom_control")["oom_kill_disable"].map { $0 == 1 }
    case .v2:
      memory.limit = try directory.byteLimit("memory.max")
      if let swap = try directory.byteLimit("memory.swap.max") {
        switch (memory.limit, swap) {
        case (_, .max): memory.limitWithSwap = .max
        case (.value(let limit)?, .value(let swap)): memory.limitWithSwap = .value(ByteCount(limit.bytes &+ swap.bytes))
        // Swap that is limited beside memory that is not has no sum.
        case (_, .value): break
        }
      }
      memory.reservation = try directory.byteLimit("memory.low")
      memory.min = try directory.byteLimit("memory.min")
      memory.high = try directory.byteLimit("memory.high")
      memory.oomGroup = try directory.number("memory.oom.group").map { $0 == 1 }
    }
    resources.memory = memory
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
