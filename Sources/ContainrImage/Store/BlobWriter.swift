import ContainrCore
import Glibc
import SystemPackage

/// A blob in the making: bytes go to a temporary file and into its digest.
package struct BlobWriter: ~Copyable {
  let path: FilePath
  private let file: OwnedDescriptor
  private var hash = Digest.Hash()
  private var count: UInt64 = 0

  init(_ path: FilePath) throws(ContainrError) {
    self.path = path
    file = try OwnedDescriptor.open(path, flags: O_WRONLY | O_CREAT | O_EXCL, mode: 0o600)
  }

  /// Adds bytes.
  package mutating func write(_ bytes: UnsafeRawBufferPointer) throws(ContainrError) {
    hash.update(bytes)
    count += UInt64(bytes.count)
    var rest = bytes
    while !rest.isEmpty {
      let written = Glibc.write(file.rawValue, rest.baseAddress, rest.count)
      guard written >= 0 || Errno.current == .interrupted else {
        throw .errno(.current, .ioFailure, "writing \(path)", call: "write(2)")
      }
      rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(max(written, 0)))
    }
  }

  /// Adds bytes.
  package mutating func write(_ bytes: [UInt8]) throws(ContainrError) {
    try bytes.withUnsafeBufferPointer { (buffer) throws(ContainrError) in try write(UnsafeRawBufferPointer(buffer)) }
  }

  /// Adds what a descriptor has from its offset to its end.
  ///
  /// - Parameter limit: throws `RESOURCE_EXHAUSTED` past so many bytes.
  package mutating func copy(from source: borrowing OwnedDescriptor, limit: ByteCount) throws(ContainrError) {
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 4096)
    defer { buffer.deallocate() }
    while true {
      let read = Glibc.read(source.rawValue, buffer.baseAddress, buffer.count)
      if read == 0 { return }
      if read < 0 {
        if Errno.current == .interrupted { continue }
        throw .errno(.current, .ioFailure, "reading a blob", call: "read(2)")
      }
      guard count + UInt64(read) <= limit.bytes else {
        throw ContainrError(.resourceExhausted, "reading a blob", hint: "it is longer than \(limit)")
      }
      try write(UnsafeRawBufferPointer(rebasing: buffer[..<read]))
    }
  }

  consuming func finish() -> (Digest, ByteCount) { (hash.finalize(), ByteCount(count)) }
}
