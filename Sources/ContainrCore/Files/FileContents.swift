import CContainrLinux
import Glibc
import SystemPackage

/// Whole files in one call: for small documents and kernel files.
package enum FileContents {
  /// Reads to the end, at most `limit` bytes.
  ///
  /// - Throws: `code` where reading fails, `RESOURCE_EXHAUSTED` past the limit.
  package static func read(
    _ descriptor: borrowing OwnedDescriptor, limit: Int = 16 << 20, _ activity: @autoclosure () -> String,
    code: ContainrError.Code = .ioFailure
  ) throws(ContainrError) -> [UInt8] {
    var bytes: [UInt8] = []
    var chunk = 4096
    while true {
      let used = bytes.count
      bytes.append(contentsOf: repeatElement(0, count: chunk))
      let count = bytes.withUnsafeMutableBytes { Glibc.read(descriptor.rawValue, $0.baseAddress! + used, chunk) }
      guard count >= 0 else {
        bytes.removeLast(chunk)
        if Errno.current == .interrupted { continue }
        throw .errno(.current, code, activity(), call: "read(2)")
      }
      bytes.removeLast(chunk - count)
      if count == 0 { return bytes }
      guard bytes.count <= limit else {
        throw ContainrError(.resourceExhausted, activity(), hint: "the file is longer than \(ByteCount(UInt64(limit)))")
      }
      chunk = min(max(bytes.count, 4096), 1 << 20)
    }
  }

  /// Reads a host file.
  package static func read(
    _ path: FilePath, limit: Int = 16 << 20, code: ContainrError.Code = .ioFailure
  ) throws(ContainrError) -> [UInt8] {
    let file = try OwnedDescriptor.open(path, code: code)
    return try read(file, limit: limit, "reading \(path)", code: code)
  }

  /// Reads a host file as UTF-8 text.
  package static func text(
    _ path: FilePath, limit: Int = 16 << 20, code: ContainrError.Code = .ioFailure
  ) throws(ContainrError) -> String {
    String(decoding: try read(path, limit: limit, code: code), as: UTF8.self)
  }

  /// Reads a host file as text, or returns nil where there is none.
  package static func textIfPresent(_ path: FilePath) throws(ContainrError) -> String? {
    let result = path.withPlatformString { cl_openat(AT_FDCWD, $0, O_RDONLY | O_CLOEXEC, 0) }
    if result == -ENOENT || result == -ENOTDIR { return nil }
    let file = OwnedDescriptor(owning: try check(result, .ioFailure, "openat(2)", "opening \(path)"))
    return String(decoding: try read(file, "reading \(path)"), as: UTF8.self)
  }

  /// Writes all bytes to a descriptor.
  package static func write(
    _ bytes: some Collection<UInt8>, to descriptor: borrowing OwnedDescriptor, _ activity: @autoclosure () -> String,
    code: ContainrError.Code = .ioFailure
  ) throws(ContainrError) {
    let buffer = Array(bytes)
    var written = 0
    while written < buffer.count {
      let count = buffer.withUnsafeBytes {
        Glibc.write(descriptor.rawValue, $0.baseAddress! + written, buffer.count - written)
      }
      if count < 0 {
        if Errno.current == .interrupted { continue }
        throw .errno(.current, code, activity(), call: "write(2)")
      }
      written += count
    }
  }

  /// Writes a kernel file, such as a sysctl or a cgroup file, in one `write(2)`.
  package static func writeKernelFile(
    _ text: String, to path: FilePath, code: ContainrError.Code, hint: String? = nil
  ) throws(ContainrError) {
    let file = try OwnedDescriptor.open(path, flags: O_WRONLY, code: code)
    var text = text
    let result = text.withUTF8 { Glibc.write(file.rawValue, $0.baseAddress, $0.count) }
    guard result >= 0 else {
      throw .errno(.current, code, "writing \"\(text)\" to \(path)", call: "write(2)", hint: hint)
    }
  }

  /// Replaces a file as a whole: write to a temporary name, `fsync` when `durable`, rename over.
  ///
  /// A process killed at any instant leaves the old file or the new one. `durable` extends that to a power failure.
  package static func replace(
    _ path: FilePath, with bytes: some Collection<UInt8>, mode: UInt32 = 0o600, durable: Bool
  ) throws(ContainrError) {
    let temporary = FilePath(path.string + ".tmp-\(getpid())-\(UInt32.random(in: 0...UInt32.max))")
    let file = try OwnedDescriptor.open(temporary, flags: O_WRONLY | O_CREAT | O_EXCL, mode: mode)
    do throws(ContainrError) {
      try write(bytes, to: file, "writing \(temporary)")
      if durable, fsync(file.rawValue) != 0 {
        throw ContainrError.errno(.current, .ioFailure, "syncing \(temporary)", call: "fsync(2)")
      }
      guard rename(temporary.string, path.string) == 0 else {
        throw ContainrError.errno(.current, .ioFailure, "replacing \(path)", call: "rename(2)")
      }
    } catch {
      unlink(temporary.string)
      throw error
    }
    if durable {
      let parent = path.removingLastComponent()
      let directory = try OwnedDescriptor.open(parent.isEmpty ? "." : parent, flags: O_RDONLY | O_DIRECTORY)
      guard fsync(directory.rawValue) == 0 else {
        throw .errno(.current, .ioFailure, "syncing the directory of \(path)", call: "fsync(2)")
      }
    }
  }
}
