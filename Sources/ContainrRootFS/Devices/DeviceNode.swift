import CContainrLinux
import ContainrCore
import Glibc
import SystemPackage

/// A device node in a container (mknod(2)).
public struct DeviceNode: Hashable, Sendable {
  /// Whether the device is read in blocks or as a stream.
  public enum Kind: Hashable, Sendable {
    /// A character device.
    case character
    /// A block device.
    case block
    /// A named pipe, which has no numbers.
    case pipe
  }

  /// Where the node is made.
  public var path: RootedPath
  /// Whether the device is read in blocks or as a stream.
  public var kind: Kind
  /// The major number: the driver.
  public var major: UInt32
  /// The minor number: the device.
  public var minor: UInt32
  /// The permission bits.
  public var mode: UInt32
  /// The owner.
  public var uid: UInt32
  /// The group.
  public var gid: UInt32
  /// Where the host has the device. In a user namespace, where none can be made, that node is bound; nil means ``path``.
  public var hostPath: FilePath?

  /// Describes a node.
  public init(
    _ path: RootedPath, _ kind: Kind, major: UInt32, minor: UInt32, mode: UInt32 = 0o666, uid: UInt32 = 0, gid: UInt32 = 0
  ) {
    self.path = path
    self.kind = kind
    self.major = major
    self.minor = minor
    self.mode = mode
    self.uid = uid
    self.gid = gid
  }

  /// Describes the node that the host has at a path.
  ///
  /// - Throws: `ROOTFS_DEVICE` where there is no device.
  public init(host path: String, at destination: RootedPath? = nil) throws(ContainrError) {
    var status = stat()
    guard stat(path, &status) == 0 else {
      throw .errno(.current, .rootfsDevice, "reading the device \(path)", call: "stat(2)")
    }
    let type = status.st_mode & S_IFMT
    guard type == S_IFCHR || type == S_IFBLK else {
      throw ContainrError(.rootfsDevice, "reading the device \(path)", hint: "it is no device")
    }
    let place: RootedPath
    if let destination { place = destination } else { place = try RootedPath(path) }
    self.init(
      place, type == S_IFBLK ? .block : .character,
      major: cl_major(UInt64(status.st_rdev)), minor: cl_minor(UInt64(status.st_rdev)),
      mode: UInt32(status.st_mode & 0o7777), uid: status.st_uid, gid: status.st_gid)
    hostPath = FilePath(path)
  }

  var number: UInt64 { cl_makedev(major, minor) }
  var fullMode: UInt32 {
    switch kind {
    case .character: mode | 0o020000
    case .block: mode | 0o060000
    case .pipe: mode | 0o010000
    }
  }

  /// null, zero, full, random, urandom and tty.
  public static let defaults: [DeviceNode] = [
    DeviceNode(RootedPath.dev.appending("null"), .character, major: 1, minor: 3),
    DeviceNode(RootedPath.dev.appending("zero"), .character, major: 1, minor: 5),
    DeviceNode(RootedPath.dev.appending("full"), .character, major: 1, minor: 7),
    DeviceNode(RootedPath.dev.appending("random"), .character, major: 1, minor: 8),
    DeviceNode(RootedPath.dev.appending("urandom"), .character, major: 1, minor: 9),
    DeviceNode(RootedPath.dev.appending("tty"), .character, major: 5, minor: 0),
  ]
}
