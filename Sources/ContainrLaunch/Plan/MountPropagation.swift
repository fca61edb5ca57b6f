/// How mount events travel between a mount and its peers (mount_namespaces(7)).
public enum MountPropagation: UInt64, Hashable, Sendable, CaseIterable {
  /// Nothing travels.
  case `private` = 0x4_0000
  /// Events arrive and do not leave.
  case slave = 0x8_0000
  /// Events travel both ways.
  case shared = 0x10_0000
  /// Nothing travels, and the mount cannot be bound elsewhere.
  case unbindable = 0x2_0000
}
