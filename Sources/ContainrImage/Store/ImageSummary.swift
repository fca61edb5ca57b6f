import ContainrCore

/// One line of a list of images.
public struct ImageSummary: Sendable, Hashable {
  /// The image's name.
  public let reference: ImageReference
  /// The digest of its manifest.
  public let manifestDigest: Digest
  /// The digest of its configuration, which Docker calls the image id.
  public let configDigest: Digest
  /// When it was made, RFC 3339; nil where the image does not say.
  public let created: String?
  /// Its blobs together: as large as a transfer of the image.
  public let size: ByteCount
}
