import CContainrLinux
import ContainrCore
import Glibc
import SystemPackage

/// The files of one directory that hold counters. Each is opened when it is read first, and stays open.
///
/// The kernel makes the content anew for each `pread(2)` at offset 0, so that an open file costs one call a sample. A file
/// that is not there at first is not looked for again.
final class CounterFiles {
  let directory: CgroupDirectory
  /// The cgroup was removed: the kernel answers `ENODEV`.
  private(set) var isGone = false

  private var files: [(name: String, descriptor: CInt)] = []
  private var listing: [String]?
  /// Where in `files` the next name is: they are read in the same order each time.
  private var cursor = 0
  private var buffer: UnsafeMutableBufferPointer<UInt8>

  init(_ directory: CgroupDirectory) {
    self.directory = directory
    buffer = .allocate(capacity: 4096)
  }

  deinit {
    for file in files where file.descriptor >= 0 { close(file.descriptor) }
    buffer.deallocate()
  }

  /// To be called before the files of a sample are read.
  func begin() { cursor = 0 }

  /// To be called after the files of a sample were read: whether the directory is still there.
  ///
  /// Open files have told by themselves; where none could be opened, or one for the first time, its path is looked at.
  func settle(first: Bool) {
    guard !isGone, first || !files.contains(where: { $0.descriptor >= 0 }) else { return }
    isGone = access(directory.path, F_OK) != 0
  }

  /// Whether a file was read in this sample.
  func isRead(_ name: String) -> Bool { files[..<cursor].contains { $0.name == name } }

  /// The names of the files of the directory, as they were at the first sample; none where it is gone.
  func names() throws(ContainrError) -> [String] {
    if let listing { return listing }
    guard access(directory.path, F_OK) == 0 else { return [] }
    let names = try FileTree.names(in: FilePath(directory.path))
    listing = names
    return names
  }

  // MARK: Reading

  /// Hands the content of a file to `body`; false where there is no such file here.
  @discardableResult
  func read(
    _ name: String, _ body: (KernelText) throws(ContainrError) -> Void
  ) throws(ContainrError) -> Bool {
    let descriptor = try descriptor(name)
    guard descriptor >= 0, let count = try fill(from: descriptor, name) else { return false }
    do throws(ContainrError) {
      try body(KernelText(UnsafeBufferPointer(rebasing: buffer[..<count])))
    } catch {
      var error = error
      error.activity = "reading \(directory.file(name))"
      throw error
    }
    return true
  }

  /// A file that holds one number; nil for `max` and `-1`, which stand for no limit, and for a file that is not there.
  func number(_ name: String) throws(ContainrError) -> UInt64? {
    var value: UInt64?
    try read(name) { (text) throws(ContainrError) in
      var text = text
      let line = text.line() ?? text
      switch line {
      case "max", "-1": break
      default: value = try line.number()
      }
    }
    return value
  }

  /// The same as bytes.
  func bytes(_ name: String) throws(ContainrError) -> ByteCount? { try number(name).map { ByteCount($0) } }

  /// Calls `body` for each line `name value` of a file. Lines of another form are passed over.
  func table(
    _ name: String, _ body: (_ key: KernelText, _ value: KernelText) throws(ContainrError) -> Void
  ) throws(ContainrError) {
    try read(name) { (text) throws(ContainrError) in
      var text = text
      while var line = text.line() {
        guard let key = line.word(), let value = line.word(), line.word() == nil else { continue }
        try body(key, value)
      }
    }
  }

  /// Waits until a file that was read says something else, 10 ms at most.
  func waitForChange(of name: String) {
    files.first { $0.name == name }?.descriptor.waitBriefly(for: POLLPRI)
  }

  // MARK: Descriptors

  private func descriptor(_ name: String) throws(ContainrError) -> CInt {
    if cursor < files.count, files[cursor].name == name {
      cursor += 1
      return files[cursor - 1].descriptor
    }
    if let index = files.firstIndex(where: { $0.name == name }) {
      cursor = index + 1
      return files[index].descriptor
    }
    var result = cl_openat(AT_FDCWD, directory.file(name), O_RDONLY | O_CLOEXEC, 0)
    // EOPNOTSUPP: pressure on a kernel that was started with psi=0.
    if result == -ENOENT || result == -ENODEV || result == -EOPNOTSUPP {
      result = -1
    } else {
      try check(result, .cgroupStatistics, "openat(2)", "opening \(directory.file(name))")
    }
    files.append((name, result))
    cursor = files.count
    return result
  }

  /// Reads a whole file into the buffer; its length, or nil where the kernel has nothing to say.
  private func fill(from descriptor: CInt, _ name: String) throws(ContainrError) -> Int? {
    var count = 0
    while true {
      let free = buffer.count - count
      let result = pread(descriptor, buffer.baseAddress! + count, free, off_t(count))
      guard result >= 0 else {
        switch Errno.current {
        case .interrupted: continue
        case .operationNotSupportedByDevice:
          isGone = true
          return nil
        case .notSupported: return nil
        case let errno:
          throw .errno(errno, .cgroupStatistics, "reading \(directory.file(name))", call: "pread(2)")
        }
      }
      count += result
      // A file of counters comes as a whole: less than asked for is its end.
      if result < free { return count }
      guard buffer.count < 16 << 20 else {
        throw ContainrError(.cgroupStatistics, "reading \(directory.file(name))", hint: "it is longer than 16 MiB")
      }
      let larger = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: buffer.count * 4)
      _ = larger.update(fromContentsOf: buffer)
      buffer.deallocate()
      buffer = larger
    }
  }
}
