import CArchive
import ContainrCore
import Glibc
import SystemPackage

/// Where the bytes of a layer go: hashed, compressed where asked for, hashed again, and given to a sink.
///
/// A class, because libarchive's callback keeps its address.
final class LayerStream {
  typealias Sink = (UnsafeRawBufferPointer) throws(ContainrError) -> Void

  private static let capacity = 1 << 20

  private var buffer: [UInt8] = []
  private var contents = Digest.Hash()
  private var compressed = Digest.Hash()
  private var size: UInt64 = 0
  private let sink: Sink
  private var filter: OpaquePointer?
  private var failure: ContainrError?
  private let activity: String

  init(compression: LayerCompression, activity: String, sink: @escaping Sink) throws(ContainrError) {
    self.sink = sink
    self.activity = activity
    buffer.reserveCapacity(Self.capacity + (64 << 10))
    if compression != .none { try open(compression) }
  }

  deinit { if let filter { archive_write_free(filter) } }

  // MARK: Bytes

  /// Appends a few bytes.
  func append(_ body: (inout [UInt8]) -> Void) throws(ContainrError) {
    body(&buffer)
    if buffer.count >= Self.capacity { try flush() }
  }

  func append(_ bytes: some Sequence<UInt8>) throws(ContainrError) { try append { $0 += bytes } }

  /// Appends zeros up to the next block of 512 bytes after `count` bytes.
  func pad(after count: UInt64) throws(ContainrError) {
    try append(repeatElement(0, count: Int((512 - count % 512) % 512)))
  }

  /// Appends a part of a file.
  ///
  /// - Throws: `IO_FAILURE`, also where the file is shorter than it was.
  func append(file: CInt, offset: UInt64, count: UInt64) throws(ContainrError) {
    var done: UInt64 = 0
    while done < count {
      let wanted = Int(min(count - done, UInt64(Self.capacity - min(buffer.count, Self.capacity - 1))))
      let used = buffer.count
      buffer += repeatElement(0, count: wanted)
      let place = off_t(offset + done)
      let result = buffer.withUnsafeMutableBytes { pread(file, $0.baseAddress! + used, wanted, place) }
      buffer.removeLast(wanted - max(result, 0))
      if result < 0 {
        if Errno.current == .interrupted { continue }
        throw .errno(.current, .ioFailure, activity, call: "pread(2)")
      }
      guard result > 0 else {
        throw ContainrError(.ioFailure, activity, hint: "a file became shorter meanwhile; stop who writes to the tree")
      }
      done += UInt64(result)
      if buffer.count >= Self.capacity { try flush() }
    }
  }

  private func flush() throws(ContainrError) {
    defer { buffer.removeAll(keepingCapacity: true) }
    try buffer.withUnsafeBufferPointer { (bytes) throws(ContainrError) in try give(UnsafeRawBufferPointer(bytes)) }
  }

  private func give(_ bytes: UnsafeRawBufferPointer) throws(ContainrError) {
    contents.update(bytes)
    guard let filter else { return try deliver(bytes) }
    let written = archive_write_data(filter, bytes.baseAddress, bytes.count)
    if let failure { throw failure }
    guard written == bytes.count else { throw filterFailed(filter) }
  }

  private func deliver(_ bytes: UnsafeRawBufferPointer) throws(ContainrError) {
    // Without compression both digests are the same: one is enough.
    if filter != nil { compressed.update(bytes) }
    size += UInt64(bytes.count)
    try sink(bytes)
  }

  /// Writes the end mark and what is left. `entries` and `sockets` go into the result.
  func finish(entries: Int, sockets: Int) throws(ContainrError) -> WrittenLayer {
    try append(repeatElement(0, count: 1024))
    try flush()
    if let filter {
      let status = archive_write_close(filter)
      if let failure { throw failure }
      guard status == ARCHIVE_OK else { throw filterFailed(filter) }
    }
    let diffID = contents.finalize()
    return WrittenLayer(
      diffID: diffID, digest: filter == nil ? diffID : compressed.finalize(), size: ByteCount(size), entries: entries,
      skippedSockets: sockets)
  }

  // MARK: Compression

  private func open(_ compression: LayerCompression) throws(ContainrError) {
    guard let filter = archive_write_new() else { throw ContainrError(.resourceExhausted, activity) }
    self.filter = filter
    archive_write_set_format_raw(filter)
    switch compression {
    case .gzip:
      archive_write_add_filter_gzip(filter)
      // The time of the compression would make every digest another.
      archive_write_set_filter_option(filter, "gzip", "timestamp", nil)
    default: archive_write_add_filter_zstd(filter)
    }
    archive_write_set_bytes_per_block(filter, 0)
    let status = archive_write_open(
      filter, Unmanaged.passUnretained(self).toOpaque(), nil,
      { _, context, bytes, count in
        guard let context else { return -1 }
        let stream = Unmanaged<LayerStream>.fromOpaque(context).takeUnretainedValue()
        do throws(ContainrError) {
          try stream.deliver(UnsafeRawBufferPointer(start: bytes, count: count))
          return count
        } catch {
          // Kept, because libarchive only knows that the callback failed.
          stream.failure = error
          return -1
        }
      }, nil)
    guard status == ARCHIVE_OK, let entry = archive_entry_new() else { throw filterFailed(filter) }
    defer { archive_entry_free(entry) }
    archive_entry_set_filetype(entry, mode_t(Glibc.S_IFREG))
    guard archive_write_header(filter, entry) == ARCHIVE_OK else { throw filterFailed(filter) }
  }

  private func filterFailed(_ filter: OpaquePointer) -> ContainrError {
    ContainrError(.ioFailure, activity, hint: archive_error_string(filter).map { String(cString: $0) })
  }
}
