import CContainrLinux
import ContainrArchive
import ContainrCore
import ContainrOCI
import Glibc
import SystemPackage

extension ImageStore {
  /// Makes a one-layer image of a root file system in a tar: plain, or compressed by gzip, zstd, xz or bzip2.
  ///
  /// The same tar gives the same image: no time and no machine goes into it. A plain, gzip or zstd tar is kept as it is; xz
  /// and bzip2, for which OCI has no layer type, are kept decompressed.
  ///
  /// - Parameters:
  ///   - tar: the archive; a FIFO or `/dev/stdin` will do.
  ///   - reference: the image's name.
  ///   - execution: how the image wants to run.
  /// - Throws: `LAYER_INVALID`, `IO_FAILURE`, `RESOURCE_EXHAUSTED`, `PERMISSION_DENIED`.
  @discardableResult
  public func `import`(
    _ tar: FilePath, as reference: ImageReference, execution: OCI.ImageConfig.Execution = .init()
  ) throws(ContainrError) -> ResolvedImage {
    let source = try OwnedDescriptor.open(tar)
    var transaction = try StoreTransaction(self)
    var writer = try transaction.beginBlob()
    try writer.copy(from: source, limit: limits.totalSize)
    var (digest, size) = try transaction.finish(writer)
    guard size > 0 else { throw ContainrError(.layerInvalid, "importing \(tar)", hint: "the file is empty") }
    var type = try Compression(of: OwnedDescriptor.open(transaction.path(of: digest))).layerType
    if type == nil {
      (digest, size) = try decompress(digest, in: &transaction, named: tar.string)
      type = .layer
    }
    return try finishImport(
      OCI.Descriptor(mediaType: type ?? .layer, digest: digest, size: size), createdBy: "containr import",
      as: reference, execution: execution, transaction)
  }

  private func decompress(
    _ digest: Digest, in transaction: inout StoreTransaction, named name: String
  ) throws(ContainrError) -> (Digest, ByteCount) {
    let blob = try OwnedDescriptor.open(transaction.path(of: digest))
    let contents = try DecompressedBlob(blob.rawValue, limits: limits, activity: "decompressing \(name)")
    var writer = try transaction.beginBlob()
    while let block = try contents.next() { try writer.write(block) }
    return try transaction.finish(writer)
  }

  /// Unpacks the one layer, writes configuration and manifest, and commits.
  func finishImport(
    _ layer: OCI.Descriptor, createdBy: String, as reference: ImageReference, execution: OCI.ImageConfig.Execution,
    _ transaction: consuming StoreTransaction
  ) throws(ContainrError) -> ResolvedImage {
    let diffID = try transaction.unpackBaseLayer(layer.digest)
    let config = OCI.ImageConfig(
      platform: platform, config: execution, diffIDs: [diffID], history: [.init(createdBy: createdBy)])
    let (configDigest, configSize) = try transaction.add(try config.json.serialized())
    let manifest = OCI.Manifest(
      config: OCI.Descriptor(mediaType: .config, digest: configDigest, size: configSize), layers: [layer])
    let (digest, size) = try transaction.add(try manifest.json.serialized())
    transaction.keepBlobs([digest, configDigest, layer.digest])
    try transaction.commit([
      (reference, OCI.Descriptor(mediaType: .manifest, digest: digest, size: size, platform: platform))
    ])
    return try resolve(reference)
  }
}
