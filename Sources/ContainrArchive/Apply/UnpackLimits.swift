import ContainrCore

/// How much one layer may bring: a few kilobytes of a hostile layer can otherwise fill a disk.
///
/// Passing a limit is `LAYER_INVALID` with the limit's name in the error.
public struct UnpackLimits: Sendable, Hashable {
  /// The sizes of all files together, 64 GiB by default. A sparse file counts with its holes.
  public var totalSize: ByteCount
  /// The size of one file, 32 GiB by default.
  public var fileSize: ByteCount
  /// The number of entries, 4 million by default.
  public var entries: Int
  /// How many components a path may have, 128 by default.
  public var pathDepth: Int
  /// How many times longer than the blob its contents may be, 400 by default. It applies from 256 MiB of contents on:
  /// short layers of zeros are common and harmless.
  public var compressionRatio: UInt64
  /// How long unpacking may take; no limit by default.
  public var time: Duration?

  /// Sets limits.
  public init(
    totalSize: ByteCount = .gibibytes(64), fileSize: ByteCount = .gibibytes(32), entries: Int = 4_000_000,
    pathDepth: Int = 128, compressionRatio: UInt64 = 400, time: Duration? = nil
  ) {
    self.totalSize = totalSize
    self.fileSize = fileSize
    self.entries = entries
    self.pathDepth = pathDepth
    self.compressionRatio = compressionRatio
    self.time = time
  }

  /// Contents up to this length may have any ratio.
  static let ratioGrace: UInt64 = 256 << 20

  package static func exceeded(_ name: String, _ limit: some CustomStringConvertible, _ activity: String) -> ContainrError {
    ContainrError(
      .layerInvalid, activity, hint: "the limit \(name) of \(limit) is passed; raise it if you trust the image",
      fields: ["limit": name, "value": "\(limit)"])
  }
}
