extension OCI {
  /// What a blob is (image-spec media-types.md), with Docker's names of the same things.
  public struct MediaType: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    /// The name as it stands in a descriptor.
    public let rawValue: String
    /// Names a media type, known or not.
    public init(rawValue: String) { self.rawValue = rawValue }
    /// The name.
    public var description: String { rawValue }

    /// An OCI image index.
    public static let index = MediaType(rawValue: "application/vnd.oci.image.index.v1+json")
    /// An OCI image manifest.
    public static let manifest = MediaType(rawValue: "application/vnd.oci.image.manifest.v1+json")
    /// An OCI image configuration.
    public static let config = MediaType(rawValue: "application/vnd.oci.image.config.v1+json")
    /// A layer as plain tar.
    public static let layer = MediaType(rawValue: "application/vnd.oci.image.layer.v1.tar")
    /// A layer as tar in gzip.
    public static let layerGzip = MediaType(rawValue: "application/vnd.oci.image.layer.v1.tar+gzip")
    /// A layer as tar in zstd.
    public static let layerZstd = MediaType(rawValue: "application/vnd.oci.image.layer.v1.tar+zstd")

    /// Docker's manifest list, an index.
    public static let dockerIndex = MediaType(rawValue: "application/vnd.docker.distribution.manifest.list.v2+json")
    /// Docker's image manifest, version 2, schema 2.
    public static let dockerManifest = MediaType(rawValue: "application/vnd.docker.distribution.manifest.v2+json")
    /// Docker's image configuration.
    public static let dockerConfig = MediaType(rawValue: "application/vnd.docker.container.image.v1+json")
    /// Docker's layer as plain tar.
    public static let dockerLayer = MediaType(rawValue: "application/vnd.docker.image.rootfs.diff.tar")
    /// Docker's layer as tar in gzip.
    public static let dockerLayerGzip = MediaType(rawValue: "application/vnd.docker.image.rootfs.diff.tar.gzip")

    /// Whether the blob is an index or a manifest list.
    public var isIndex: Bool { self == .index || self == .dockerIndex }
    /// Whether the blob is the manifest of one image.
    public var isManifest: Bool { self == .manifest || self == .dockerManifest }
    /// Whether the blob is an image configuration.
    public var isConfig: Bool { self == .config || self == .dockerConfig }
    /// Whether the blob is a file system layer that Containr unpacks.
    public var isLayer: Bool {
      [.layer, .layerGzip, .layerZstd, .dockerLayer, .dockerLayerGzip].contains(self)
    }
  }
}
