import ContainrCore

extension CgroupStatistics {
  /// Block I/O: `blkio.throttle.io_service_bytes_recursive` and `…_serviced_recursive` of version 1, `io.stat` of 2.
  ///
  /// Writes through the page cache count when they reach the device, on version 1 often for the root cgroup.
  public struct IO: Sendable, Hashable {
    /// Each device with I/O, in the order of its numbers.
    public var devices: [Device] = []

    /// One block device.
    public struct Device: Sendable, Hashable {
      /// Which one.
      public var number: DeviceNumber
      /// Bytes read.
      public var read: ByteCount = 0
      /// Bytes written.
      public var written: ByteCount = 0
      /// Bytes discarded (`TRIM`).
      public var discarded: ByteCount = 0
      /// Read operations.
      public var reads: UInt64 = 0
      /// Write operations.
      public var writes: UInt64 = 0
      /// Discard operations.
      public var discards: UInt64 = 0
    }

    /// Bytes read from all devices.
    public var read: ByteCount { ByteCount(total(\.read.bytes)) }
    /// Bytes written to all devices.
    public var written: ByteCount { ByteCount(total(\.written.bytes)) }
    /// Bytes discarded on all devices.
    public var discarded: ByteCount { ByteCount(total(\.discarded.bytes)) }
    /// Read operations on all devices.
    public var reads: UInt64 { total(\.reads) }
    /// Write operations on all devices.
    public var writes: UInt64 { total(\.writes) }
    /// Discard operations on all devices.
    public var discards: UInt64 { total(\.discards) }

    /// Saturates, as a counter near 2⁶⁴ does in the kernel's own files.
    private func total(_ field: KeyPath<Device, UInt64>) -> UInt64 {
      devices.reduce(0) { sum, device in
        let (value, overflow) = sum.addingReportingOverflow(device[keyPath: field])
        return overflow ? .max : value
      }
    }

    /// The entry of a device, made where there is none.
    subscript(number: DeviceNumber) -> Device {
      get { devices.first { $0.number == number } ?? Device(number: number) }
      set {
        let index = devices.firstIndex { $0.number >= number } ?? devices.count
        if index < devices.count, devices[index].number == number {
          devices[index] = newValue
        } else {
          devices.insert(newValue, at: index)
        }
      }
    }
  }
}
