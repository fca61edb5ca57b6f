import ContainrCore
import SystemPackage

/// The file tree that a container sees: its root, and what is mounted, made and hidden in it.
///
/// ```
/// var root = RootFS(.overlay(OverlayRoot(layers: [base, application], writableLayer: .none)))
/// root.mounts.append(.bind(from: "/srv/data", to: try RootedPath("/data"), readOnly: true))
/// ```
public struct RootFS: Hashable, Sendable {
  /// Where the root comes from.
  public enum Source: Hashable, Sendable {
    /// A directory of the host, used as it is.
    case directory(FilePath)
    /// Stacked layers.
    case overlay(OverlayRoot)
  }

  /// How the root is changed.
  public enum Change: Hashable, Sendable {
    /// pivot_root(2): the host's root is let go of, and no path leads back to it.
    case pivot
    /// chroot(2): path lookup is confined, no more. For a root that cannot be pivoted to, such as an initramfs.
    case chroot
  }

  /// Where the root comes from.
  public var source: Source
  /// Whether writes to the root fail with `EROFS`. Mounts in it decide for themselves.
  public var isReadOnly = false
  /// How the root is changed.
  public var change = Change.pivot
  /// How mount events travel between the root and other mount namespaces (runtime-spec config-linux.md,
  /// `rootfsPropagation`). `slave` lets in what the host mounts later below a root directory that is shared there; `shared`
  /// begins after the change of root, so that it connects the container with namespaces made inside, never with the host.
  public var propagation = MountPropagation.private
  /// What is mounted, in this order. The default is what the OCI runtime specification lists (config-linux.md, "Default
  /// Filesystems"), with the cgroup view as Docker has it.
  public var mounts: [Mount] = Mount.defaults
  /// The device nodes. They are made when /dev is mounted, so that later mounts may lie over them; in a root without a
  /// mount at /dev, after all mounts. A bind mount at /dev brings its own devices, and none is made below it. The default is
  /// the specification's list (config-linux.md, "Default Devices").
  public var devices: [DeviceNode] = DeviceNode.defaults
  /// The paths that are hidden, where they exist.
  public var maskedPaths: [String] = []
  /// The paths that are made read-only, where they exist.
  public var readonlyPaths: [String] = []

  /// Takes a root with the default mounts and devices.
  public init(_ source: Source) { self.source = source }

  /// Takes a root and changes it.
  public init(_ source: Source, _ configure: (inout RootFS) throws -> Void) rethrows {
    self.source = source
    try configure(&self)
  }
}
