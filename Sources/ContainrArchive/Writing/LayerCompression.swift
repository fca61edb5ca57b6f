/// How a layer is compressed when it is written (image-spec layer.md).
public enum LayerCompression: Hashable, Sendable, CaseIterable {
  /// Not at all: digest and diff id are the same.
  case none
  /// gzip, at zlib's default level and without a time in its header. Every program reads it.
  case gzip
  /// Zstandard, at its default level: several times faster than gzip, and smaller.
  case zstd
}
