import ContainrCore

/// `blkio.*` and `io.*` (`cgroup-v1/blkio-controller.rst`, `cgroup-v2.rst` IO). The limits are in an extension.
enum BlkioController: ControllerFiles {
  static var controller: CgroupControllers { .blkio }

  static func readStatistics(
    into statistics: inout CgroupStatistics, from directory: CgroupDirectory
  ) throws(ContainrError) {
    var io = CgroupStatistics.IO()
    switch directory.version {
    case .v1:
      for (operation, value) in try lines("blkio.throttle.io_service_bytes_recursive", directory) {
        if operation == "Read" { io.read.bytes += value }
        if operation == "Write" { io.written.bytes += value }
      }
      for (operation, value) in try lines("blkio.throttle.io_serviced_recursive", directory) {
        if operation == "Read" { io.reads += value }
        if operation == "Write" { io.writes += value }
      }
    case .v2:
      for word in (try directory.readIfPresent("io.stat") ?? "").split(whereSeparator: { $0 == " " || $0 == "\n" }) {
        let pair = word.split(separator: "=")
        guard pair.count == 2, let value = UInt64(pair[1]) else { continue }
        switch pair[0] {
        case "rbytes": io.read.bytes += value
        case "wbytes": io.written.bytes += value
        case "rios": io.reads += value
        case "wios": io.writes += value
        default: break
        }
      }
    }
    statistics.io = io
  }

  /// `254:0 Read 4096` → `("Read", 4096)`.
  private static func lines(
    _ name: String, _ directory: CgroupDirectory
  ) throws(ContainrError) -> [(Substring, UInt64)] {
    guard let text = try directory.readIfPresent(name) else { return [] }
    return text.split(separator: "\n").compactMap { line in
      let words = line.split(separator: " ")
      guard words.count == 3, let value = UInt64(words[2]) else { return nil }
      return (words[1], value)
    }
  }
}
