import ContainrCore
import SystemPackage

/// `misc.*` (`cgroup-v1/misc.rst`, `cgroup-v2.rst` Misc; Linux 5.13): the same on both versions.
enum MiscController: ControllerFiles {
  static var controller: CgroupControllers { .misc }

  static func apply(_ resources: CgroupResources, to limits: inout LimitWriter) throws(ContainrError) {
    for (name, limit) in resources.misc.sorted(by: { $0.key < $1.key }) {
      try limits.checkWord(name, "the limit of the resource")
      try limits.write("misc.max", "\(name) \(limit)") { errno in
        errno == .invalidArgument ? "the machine has no such resource: misc.capacity of the root lists them" : nil
      }
    }
  }

  static func readLimits(into resources: inout CgroupResources, from directory: CgroupDirectory) throws(ContainrError) {
    for (name, words) in try directory.keyedLines("misc.max") {
      guard let word = words.first else { continue }
      resources.misc[String(name)] = try Limit(reading: word, of: directory.file("misc.max"))
    }
  }

  static func readStatistics(
    into statistics: inout CgroupStatistics, from files: CounterFiles
  ) throws(ContainrError) {
    var all: [String: CgroupStatistics.Misc] = [:]
    try files.table("misc.current") { (key, value) throws(ContainrError) in
      all["\(key)"] = CgroupStatistics.Misc(current: try value.number())
    }
    try files.table("misc.peak") { (key, value) throws(ContainrError) in all["\(key)"]?.peak = try value.number() }
    // Lines `res_a.max 3`.
    try files.table("misc.events") { (key, value) throws(ContainrError) in
      let name = "\(key)"
      if name.hasSuffix(".max") { all[String(name.dropLast(4))]?.limitHits = try value.number() }
    }
    statistics.misc = all
  }
}
