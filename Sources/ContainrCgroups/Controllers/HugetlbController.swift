import ContainrCore
import SystemPackage

/// `hugetlb.<size>.*` (`cgroup-v1/hugetlb.rst`, `cgroup-v2.rst` HugeTLB).
enum HugetlbController: ControllerFiles {
  static var controller: CgroupControllers { .hugetlb }

  static func apply(_ resources: CgroupResources, to limits: inout LimitWriter) throws(ContainrError) {
    for (size, entry) in resources.hugetlb.sorted(by: { $0.key < $1.key }) {
      let file = "hugetlb.\(name(size))."
      let last = limits.version == .v1 ? "limit_in_bytes" : "max"
      guard limits.directory.isSimulated || limits.directory.has(file + last) else {
        throw limits.refused(
          "a limit of huge pages of \(size)", "this machine has those of \(try sizes(limits.directory).map(name))")
      }
      if let limit = entry.limit { try limits.write(file + last, limit.text(limits.version), hint: hint) }
      if let limit = entry.reservation { try limits.write(file + "rsvd." + last, limit.text(limits.version), hint: hint) }
    }
  }

  private static func hint(_ errno: Errno) -> String? {
    errno == .invalidArgument ? "a number of bytes; the kernel rounds it to whole huge pages" : nil
  }

  /// A size as the kernel names it: `2MB`.
  static func name(_ size: ByteCount) -> String {
    switch size.bytes {
    case (1 << 30)...: "\(size.bytes >> 30)GB"
    case (1 << 20)...: "\(size.bytes >> 20)MB"
    default: "\(size.bytes >> 10)KB"
    }
  }

  /// The sizes that the directory has files for.
  private static func sizes(_ directory: CgroupDirectory) throws(ContainrError) -> [ByteCount] {
    try sizes(try FileTree.names(in: FilePath(directory.path)), directory.version)
  }

  private static func sizes(_ names: [String], _ version: CgroupVersion) throws(ContainrError) -> [ByteCount] {
    let last = version == .v1 ? "limit_in_bytes" : "max"
    var sizes: [ByteCount] = []
    for file in names {
      let parts = file.split(separator: ".")
      if parts.count == 3, parts[0] == "hugetlb", parts[2] == last { sizes.append(try ByteCount(parsing: String(parts[1]))) }
    }
    return sizes.sorted()
  }

  static func readLimits(into resources: inout CgroupResources, from directory: CgroupDirectory) throws(ContainrError) {
    let last = directory.version == .v1 ? "limit_in_bytes" : "max"
    for size in try sizes(directory) {
      resources.hugetlb[size] = .init(
        limit: try directory.byteLimit("hugetlb.\(name(size)).\(last)"),
        reservation: try directory.byteLimit("hugetlb.\(name(size)).rsvd.\(last)"))
    }
  }

  static func readStatistics(
    into statistics: inout CgroupStatistics, from files: CounterFiles
  ) throws(ContainrError) {
    var all: [ByteCount: CgroupStatistics.Hugetlb] = [:]
    for size in try sizes(try files.names(), files.directory.version) {
      let file = "hugetlb.\(name(size))."
      var entry = CgroupStatistics.Hugetlb()
      switch files.directory.version {
      case .v1:
        entry.usage = try files.bytes(file + "usage_in_bytes") ?? 0
        entry.peak = try files.bytes(file + "max_usage_in_bytes")
        entry.reserved = try files.bytes(file + "rsvd.usage_in_bytes") ?? 0
        entry.limitHits = try files.number(file + "failcnt") ?? 0
      case .v2:
        entry.usage = try files.bytes(file + "current") ?? 0
        entry.reserved = try files.bytes(file + "rsvd.current") ?? 0
        try files.table(file + "events") { (key, value) throws(ContainrError) in
          if case "max" = key { entry.limitHits = try value.number() }
        }
      }
      all[size] = entry
    }
    statistics.hugetlb = all
  }
}
