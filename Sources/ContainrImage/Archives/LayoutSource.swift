import ContainrCore
import ContainrOCI

/// Where images are loaded from: files by name, in a directory or in an archive.
protocol LayoutSource {
  /// What errors call it.
  var name: String { get }

  /// A small file, or nil where there is none.
  func file(_ name: String, in transaction: borrowing StoreTransaction) throws(ContainrError) -> [UInt8]?

  /// Makes a blob of the layout part of the transaction, checked against its descriptor.
  func ingest(_ descriptor: OCI.Descriptor, into transaction: inout StoreTransaction) throws(ContainrError)

  /// Makes a file part of the transaction, whatever its digest; nil where there is none.
  func ingest(
    file name: String, into transaction: inout StoreTransaction
  ) throws(ContainrError) -> (digest: Digest, size: ByteCount)?
}

extension LayoutSource {
  /// A small file that must be there.
  func required(_ name: String, in transaction: borrowing StoreTransaction) throws(ContainrError) -> [UInt8] {
    if let bytes = try file(name, in: transaction) { return bytes }
    throw ContainrError(.imageInvalid, "loading \(self.name)", hint: "the file \(name) is missing in it")
  }

  /// A blob that is a document, checked.
  func document(
    _ descriptor: OCI.Descriptor, in transaction: borrowing StoreTransaction
  ) throws(ContainrError) -> [UInt8] {
    try ImageStore.checkSize(descriptor)
    let bytes = try required("blobs/sha256/\(descriptor.digest.hexadecimal)", in: transaction)
    try ImageStore.verify(bytes, against: descriptor)
    return bytes
  }
}
