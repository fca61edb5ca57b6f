import ContainrCore
import SystemPackage

extension BlkioController {
  static func apply(_ resources: CgroupResources, to limits: inout LimitWriter) throws(ContainrError) {
    let io = resources.blockIO
    guard io != CgroupResources.BlockIO() else { return }
    try check(io, limits)
    switch limits.version {
    case .v1: try applyV1(io, to: &limits)
    case .v2: try applyV2(io, to: &limits)
    }
  }

  /// Refuses, before anything is written, what the version cannot do and what the kernel would take for another thing.
  private static func check(_ io: CgroupResources.BlockIO, _ limits: LimitWriter) throws(ContainrError) {
    var weights = [io.weight, io.leafWeight]
    for (device, entry) in io.devices {
      weights += [entry.weight, entry.leafWeight]
      let rates = [entry.readBytes?.map(\.bytes), entry.writeBytes?.map(\.bytes), entry.reads, entry.writes]
      guard !rates.contains(.some(0)), (entry.latency?.value ?? .seconds(1)) >= .microseconds(1) else {
        throw limits.refused("a limit of 0 on the device \(device)", "above 0, or max")
      }
      if entry.latency != nil, limits.version == .v1 {
        throw limits.unsupported("io.latency", "version 1 of the block I/O controller has no such limit")
      }
    }
    if let weight = weights.compactMap({ $0 }).first(where: { !(10...1000).contains($0) }) {
      throw limits.refused("the block I/O weight \(weight)", "10 to 1000")
    }
    guard io.leafWeight != nil || io.devices.values.contains(where: { $0.leafWeight != nil }) else { return }
    guard limits.version == .v1, limits.directory.isSimulated || limits.directory.has("blkio.leaf_weight") else {
      throw limits.unsupported("a leaf weight of block I/O", "Linux has none since 5.0, and none on version 2")
    }
  }

  private static func applyV1(_ io: CgroupResources.BlockIO, to limits: inout LimitWriter) throws(ContainrError) {
    let weight = weightFileV1(limits.directory)
    if let value = io.weight { try limits.write(weight, String(value), hint: hint) }
    if let value = io.leafWeight { try limits.write("blkio.leaf_weight", String(value), hint: hint) }
    for (device, entry) in io.devices.sorted(by: { $0.key < $1.key }) {
      func write(_ name: String, _ value: UInt64?) throws(ContainrError) {
        if let value { try limits.write(name, "\(device) \(value)", hint: hint) }
      }
      try write(weight + "_device", entry.weight)
      try write("blkio.leaf_weight_device", entry.leafWeight)
      // 0 is the word for no limit in these files.
      try write("blkio.throttle.read_bps_device", entry.readBytes.map { $0.value?.bytes ?? 0 })
      try write("blkio.throttle.write_bps_device", entry.writeBytes.map { $0.value?.bytes ?? 0 })
      try write("blkio.throttle.read_iops_device", entry.reads.map { $0.value ?? 0 })
      try write("blkio.throttle.write_iops_device", entry.writes.map { $0.value ?? 0 })
    }
  }

  private static func applyV2(_ io: CgroupResources.BlockIO, to limits: inout LimitWriter) throws(ContainrError) {
    let weight = weightFileV2(limits.directory)
    if let value = io.weight { try limits.write(weight, "default \(converted(value, for: weight))", hint: hint) }
    for (device, entry) in io.devices.sorted(by: { $0.key < $1.key }) {
      if let value = entry.weight { try limits.write(weight, "\(device) \(converted(value, for: weight))", hint: hint) }
      let rates = [
        ("rbps", entry.readBytes?.map(\.bytes)), ("wbps", entry.writeBytes?.map(\.bytes)), ("riops", entry.reads),
        ("wiops", entry.writes),
      ].compactMap { (name, limit) in limit.map { " \(name)=\($0)" } }
      if !rates.isEmpty { try limits.write("io.max", "\(device)\(rates.joined())", hint: hint) }
      if let latency = entry.latency {
        try limits.write("io.latency", "\(device) target=\(latency.map(\.wholeMicroseconds))", hint: hint)
      }
    }
  }

  /// BFQ's file, or that of the CFQ scheduler, which Linux before 5.0 had.
  private static func weightFileV1(_ directory: CgroupDirectory) -> String {
    directory.has("blkio.weight") ? "blkio.weight" : "blkio.bfq.weight"
  }

  private static func weightFileV2(_ directory: CgroupDirectory) -> String {
    directory.has("io.bfq.weight") ? "io.bfq.weight" : "io.weight"
  }

  /// BFQ has the scale of version 1; `io.weight` is 1 to 10000.
  static func converted(_ weight: UInt64, for file: String) -> UInt64 {
    file == "io.weight" ? 1 + (weight - 10) * 9999 / 990 : weight
  }

  /// The smallest weight that is converted to this one.
  static func original(_ weight: UInt64, in file: String) -> UInt64 {
    file == "io.weight" ? 10 + ((max(weight, 1) - 1) * 990 + 9998) / 9999 : weight
  }

  private static func hint(_ errno: Errno) -> String? {
    switch errno {
    case .operationNotSupportedByDevice, .noSuchAddressOrDevice:
      "no disk has this number, or it is a partition: see /proc/partitions, and name the whole disk"
    case .notSupported: "the device's I/O scheduler does not do it: weights need bfq (/sys/block/<disk>/queue/scheduler)"
    case .invalidArgument, .outOfRange: "the device is a whole disk, and rates of operations end at 4294967295"
    default: nil
    }
  }

  static func readLimits(into resources: inout CgroupResources, from directory: CgroupDirectory) throws(ContainrError) {
    var io = CgroupResources.BlockIO()
    switch directory.version {
    case .v1:
      let weight = weightFileV1(directory)
      io.weight = try directory.number(weight)
      io.leafWeight = try directory.number("blkio.leaf_weight")
      try each(weight + "_device", directory) { $0.weight = $1 }
      try each("blkio.leaf_weight_device", directory) { $0.leafWeight = $1 }
      try each("blkio.throttle.read_bps_device", directory) { $0.readBytes = .value(ByteCount($1)) }
      try each("blkio.throttle.write_bps_device", directory) { $0.writeBytes = .value(ByteCount($1)) }
      try each("blkio.throttle.read_iops_device", directory) { $0.reads = .value($1) }
      try each("blkio.throttle.write_iops_device", directory) { $0.writes = .value($1) }
    case .v2:
      let weight = weightFileV2(directory)
      for (key, words) in try directory.keyedLines(weight) where key == "default" {
        io.weight = words.first.flatMap { UInt64($0) }.map { original($0, in: weight) }
      }
      try each(weight, directory) { $0.weight = original($1, in: weight) }
      for (key, words) in try directory.keyedLines("io.max") {
        guard let device = DeviceNumber(key) else { continue }
        for word in words {
          let pair = word.split(separator: "=")
          guard pair.count == 2 else { continue }
          let limit = try Limit<UInt64>(reading: pair[1], of: directory.file("io.max"))
          switch pair[0] {
          case "rbps": io.devices[device, default: .init()].readBytes = limit.map { ByteCount($0) }
          case "wbps": io.devices[device, default: .init()].writeBytes = limit.map { ByteCount($0) }
          case "riops": io.devices[device, default: .init()].reads = limit
          case "wiops": io.devices[device, default: .init()].writes = limit
          default: break
          }
        }
      }
      for (key, words) in try directory.keyedLines("io.latency") {
        guard let device = DeviceNumber(key), let target = words.first(where: { $0.hasPrefix("target=") }) else { continue }
        let limit = try Limit<UInt64>(reading: target.dropFirst(7), of: directory.file("io.latency"))
        io.devices[device, default: .init()].latency = limit.map { .microseconds(Int64(clamping: $0)) }
      }
    }
    resources.blockIO = io

    /// Lines `254:0 4096`.
    func each(
      _ name: String, _ directory: CgroupDirectory, _ set: (inout CgroupResources.BlockIO.Device, UInt64) -> Void
    ) throws(ContainrError) {
      for (key, words) in try directory.keyedLines(name) {
        guard let device = DeviceNumber(key), let value = words.first.flatMap({ UInt64($0) }) else { continue }
        set(&io.devices[device, default: .init()], value)
      }
    }
  }
}
