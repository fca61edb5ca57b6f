import CArchive
import ContainrArchive
import ContainrCore
import ContainrOCI
import Glibc
import SystemPackage

/// An OCI archive or a docker-archive: a tar, compressed or not, read once from start to end.
///
/// Its files go into the transaction as blobs while they are read, in whatever order they come; names are kept here.
final class LayoutArchive: LayoutSource {
  let name: String
  private var files: [String: (digest: Digest, size: ByteCount)] = [:]
  private var links: [String: String] = [:]

  /// An archive has a few files for each layer; more than this is no image.
  private static let entryLimit = 100_000

  init(_ path: FilePath, limits: UnpackLimits, into transaction: inout StoreTransaction) throws(ContainrError) {
    name = path.string
    let file = try OwnedDescriptor.open(path)
    let archive = try ArchiveHandle()
    archive.supportCompression()
    archive_read_support_format_tar(archive.pointer)
    let activity = "reading the archive \(path)"
    try asImage { () throws(ContainrError) in
      try archive.check(archive_read_open_fd(archive.pointer, file.rawValue, 256 << 10), activity)
      try read(archive, limits, activity, into: &transaction)
    }
  }

  /// The codes of layers are not those of images.
  private func asImage(_ body: () throws(ContainrError) -> Void) throws(ContainrError) {
    do throws(ContainrError) { try body() } catch {
      guard error.code == .layerInvalid else { throw error }
      var error = error
      error.code = .imageInvalid
      throw error
    }
  }

  private func read(
    _ archive: borrowing ArchiveHandle, _ limits: UnpackLimits, _ activity: String,
    into transaction: inout StoreTransaction
  ) throws(ContainrError) {
    var total: UInt64 = 0
    for count in 1... {
      var pointer: OpaquePointer?
      let status = archive_read_next_header(archive.pointer, &pointer)
      if status == ARCHIVE_EOF { return }
      try archive.check(status, activity)
      try archive.checkSingleCompression(activity)
      guard count <= Self.entryLimit else { throw UnpackLimits.exceeded("entries", Self.entryLimit, activity) }
      guard let pointer, let text = archive_entry_pathname(pointer) else { throw archive.failure(activity) }
      let path = Self.normalize(String(cString: text))
      // Layers of docker-archives that occur twice are links to the first.
      if let target = archive_entry_hardlink(pointer) {
        links[path] = Self.normalize(String(cString: target))
      } else if let target = archive_entry_symlink(pointer) {
        links[path] = Self.normalize(
          String(path.prefix(upTo: path.lastIndex(of: "/") ?? path.startIndex)) + "/" + String(cString: target))
      } else if archive_entry_filetype(pointer) == S_IFREG {
        guard files[path] == nil else {
          throw ContainrError(.imageInvalid, activity, hint: "the file \(LayerPath.printable(text)) occurs twice")
        }
        files[path] = try copy(archive, limits, &total, activity, into: &transaction)
      }
    }
  }

  private func copy(
    _ archive: borrowing ArchiveHandle, _ limits: UnpackLimits, _ total: inout UInt64, _ activity: String,
    into transaction: inout StoreTransaction
  ) throws(ContainrError) -> (digest: Digest, size: ByteCount) {
    var writer = try transaction.beginBlob()
    var position: Int64 = 0
    while true {
      var base: UnsafeRawPointer?
      var count = 0
      var offset: Int64 = 0
      let status = archive_read_data_block(archive.pointer, &base, &count, &offset)
      if status == ARCHIVE_EOF { return try transaction.finish(writer) }
      try archive.check(status, activity)
      guard offset == position else {
        throw ContainrError(.imageInvalid, activity, hint: "a sparse file has no place in an image archive")
      }
      position += Int64(count)
      total += UInt64(count)
      guard total <= limits.totalSize.bytes else { throw UnpackLimits.exceeded("totalSize", limits.totalSize, activity) }
      try writer.write(UnsafeRawBufferPointer(start: base, count: count))
    }
  }

  /// The name without `.`, `..` and empty parts: names are keys here, no file is opened by them.
  private static func normalize(_ path: String) -> String {
    var parts: [Substring] = []
    for part in path.split(separator: "/") where part != "." {
      if part == ".." { _ = parts.popLast() } else { parts.append(part) }
    }
    return parts.joined(separator: "/")
  }

  private func find(_ name: String) -> (digest: Digest, size: ByteCount)? {
    let path = Self.normalize(name)
    return files[path] ?? links[path].flatMap { files[$0] }
  }

  func file(_ name: String, in transaction: borrowing StoreTransaction) throws(ContainrError) -> [UInt8]? {
    guard let found = find(name) else { return nil }
    let descriptor = OCI.Descriptor(mediaType: OCI.MediaType(rawValue: name), digest: found.digest, size: found.size)
    return try transaction.document(descriptor)
  }

  func ingest(_ descriptor: OCI.Descriptor, into transaction: inout StoreTransaction) throws(ContainrError) {
    guard let found = find("blobs/sha256/\(descriptor.digest.hexadecimal)") else {
      // A layout may leave out what its reader has already.
      if transaction.has(descriptor) { return }
      throw ContainrError(.imageInvalid, "loading \(name)", hint: "the blob \(descriptor.digest) is missing in it")
    }
    guard found.digest == descriptor.digest, found.size == descriptor.size else {
      throw .digestMismatch(
        "the \(descriptor.mediaType)", expected: "\(descriptor.digest), \(descriptor.size.bytes) bytes",
        actual: "\(found.digest), \(found.size.bytes) bytes")
    }
  }

  func ingest(
    file: String, into transaction: inout StoreTransaction
  ) throws(ContainrError) -> (digest: Digest, size: ByteCount)? { find(file) }
}
