import ContainrCore
import ContainrOCI
import SystemPackage

extension ImageStore {
  /// The images, in the order of the index. Manifests without a name are not listed.
  ///
  /// - Throws: `IMAGE_INVALID`, `DIGEST_MISMATCH`.
  public func list() throws(ContainrError) -> [ImageSummary] {
    var result: [ImageSummary] = []
    for descriptor in try index().manifests {
      guard let reference = Self.reference(of: descriptor) else { continue }
      let (digest, manifest) = try manifest(of: descriptor)
      // Images for other machines are listed too, so the configuration is not held against this one.
      let config = try OCI.ImageConfig(
        parsing: try document(manifest.config), as: "the image configuration \(manifest.config.digest)")
      let size = manifest.layers.reduce(manifest.config.size.bytes) { $0 &+ $1.size.bytes }
      result.append(
        ImageSummary(
          reference: reference, manifestDigest: digest, configDigest: manifest.config.digest, created: config.created,
          size: ByteCount(size)))
    }
    return result
  }

  /// Takes a name away from its image. The blobs and layers stay: a container may stand on them, and another image.
  ///
  /// - Throws: `IMAGE_NOT_FOUND`.
  public func remove(_ reference: ImageReference) throws(ContainrError) {
    try changeIndex { index throws(ContainrError) in
      guard index.remove(reference) else {
        throw ContainrError(.imageNotFound, "removing the image \(reference)", hint: "it is not in \(directory)")
      }
    }
  }

  /// Removes what killed writers left behind. Every writer does so too when it begins.
  public func repair() throws(ContainrError) {
    let lock = try lock(exclusive: true)
    defer { withExtendedLifetime(lock) {} }
    try FileTree.makeDirectories(temporaryDirectory)
    try StoreTransaction.sweep(self)
  }

  /// Unpacks the layers of an image that came into the layout by another program.
  func unpackLayers(of manifest: OCI.Manifest, _ config: OCI.ImageConfig) throws(ContainrError) {
    var transaction = try StoreTransaction(self)
    try transaction.unpackLayers(of: manifest, config)
    try transaction.commit([])
  }
}
