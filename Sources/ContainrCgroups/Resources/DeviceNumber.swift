import CContainrLinux
import ContainrCore
import Glibc
import SystemPackage

/// The numbers of a block device, by which limits of I/O name it: `254:0`.
public struct DeviceNumber: Sendable, Hashable {
  /// The driver.
  public var major: UInt32
  /// The device of the driver. The kernel limits whole disks, not partitions.
  public var minor: UInt32

  /// Names a device.
  public init(_ major: UInt32, _ minor: UInt32) {
    self.major = major
    self.minor = minor
  }

  /// Reads the kernel's form, `254:0`; nil for any other.
  public init?(_ text: some StringProtocol) {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 2, let major = UInt32(parts[0]), let minor = UInt32(parts[1]) else { return nil }
    self.init(major, minor)
  }

  /// Looks up the numbers of a block device's node, `/dev/sda`. Follows links.
  ///
  /// - Throws: `INVALID_ARGUMENT` where it is no block device or is not there.
  public init(node: FilePath) throws(ContainrError) {
    var status = stat()
    guard stat(node.string, &status) == 0, status.st_mode & S_IFMT == S_IFBLK else {
      throw ContainrError(.invalidArgument, "looking up the block device \(node)", hint: "the node of a disk such as /dev/sda")
    }
    self.init(cl_major(UInt64(status.st_rdev)), cl_minor(UInt64(status.st_rdev)))
  }
}

extension DeviceNumber: Comparable {
  /// Orders by major, then by minor number.
  public static func < (left: DeviceNumber, right: DeviceNumber) -> Bool {
    (left.major, left.minor) < (right.major, right.minor)
  }
}

extension DeviceNumber: CustomStringConvertible {
  /// The kernel's form, `254:0`.
  public var description: String { "\(major):\(minor)" }
}
