import ContainrArchive
import ContainrCore
import ContainrOCI
import Glibc
import SystemPackage

/// The images of one layout or archive on their way into a transaction.
struct ImageLoader {
  /// An image whose blobs are in the transaction.
  struct Image {
    var references: [ImageReference]
    var descriptor: OCI.Descriptor
    var manifest: OCI.Manifest
    var config: OCI.ImageConfig
  }

  let store: ImageStore
  let source: any LayoutSource
  let fallbackName: String
  private(set) var images: [Image] = []

  init(store: ImageStore, source: any LayoutSource, fallbackName: String) {
    self.store = store
    self.source = source
    self.fallbackName = fallbackName
  }

  /// The digests that the images need.
  var usedBlobs: Set<Digest> {
    var result: Set<Digest> = []
    for image in images {
      result.insert(image.descriptor.digest)
      result.insert(image.manifest.config.digest)
      for layer in image.manifest.layers { result.insert(layer.digest) }
    }
    return result
  }

  /// The images with the names that they get in the store.
  func named(_ reference: ImageReference?) throws(ContainrError) -> [(ImageReference, OCI.Descriptor)] {
    guard let reference else { return images.flatMap { image in image.references.map { ($0, image.descriptor) } } }
    guard images.count == 1 else {
      throw ContainrError(
        .invalidArgument, "loading \(source.name) as \(reference)",
        hint: "it has \(images.count) images: load it without a name")
    }
    return [(reference, images[0].descriptor)]
  }

  // MARK: OCI layout

  mutating func loadLayout(_ bytes: [UInt8], into transaction: inout StoreTransaction) throws(ContainrError) {
    let layout = "oci-layout of \(source.name)"
    let version = try JSON(parsing: try source.required("oci-layout", in: transaction), as: layout, code: .imageInvalid)
    let member = try JSON.Cursor(version, document: layout, code: .imageInvalid).required("imageLayoutVersion")
    guard try member.string() == "1.0.0" else { throw member.invalid("only version 1.0.0 is known") }

    let index = try OCI.Index(parsing: bytes, as: "index.json of \(source.name)")
    // Descriptors of one name are one image's platforms.
    var names: [String] = []
    var groups: [String: [OCI.Descriptor]] = [:]
    for descriptor in index.manifests {
      let name =
        descriptor.annotations[ImageStore.canonicalNameAnnotation] ?? descriptor.annotations[ImageStore.nameAnnotation] ?? ""
      if groups[name] == nil { names.append(name) }
      groups[name, default: []].append(descriptor)
    }
    guard !names.isEmpty else {
      throw ContainrError(.imageInvalid, "loading \(source.name)", hint: "its index.json names no image")
    }
    let selection = ManifestSelection(platform: store.platform)
    for name in names {
      let group = OCI.Index(manifests: groups[name, default: []])
      let top = group.manifests.count == 1 ? group.manifests[0] : try selection.select(from: group, source.name)
      let (descriptor, manifest, bytes) = try selection.manifest(of: top) { descriptor throws(ContainrError) in
        try source.document(descriptor, in: transaction)
      }
      let config = try source.document(manifest.config, in: transaction)
      images.append(
        Image(
          references: [try reference(named: name)],
          descriptor: OCI.Descriptor(
            mediaType: descriptor.mediaType, digest: descriptor.digest, size: descriptor.size,
            platform: descriptor.platform),
          manifest: manifest, config: try selection.config(of: manifest, bytes: config)))
      _ = try transaction.add(bytes)
      _ = try transaction.add(config)
      for layer in manifest.layers { try source.ingest(layer, into: &transaction) }
    }
  }

  /// The full name of a layout's image: its own, or the file's name with its tag.
  private func reference(named name: String) throws(ContainrError) -> ImageReference {
    if name.isEmpty { return try ImageReference(fallbackName) }
    if name.contains("/") || name.contains(":") { return try ImageReference(name) }
    return try ImageReference("\(fallbackName):\(name)")
  }

  // MARK: docker-archive

  mutating func loadDockerArchive(_ bytes: [UInt8], into transaction: inout StoreTransaction) throws(ContainrError) {
    let name = "manifest.json of \(source.name)"
    let list = JSON.Cursor(try JSON(parsing: bytes, as: name, code: .imageInvalid), document: name, code: .imageInvalid)
    let entries = try list.elements()
    guard !entries.isEmpty else { throw list.invalid("it names no image") }
    for entry in entries { try loadDockerImage(entry, into: &transaction) }
  }

  private mutating func loadDockerImage(
    _ entry: JSON.Cursor, into transaction: inout StoreTransaction
  ) throws(ContainrError) {
    let configName = try entry.required("Config")
    let configBytes = try source.required(try configName.string(), in: transaction)
    let (configDigest, configSize) = try transaction.add(configBytes)
    try checkName(configName, configDigest)
    var layers: [OCI.Descriptor] = []
    for layer in try entry.required("Layers").elements() {
      guard let (digest, size) = try source.ingest(file: try layer.string(), into: &transaction) else {
        throw layer.invalid("the layer is missing in the archive")
      }
      let blob = try OwnedDescriptor.open(transaction.path(of: digest))
      guard let type = try Compression(of: blob).layerType else {
        throw layer.invalid("a layer of an image is plain tar, gzip or zstd")
      }
      layers.append(OCI.Descriptor(mediaType: type, digest: digest, size: size))
    }
    let manifest = OCI.Manifest(
      config: OCI.Descriptor(mediaType: .config, digest: configDigest, size: configSize), layers: layers)
    let config = try ManifestSelection(platform: store.platform).config(of: manifest, bytes: configBytes)
    let (digest, size) = try transaction.add(try manifest.json.serialized())
    var references: [ImageReference] = []
    for tag in try entry.strings("RepoTags") ?? [] { references.append(try ImageReference(tag)) }
    if references.isEmpty { references = [try ImageReference(fallbackName)] }
    images.append(
      Image(
        references: references,
        descriptor: OCI.Descriptor(mediaType: .manifest, digest: digest, size: size, platform: config.platform),
        manifest: manifest, config: config))
  }

  /// docker-archives name the configuration by its digest, `<digits>.json` or `blobs/sha256/<digits>`.
  private func checkName(_ cursor: JSON.Cursor, _ digest: Digest) throws(ContainrError) {
    let name = try cursor.string()
    let last = name.split(separator: "/").last.map(String.init) ?? name
    let digits = last.hasSuffix(".json") ? String(last.dropLast(5)) : last
    guard digits.utf8.count == 64, digits.allSatisfy(\.isHexDigit), digits != digest.hexadecimal else { return }
    throw .digestMismatch("the image configuration \(name)", expected: digits, actual: digest.hexadecimal)
  }
}
