/// Which ids the files of an id-mapped mount are shown with (mount_setattr(2), `MOUNT_ATTR_IDMAP`; Linux 5.12).
///
/// A file system must know about it: ext4, xfs, btrfs, tmpfs (6.3) and others do, overlayfs and network file systems as a
/// rule do not. Mapping needs CAP_SYS_ADMIN in the user namespace that mounted the file system.
public enum MountIDMapping: Hashable, Sendable {
  /// As the container's own user namespace maps: what belongs to id 0 on disk belongs to the container's root
  /// (``RootFSContext/idMap``). `recursive` holds for everything below the mount too (`ridmap`).
  case container(recursive: Bool = false)
  /// By a map of the mount's own.
  case own(MountIDMap, recursive: Bool = false)

  var isRecursive: Bool {
    switch self {
    case .container(let recursive), .own(_, let recursive): recursive
    }
  }
}
