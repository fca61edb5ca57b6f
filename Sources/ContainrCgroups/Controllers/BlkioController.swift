import ContainrCore

/// `blkio.*` and `io.*` (`cgroup-v1/blkio-controller.rst`, `cgroup-v2.rst` IO). The limits are in an extension.
enum BlkioController: ControllerFiles {
  static var controller: CgroupControllers { .blkio }

  static func readStatistics(
    into statistics: inout CgroupStatistics, from files: CounterFiles
  ) throws(ContainrError) {
    var io = CgroupStatistics.IO()
    switch files.directory.version {
    case .v1:
      // The throttle counts from the first limit on a device on (Linux 6.10), the scheduler BFQ where it is in use.
      try readV1("blkio.throttle.io_service_bytes_recursive", "blkio.throttle.io_serviced_recursive", &io, files)
      if io.devices.isEmpty {
        try readV1("blkio.bfq.io_service_bytes_recursive", "blkio.bfq.io_serviced_recursive", &io, files)
      }
    case .v2: try readV2(&io, files)
    }
    statistics.io = io
  }

  private static func readV1(
    _ bytes: String, _ operations: String, _ io: inout CgroupStatistics.IO, _ files: CounterFiles
  ) throws(ContainrError) {
    try lines(bytes, files) { (device, operation, value) throws(ContainrError) in
      switch operation {
      case "Read": io[device].read = ByteCount(try value.number())
      case "Write": io[device].written = ByteCount(try value.number())
      case "Discard": io[device].discarded = ByteCount(try value.number())
      default: break
      }
    }
    try lines(operations, files) { (device, operation, value) throws(ContainrError) in
      switch operation {
      case "Read": io[device].reads = try value.number()
      case "Write": io[device].writes = try value.number()
      case "Discard": io[device].discards = try value.number()
      default: break
      }
    }
  }

  /// Lines such as `254:0 Read 4096`; those of other forms, as `Total 4096`, are passed over.
  private static func lines(
    _ name: String, _ files: CounterFiles,
    _ body: (_ device: DeviceNumber, _ operation: KernelText, _ value: KernelText) throws(ContainrError) -> Void
  ) throws(ContainrError) {
    try files.read(name) { (text) throws(ContainrError) in
      var text = text
      while var line = text.line() {
        guard let device = line.word(), let operation = line.word(), let value = line.word() else { continue }
        try body(try DeviceNumber(reading: device), operation, value)
      }
    }
  }

  /// Lines such as `8:0 rbytes=4096 wbytes=0 rios=1 wios=0 dbytes=0 dios=0`.
  private static func readV2(_ io: inout CgroupStatistics.IO, _ files: CounterFiles) throws(ContainrError) {
    try files.read("io.stat") { (text) throws(ContainrError) in
      var text = text
      while var line = text.line() {
        guard let first = line.word() else { continue }
        let number = try DeviceNumber(reading: first)
        // A device may have no counter on its line.
        var device: CgroupStatistics.IO.Device?
        while var pair = line.word() {
          guard let key = pair.next(0x3d) else { continue }
          let value = pair.next(0x3d) ?? pair
          var counted = device ?? io[number]
          switch key {
          case "rbytes": counted.read = ByteCount(try value.number())
          case "wbytes": counted.written = ByteCount(try value.number())
          case "dbytes": counted.discarded = ByteCount(try value.number())
          case "rios": counted.reads = try value.number()
          case "wios": counted.writes = try value.number()
          case "dios": counted.discards = try value.number()
          default: continue
          }
          device = counted
        }
        if let device { io[number] = device }
      }
    }
  }
}

extension DeviceNumber {
  /// Reads `254:0`.
  init(reading text: KernelText) throws(ContainrError) {
    var rest = text
    guard let first = rest.next(0x3a), let second = rest.next(0x3a), rest.isEmpty,
      let major = UInt32(exactly: try first.number()), let minor = UInt32(exactly: try second.number())
    else { throw text.malformed("a device such as 8:0") }
    self.init(major, minor)
  }
}
