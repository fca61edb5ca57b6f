import ContainrCore

extension CgroupStatistics {
  /// Huge pages of one size: `hugetlb.<size>.*`.
  public struct Hugetlb: Sendable, Hashable {
    /// In use now.
    public var usage: ByteCount = 0
    /// The most that was in use; nil on version 2.
    public var peak: ByteCount?
    /// Reserved by `mmap(2)`.
    public var reserved: ByteCount = 0
    /// How often the limit was reached.
    public var limitHits: UInt64 = 0
  }

  /// Resources of one RDMA device: `rdma.current`.
  public struct RDMA: Sendable, Hashable {
    /// HCA handles in use.
    public var handles: UInt64 = 0
    /// HCA objects in use.
    public var objects: UInt64 = 0
  }

  /// One scalar resource: `misc.*`.
  public struct Misc: Sendable, Hashable {
    /// In use now.
    public var current: UInt64 = 0
    /// The most that was in use; nil before Linux 6.11.
    public var peak: UInt64?
    /// How often the limit was reached.
    public var limitHits: UInt64 = 0
  }
}
