import ContainrCore
import ContainrOCI

/// The way from a descriptor to the one image that this machine runs.
struct ManifestSelection {
  let platform: OCI.Platform

  /// An index may hold an index; more levels than this are somebody's trap.
  private static let depthLimit = 4

  /// Follows indexes to the manifest of the platform.
  ///
  /// - Parameter read: gives the checked bytes of a document.
  /// - Returns: the manifest's descriptor, the manifest, and its bytes.
  func manifest(
    of descriptor: OCI.Descriptor, read: (OCI.Descriptor) throws(ContainrError) -> [UInt8]
  ) throws(ContainrError) -> (OCI.Descriptor, OCI.Manifest, [UInt8]) {
    var descriptor = descriptor
    for _ in 0..<Self.depthLimit {
      let bytes = try read(descriptor)
      let name = "the \(descriptor.mediaType) \(descriptor.digest)"
      if descriptor.mediaType.isManifest {
        let manifest = try OCI.Manifest(parsing: bytes, as: name)
        try check(manifest.mediaType, against: descriptor, name)
        return (descriptor, manifest, bytes)
      }
      guard descriptor.mediaType.isIndex else {
        throw ContainrError(.imageInvalid, "reading \(name)", hint: "this is neither a manifest nor an index")
      }
      let index = try OCI.Index(parsing: bytes, as: name)
      try check(index.mediaType, against: descriptor, name)
      descriptor = try select(from: index, name)
    }
    throw ContainrError(
      .imageInvalid, "reading the index \(descriptor.digest)", hint: "indexes are nested deeper than \(Self.depthLimit)")
  }

  /// The manifest of the platform.
  func select(from index: OCI.Index, _ name: String) throws(ContainrError) -> OCI.Descriptor {
    if let match = index.manifest(for: platform) { return match }
    let offered = index.manifests.compactMap(\.platform).map(\.description).prefix(20).joined(separator: ", ")
    throw ContainrError(
      .imageNotFound, "choosing an image for \(platform) from \(name)",
      hint: offered.isEmpty ? "it names no platform" : "it has images for \(offered)")
  }

  private func check(
    _ mediaType: OCI.MediaType?, against descriptor: OCI.Descriptor, _ name: String
  ) throws(ContainrError) {
    guard mediaType == nil || mediaType == descriptor.mediaType else {
      throw ContainrError(
        .imageInvalid, "reading \(name)", hint: "the document calls itself \(mediaType!): it is ambiguous",
        fields: ["mediaType": mediaType!.rawValue])
    }
  }

  /// Reads an image's configuration, and checks that it fits the manifest.
  func config(of manifest: OCI.Manifest, bytes: [UInt8]) throws(ContainrError) -> OCI.ImageConfig {
    guard manifest.config.mediaType.isConfig else {
      throw ContainrError(
        .imageInvalid, "reading the image configuration \(manifest.config.digest)",
        hint: "\(manifest.config.mediaType) is not a container image's configuration: this is an artifact")
    }
    let config = try OCI.ImageConfig(parsing: bytes, as: "the image configuration \(manifest.config.digest)")
    if let layer = manifest.layers.first(where: { !$0.mediaType.isLayer }) {
      throw ContainrError(
        .unsupported, "reading the manifest of the image \(manifest.config.digest)",
        hint: "Containr does not unpack layers of the type \(layer.mediaType)")
    }
    guard config.diffIDs.count == manifest.layers.count else {
      throw ContainrError(
        .imageInvalid, "reading the image configuration \(manifest.config.digest)",
        hint: "it has \(config.diffIDs.count) diff ids; the manifest has \(manifest.layers.count) layers")
    }
    guard config.platform.runs(on: platform) else {
      throw ContainrError(
        .unsupported, "reading the image configuration \(manifest.config.digest)",
        hint: "the image is for \(config.platform), and this machine is \(platform)")
    }
    return config
  }
}
