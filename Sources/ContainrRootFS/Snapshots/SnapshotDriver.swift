import ContainrCore

/// How a ``SnapshotStore`` keeps file trees. It is chosen when a store is made, and holds as long as the store.
public enum SnapshotDriver: Hashable, Sendable {
  /// A directory of changes for each snapshot, stacked by overlayfs. Nothing is copied, and beginning a snapshot takes the
  /// same time whatever its parents hold. At most 500 layers are stacked (`OVL_MAX_STACK`).
  ///
  /// - Parameters:
  ///   - attributes: where overlayfs keeps its marks; nil means what this process may write:
  ///     ``OverlayFeatures/userAttributes`` in a user namespace and without root, trusted ones otherwise.
  ///   - features: what overlayfs may do in layers that are written from now on.
  case overlay(features: OverlayFeatures? = nil)
  /// A whole tree for each snapshot, on any file system. Data is shared where the file system can (`FICLONE`: btrfs, xfs,
  /// bcachefs) and copied by the kernel elsewhere.
  case copy
  /// A subvolume for each snapshot; the store must be on btrfs.
  case btrfs
  /// A data set for each snapshot, below this one: `tank/containr`. Its children are the store's.
  case zfs(dataset: String)

  /// What the store calls it.
  var name: String {
    switch self {
    case .overlay: "overlay"
    case .copy: "copy"
    case .btrfs: "btrfs"
    case .zfs: "zfs"
    }
  }
}
