import CContainrLinux
import ContainrCore
import ContainrOCI
import Glibc
import SystemPackage

/// An OCI image layout in a directory.
final class LayoutDirectory: LayoutSource {
  let name: String
  private let root: OwnedDescriptor

  init(_ path: FilePath) throws(ContainrError) {
    name = path.string
    root = try OwnedDescriptor.open(path, flags: O_RDONLY | O_DIRECTORY)
  }

  /// Opens a regular file of the layout. Links may lead nowhere else, and a FIFO cannot make the loader wait.
  private func open(_ file: String) throws(ContainrError) -> OwnedDescriptor? {
    let resolve = UInt64(RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS)
    let result = cl_openat2(root.rawValue, file, UInt64(O_RDONLY | O_NONBLOCK | O_CLOEXEC), 0, resolve)
    if result == -ENOENT || result == -ENOTDIR { return nil }
    let descriptor = OwnedDescriptor(owning: try check(result, .imageInvalid, "openat2(2)", "opening \(file) in \(name)"))
    var status = stat()
    guard fstat(descriptor.rawValue, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      throw ContainrError(.imageInvalid, "opening \(file) in \(name)", hint: "it is no regular file")
    }
    return descriptor
  }

  func file(_ file: String, in transaction: borrowing StoreTransaction) throws(ContainrError) -> [UInt8]? {
    guard let descriptor = try open(file) else { return nil }
    return try FileContents.read(
      descriptor, limit: Int(JSON.Limits().size.bytes), "reading \(file) in \(name)", code: .imageInvalid)
  }

  func ingest(_ descriptor: OCI.Descriptor, into transaction: inout StoreTransaction) throws(ContainrError) {
    if transaction.has(descriptor) { return }
    guard let blob = try open("blobs/sha256/\(descriptor.digest.hexadecimal)") else {
      throw ContainrError(.imageInvalid, "loading \(name)", hint: "the blob \(descriptor.digest) is missing in it")
    }
    try Self.checkLength(of: blob, descriptor)
    var writer = try transaction.beginBlob()
    try writer.copy(from: blob, limit: descriptor.size)
    try transaction.finish(writer, expected: descriptor)
  }

  private static func checkLength(
    of blob: borrowing OwnedDescriptor, _ descriptor: OCI.Descriptor
  ) throws(ContainrError) {
    var status = stat()
    guard fstat(blob.rawValue, &status) == 0, UInt64(status.st_size) == descriptor.size.bytes else {
      throw .digestMismatch(
        "the \(descriptor.mediaType) \(descriptor.digest)", expected: "\(descriptor.size.bytes) bytes",
        actual: "\(status.st_size) bytes")
    }
  }

  func ingest(
    file: String, into transaction: inout StoreTransaction
  ) throws(ContainrError) -> (digest: Digest, size: ByteCount)? {
    guard let descriptor = try open(file) else { return nil }
    var writer = try transaction.beginBlob()
    try writer.copy(from: descriptor, limit: .gibibytes(64))
    return try transaction.finish(writer)
  }
}
