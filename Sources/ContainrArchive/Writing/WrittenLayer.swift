import ContainrCore

/// What writing a layer came to.
public struct WrittenLayer: Hashable, Sendable {
  /// The digest of the tar: the layer's `diff_id` in an image's configuration (image-spec config.md).
  public let diffID: Digest
  /// The digest of what was written, for the descriptor in a manifest. Without compression it is the ``diffID``.
  public let digest: Digest
  /// How many bytes were written.
  public let size: ByteCount
  /// How many entries the tar has, whiteouts among them.
  public let entries: Int
  /// How many sockets were left out: tar has no type for them, and without the process that listens they are of no use.
  public let skippedSockets: Int
}
