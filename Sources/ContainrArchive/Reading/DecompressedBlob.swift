import CArchive
import ContainrCore
import Glibc

/// A blob as its decompressed bytes, hashed on the way: the source of the tar reader.
///
/// A class, because libarchive's callback keeps its address.
package final class DecompressedBlob {
  private let archive: ArchiveHandle
  private let limits: UnpackLimits
  private let activity: String
  private let deadline: ContinuousClock.Instant?
  private var hash = Digest.Hash()
  private var atEnd = false
  package private(set) var count: UInt64 = 0
  /// The error that made the callback fail: libarchive only knows that it did.
  package private(set) var failure: ContainrError?

  /// Starts to read a descriptor at its offset.
  package init(_ descriptor: CInt, limits: UnpackLimits, activity: String) throws(ContainrError) {
    archive = try ArchiveHandle()
    self.limits = limits
    self.activity = activity
    deadline = limits.time.map { ContinuousClock.now + $0 }
    archive.supportCompression()
    archive_read_support_format_raw(archive.pointer)
    archive_read_support_format_empty(archive.pointer)
    try archive.check(archive_read_open_fd(archive.pointer, descriptor, 256 << 10), activity)
    var entry: OpaquePointer?
    let status = archive_read_next_header(archive.pointer, &entry)
    atEnd = status == ARCHIVE_EOF
    if !atEnd { try archive.check(status, activity) }
    try archive.checkSingleCompression(activity)
  }

  /// The next bytes, valid until the next call; nil at the end.
  package func next() throws(ContainrError) -> UnsafeRawBufferPointer? {
    if let failure { throw failure }
    do throws(ContainrError) {
      return try read()
    } catch {
      failure = error
      throw error
    }
  }

  private func read() throws(ContainrError) -> UnsafeRawBufferPointer? {
    guard !atEnd else { return nil }
    var base: UnsafeRawPointer?
    var size = 0
    var offset: Int64 = 0
    let status = archive_read_data_block(archive.pointer, &base, &size, &offset)
    if status == ARCHIVE_EOF {
      atEnd = true
      return nil
    }
    try archive.check(status, activity)
    let block = UnsafeRawBufferPointer(start: base, count: size)
    hash.update(block)
    count += UInt64(size)
    try checkLimits()
    return block
  }

  private func checkLimits() throws(ContainrError) {
    if count > UnpackLimits.ratioGrace {
      let compressed = UInt64(max(archive_filter_bytes(archive.pointer, -1), 1))
      guard count / compressed <= limits.compressionRatio else {
        throw UnpackLimits.exceeded("compressionRatio", limits.compressionRatio, activity)
      }
    }
    if let deadline, let time = limits.time, ContinuousClock.now > deadline {
      throw UnpackLimits.exceeded("time", time, activity)
    }
  }

  /// Reads to the end, and gives the digest of everything: the diff id.
  package func finish() throws(ContainrError) -> Digest {
    while try next() != nil {}
    return hash.finalize()
  }
}

extension DecompressedBlob {
  /// Opens a tar reader over these bytes. The blob must outlive it.
  package func makeTarReader() throws(ContainrError) -> ArchiveHandle {
    let tar = try ArchiveHandle()
    archive_read_support_format_tar(tar.pointer)
    archive_read_support_format_empty(tar.pointer)
    let context = Unmanaged.passUnretained(self).toOpaque()
    let status = archive_read_open2(
      tar.pointer, context, nil,
      { _, context, buffer in
        guard let context, let buffer else { return -1 }
        let blob = Unmanaged<DecompressedBlob>.fromOpaque(context).takeUnretainedValue()
        do throws(ContainrError) {
          let block = try blob.next()
          buffer.pointee = block?.baseAddress
          return block?.count ?? 0
        } catch {
          // Kept in `failure`, where the caller of libarchive looks first.
          return -1
        }
      }, nil, nil)
    if let failure { throw failure }
    try tar.check(status, activity)
    return tar
  }
}
