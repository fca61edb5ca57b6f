import CContainrLinux
import ContainrCore
import ContainrOCI
import Glibc
import SystemPackage

extension ImageStore {
  /// The image of a name, ready to run.
  ///
  /// For an image whose layers are unpacked this reads three small files and looks once at each layer. The manifest and the
  /// configuration are checked against their digests each time. Layers that another program put into the layout are
  /// unpacked now.
  ///
  /// - Throws: `IMAGE_NOT_FOUND`, `DIGEST_MISMATCH`, `IMAGE_INVALID`, `LAYER_INVALID`.
  public func resolve(_ reference: ImageReference) throws(ContainrError) -> ResolvedImage {
    if let image = try resolveIfPresent(reference) { return image }
    throw ContainrError(
      .imageNotFound, "looking for the image \(reference)",
      hint: "it is not in \(directory); load or import it, or list what is there with `containr images`")
  }

  /// The image of a name, or nil where the store has none.
  ///
  /// - Throws: `DIGEST_MISMATCH`, `IMAGE_INVALID`, `LAYER_INVALID`.
  public func resolveIfPresent(_ reference: ImageReference) throws(ContainrError) -> ResolvedImage? {
    guard let descriptor = try find(reference) else { return nil }
    let (digest, manifest) = try manifest(of: descriptor)
    let config = try config(of: manifest)
    let layers = config.chainIDs.map(layerPath)
    if layers.contains(where: { access($0.string, F_OK) != 0 }) {
      try unpackLayers(of: manifest, config)
    }
    return ResolvedImage(
      reference: reference, manifestDigest: digest, configDigest: manifest.config.digest, config: config, layers: layers)
  }

  /// The descriptor that index.json has under a name; a digest in the reference must be the manifest's own.
  private func find(_ reference: ImageReference) throws(ContainrError) -> OCI.Descriptor? {
    let index = try index()
    // The exact text first: parsing every name of a large index would take longer than all else.
    let text = reference.description
    if let exact = index.manifests.first(where: { $0.annotations[Self.nameAnnotation] == text }) { return exact }
    for descriptor in index.manifests {
      guard let name = Self.reference(of: descriptor) else { continue }
      guard name.registry == reference.registry, name.repository == reference.repository else { continue }
      if let digest = reference.digest {
        if digest == descriptor.digest { return descriptor }
      } else if name.tag == reference.tag {
        return descriptor
      }
    }
    return nil
  }

  /// `org.opencontainers.image.ref.name`, which skopeo takes after `oci:DIR:`.
  static let nameAnnotation = "org.opencontainers.image.ref.name"
  /// containerd's annotation with the complete name.
  static let canonicalNameAnnotation = "io.containerd.image.name"

  /// The name of an image of the store; nil for one that has none.
  ///
  /// Other programs may name images in a layout as they like: what is no image reference is theirs, and no error here.
  static func reference(of descriptor: OCI.Descriptor) -> ImageReference? {
    let canonical = descriptor.annotations[canonicalNameAnnotation]
    guard let name = canonical ?? descriptor.annotations[nameAnnotation] else { return nil }
    // A bare tag such as umoci writes says nothing about the repository.
    guard name.contains("/") || name.contains(":") else { return nil }
    do throws(ContainrError) { return try ImageReference(name) } catch { return nil }
  }

  // MARK: Documents

  /// Reads a blob that is a document, and checks its digest and size.
  func document(_ descriptor: OCI.Descriptor) throws(ContainrError) -> [UInt8] {
    try Self.checkSize(descriptor)
    let path = blobPath(descriptor.digest)
    let limit = Int(JSON.Limits().size.bytes)
    let bytes = try FileContents.read(path, limit: limit, code: .imageInvalid)
    try Self.verify(bytes, against: descriptor)
    return bytes
  }

  static func checkSize(_ descriptor: OCI.Descriptor) throws(ContainrError) {
    let limit = JSON.Limits().size
    guard descriptor.size <= limit else {
      throw ContainrError(
        .imageInvalid, "reading the \(descriptor.mediaType) \(descriptor.digest)",
        hint: "it is \(descriptor.size) long; a document may have \(limit)")
    }
  }

  static func verify(_ bytes: [UInt8], against descriptor: OCI.Descriptor) throws(ContainrError) {
    var hash = Digest.Hash()
    hash.update(bytes)
    let digest = hash.finalize()
    guard digest == descriptor.digest, UInt64(bytes.count) == descriptor.size.bytes else {
      throw .digestMismatch(
        "the \(descriptor.mediaType)", expected: "\(descriptor.digest), \(descriptor.size.bytes) bytes",
        actual: "\(digest), \(bytes.count) bytes")
    }
  }

  /// The manifest behind a descriptor: that of this machine's platform, where the descriptor names an index.
  func manifest(of descriptor: OCI.Descriptor) throws(ContainrError) -> (digest: Digest, manifest: OCI.Manifest) {
    let (found, manifest, _) = try ManifestSelection(platform: platform).manifest(of: descriptor) {
      descriptor throws(ContainrError) in
      try document(descriptor)
    }
    return (found.digest, manifest)
  }

  /// The configuration of an image, checked against its manifest.
  func config(of manifest: OCI.Manifest) throws(ContainrError) -> OCI.ImageConfig {
    try ManifestSelection(platform: platform).config(of: manifest, bytes: try document(manifest.config))
  }
}

extension ContainrError {
  static func digestMismatch(_ what: String, expected: String, actual: String) -> ContainrError {
    ContainrError(
      .digestMismatch, "checking \(what)", hint: "expected \(expected); found \(actual): the content is damaged or forged",
      fields: ["expected": expected, "actual": actual])
  }
}
