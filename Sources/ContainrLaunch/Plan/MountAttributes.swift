/// Attributes of a mount (mount_setattr(2), `MOUNT_ATTR_*`).
public struct MountAttributes: OptionSet, Hashable, Sendable {
  /// The kernel's bits.
  public let rawValue: UInt64
  /// Takes the kernel's bits.
  public init(rawValue: UInt64) { self.rawValue = rawValue }

  /// Writes fail with `EROFS`.
  public static let readOnly = MountAttributes(rawValue: 0x1)
  /// Set-user-ID bits and file capabilities have no effect.
  public static let noSuid = MountAttributes(rawValue: 0x2)
  /// Device nodes cannot be opened.
  public static let noDev = MountAttributes(rawValue: 0x4)
  /// Programs cannot be executed.
  public static let noExec = MountAttributes(rawValue: 0x8)
  /// Access times are never updated.
  public static let noAccessTime = MountAttributes(rawValue: 0x10)
  /// Access times are always updated.
  public static let strictAccessTime = MountAttributes(rawValue: 0x20)
  /// All ways to keep access times. To clear it is `relatime`, the default: they are updated where they are older than the
  /// last change, or than a day.
  public static let accessTimeMode = MountAttributes(rawValue: 0x70)
  /// Access times of directories are never updated.
  public static let noDirectoryAccessTime = MountAttributes(rawValue: 0x80)
  /// Symbolic links are not followed (Linux 5.10).
  public static let noSymbolicLinkFollow = MountAttributes(rawValue: 0x20_0000)

  /// The options as in /proc/self/mountinfo, `ro,nosuid`.
  public var names: [String] {
    let all: [(MountAttributes, String)] = [
      (.readOnly, "ro"), (.noSuid, "nosuid"), (.noDev, "nodev"), (.noExec, "noexec"), (.noAccessTime, "noatime"),
      (.strictAccessTime, "strictatime"), (.noDirectoryAccessTime, "nodiratime"), (.noSymbolicLinkFollow, "nosymfollow"),
    ]
    return all.filter { contains($0.0) }.map(\.1)
  }
}
