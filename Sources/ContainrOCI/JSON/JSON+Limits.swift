import ContainrCore

extension JSON {
  /// How much a reader accepts: a document is read whole into memory, and comes from strangers.
  public struct Limits: Sendable, Hashable {
    /// The length of the document. 4 MiB by default, as registries limit manifests (image-spec manifest.md).
    public var size: ByteCount
    /// How deep arrays and objects may nest, 64 by default.
    public var depth: Int

    /// Sets limits.
    public init(size: ByteCount = .mebibytes(4), depth: Int = 64) {
      self.size = size
      self.depth = depth
    }
  }
}
