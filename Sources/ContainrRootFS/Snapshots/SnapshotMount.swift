import ContainrCore
import SystemPackage

/// How the file tree of a snapshot is reached. Nothing is mounted yet.
///
/// ```
/// let mount = try await store.prepare(SnapshotKey("web"), from: base)
/// try await withMountedRootFS(mount.source, at: "/mnt/web", isReadOnly: mount.isReadOnly) { … }  // on the host
/// let root = mount.rootFS                                                                       // for a container
/// ```
public struct SnapshotMount: Hashable, Sendable {
  /// What is mounted.
  public let source: RootFS.Source
  /// Whether writes fail with `EROFS`.
  public let isReadOnly: Bool

  /// The root of a container, with the default mounts and devices.
  public var rootFS: RootFS { RootFS(source) { $0.isReadOnly = isReadOnly } }

  /// The same tree on the host.
  ///
  /// - Parameter mountPoint: an absolute path.
  public func onHost(at mountPoint: FilePath) -> MountedRootFS {
    MountedRootFS(source, at: mountPoint, isReadOnly: isReadOnly)
  }
}
