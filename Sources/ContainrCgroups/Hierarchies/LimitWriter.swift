import ContainrCore
import Glibc
import SystemPackage

/// Writes limits to the files of one directory, and remembers what was there before: a change that fails halfway is taken
/// back.
///
/// A directory that was made a moment ago is removed instead, so nothing is read of it.
struct LimitWriter {
  let directory: CgroupDirectory
  private var earlier: [(file: String, value: String)] = []

  init(_ directory: CgroupDirectory) { self.directory = directory }

  var version: CgroupVersion { directory.version }
  var isFresh: Bool { directory.isFresh }

  /// Files with a line for each device, resource or interface: what is written begins with the line's first word. The value
  /// is what takes a line off.
  private static let keyed: [String: String] = [
    "io.max": "rbps=max wbps=max riops=max wiops=max", "io.weight": "default", "io.bfq.weight": "default",
    "io.latency": "target=max", "rdma.max": "hca_handle=max hca_object=max", "misc.max": "max", "dmem.max": "max",
    "net_prio.ifpriomap": "0", "blkio.throttle.read_bps_device": "0", "blkio.throttle.write_bps_device": "0",
    "blkio.throttle.read_iops_device": "0", "blkio.throttle.write_iops_device": "0", "blkio.weight_device": "default",
    "blkio.bfq.weight_device": "default", "blkio.leaf_weight_device": "default",
  ]

  /// Writes a value.
  ///
  /// - Parameters:
  ///   - hint: what to do about an error number.
  ///   - previous: makes what is to be written of what was read, where these differ.
  mutating func write(
    _ name: String, _ value: String, hint: ((Errno) -> String?)? = nil, previous: (String) -> String = { $0 }
  ) throws(ContainrError) {
    let old = isFresh ? nil : try now(name, value, previous)
    try directory.write(name, value, hint: hint)
    if let old { earlier.append((name, old)) }
  }

  /// What would have to be written to get the present state again; nil for a file that shows none.
  private func now(_ name: String, _ value: String, _ previous: (String) -> String) throws(ContainrError) -> String? {
    // Reading a file that can only be written is EINVAL, also for root.
    var status = stat()
    guard stat(directory.file(name), &status) == 0, status.st_mode & 0o444 != 0 else { return nil }
    guard let text = try directory.readIfPresent(name, .cgroupLimit) else { return nil }
    guard let none = Self.keyed[name] else { return text.isEmpty ? "\n" : previous(text) }
    let key = value.prefix { $0 != " " }
    return text.split(separator: "\n").first { $0.prefix { $0 != " " } == key }.map(String.init) ?? "\(key) \(none)"
  }

  /// Writes what was there before, last first; returns what could not be written.
  func takeBack() -> [ContainrError] {
    var failures: [ContainrError] = []
    for (file, value) in earlier.reversed() {
      do throws(ContainrError) { try directory.write(file, value) } catch { failures.append(error) }
    }
    return failures
  }

  /// The error of an option that this version of the hierarchy cannot do.
  func unsupported(_ option: String, _ hint: String) -> ContainrError {
    ContainrError(.unsupported, "setting \(option) of \(directory.path)", hint: hint)
  }

  /// The error of a value that is refused before it is written.
  func refused(_ what: String, _ hint: String) -> ContainrError {
    ContainrError(.cgroupLimit, "setting \(what) of \(directory.path)", hint: hint)
  }

  /// Refuses a name that would be more than one word of a line.
  func checkWord(_ word: String, _ what: String) throws(ContainrError) {
    guard !word.isEmpty, word.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7f }) else {
      throw refused("\(what) \"\(word)\"", "a name without spaces")
    }
  }
}
