import ContainrCore

/// What a snapshot takes on disk, its parents' share not counted.
public struct SnapshotUsage: Hashable, Sendable {
  /// The disk space: blocks, not lengths, so that holes are free.
  public var size: ByteCount
  /// The files and directories; one with several names counts once.
  public var inodes: UInt64

  /// Counts.
  public init(size: ByteCount = 0, inodes: UInt64 = 0) {
    self.size = size
    self.inodes = inodes
  }
}
