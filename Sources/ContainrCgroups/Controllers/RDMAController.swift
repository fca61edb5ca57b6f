import ContainrCore
import SystemPackage

/// `rdma.*` (`cgroup-v1/rdma.rst`, `cgroup-v2.rst` RDMA): the same on both versions.
enum RDMAController: ControllerFiles {
  static var controller: CgroupControllers { .rdma }

  static func apply(_ resources: CgroupResources, to limits: inout LimitWriter) throws(ContainrError) {
    for (device, entry) in resources.rdma.sorted(by: { $0.key < $1.key }) {
      try limits.checkWord(device, "the limits of the RDMA device")
      var line = device
      if let handles = entry.handles { line += " hca_handle=\(handles)" }
      if let objects = entry.objects { line += " hca_object=\(objects)" }
      if line == device { continue }
      try limits.write("rdma.max", line) { errno in
        switch errno {
        case .operationNotSupportedByDevice: "no RDMA device has this name: see /sys/class/infiniband"
        case .invalidArgument: "0 to 2147483647, or max"
        default: nil
        }
      }
    }
  }

  /// Lines `mlx5_0 hca_handle=2 hca_object=max`.
  private static func lines(
    _ name: String, _ directory: CgroupDirectory
  ) throws(ContainrError) -> [String: [Substring: Limit<UInt64>]] {
    var devices: [String: [Substring: Limit<UInt64>]] = [:]
    for (device, words) in try directory.keyedLines(name) {
      var values: [Substring: Limit<UInt64>] = [:]
      for word in words {
        let pair = word.split(separator: "=")
        if pair.count == 2 { values[pair[0]] = try Limit(reading: pair[1], of: directory.file(name)) }
      }
      devices[String(device)] = values
    }
    return devices
  }

  static func readLimits(into resources: inout CgroupResources, from directory: CgroupDirectory) throws(ContainrError) {
    resources.rdma = try lines("rdma.max", directory).mapValues {
      CgroupResources.RDMA(handles: $0["hca_handle"], objects: $0["hca_object"])
    }
  }

  static func readStatistics(
    into statistics: inout CgroupStatistics, from files: CounterFiles
  ) throws(ContainrError) {
    var all: [String: CgroupStatistics.RDMA] = [:]
    try files.read("rdma.current") { (text) throws(ContainrError) in
      var text = text
      while var line = text.line() {
        guard let device = line.word() else { continue }
        var counted = CgroupStatistics.RDMA()
        while var pair = line.word() {
          guard let key = pair.next(0x3d) else { continue }
          let value = pair.next(0x3d) ?? pair
          switch key {
          case "hca_handle": counted.handles = try value.number()
          case "hca_object": counted.objects = try value.number()
          default: break
          }
        }
        all["\(device)"] = counted
      }
    }
    statistics.rdma = all
  }
}
