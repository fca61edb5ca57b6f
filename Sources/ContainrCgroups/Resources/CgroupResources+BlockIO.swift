import ContainrCore

extension CgroupResources {
  /// Limits of block I/O.
  ///
  /// Weights need the BFQ scheduler on the device, or on version 2 a kernel with `CONFIG_BLK_CGROUP_IOCOST`.
  public struct BlockIO: Sendable, Hashable {
    /// The share against siblings, 10 to 1000: v1 `blkio.bfq.weight` or `blkio.weight`; v2 `io.bfq.weight`, or `io.weight` by
    /// `1 + (weight − 10) × 9999 / 990`.
    public var weight: UInt64?
    /// The share of the cgroup's own processes against the cgroups below it, 10 to 1000: v1 `blkio.leaf_weight`, which went
    /// with Linux 5.0. Version 2 has none.
    public var leafWeight: UInt64?
    /// Limits on single devices.
    public var devices: [DeviceNumber: Device] = [:]

    /// Limits on one device. Those of bytes and operations are for each second.
    public struct Device: Sendable, Hashable {
      /// As ``BlockIO/weight``: v1 `blkio.bfq.weight_device` or `blkio.weight_device`, v2 `io.bfq.weight` or `io.weight`.
      public var weight: UInt64?
      /// As ``BlockIO/leafWeight``: v1 `blkio.leaf_weight_device`.
      public var leafWeight: UInt64?
      /// Bytes read: v1 `blkio.throttle.read_bps_device`, v2 `rbps` of `io.max`.
      public var readBytes: Limit<ByteCount>?
      /// Bytes written: v1 `blkio.throttle.write_bps_device`, v2 `wbps` of `io.max`.
      public var writeBytes: Limit<ByteCount>?
      /// Read operations: v1 `blkio.throttle.read_iops_device`, v2 `riops` of `io.max`.
      public var reads: Limit<UInt64>?
      /// Write operations: v1 `blkio.throttle.write_iops_device`, v2 `wiops` of `io.max`.
      public var writes: Limit<UInt64>?
      /// Others are slowed where this cgroup waits longer: v2 `io.latency` (`CONFIG_BLK_CGROUP_IOLATENCY`). Version 1 has
      /// none.
      public var latency: Limit<Duration>?

      /// No limit.
      public init() {}

      /// Sets limits in a closure.
      public init(_ configure: (inout Device) -> Void) { configure(&self) }
    }
  }
}
