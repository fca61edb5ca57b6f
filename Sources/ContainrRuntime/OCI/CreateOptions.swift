import SystemPackage

/// What the caller of `create` decides beside the bundle.
public struct CreateOptions: Hashable, Sendable {
  /// An AF_UNIX socket that gets the controlling side of the terminal (`--console-socket`).
  public var consoleSocket: FilePath?
  /// Whether the caller gets the controlling side of the terminal, where there is no socket for it (`run` in the foreground).
  public var takesTerminal = false
  /// A file that gets the host's id of the first process (`--pid-file`).
  public var pidFile: FilePath?
  /// How many descriptors from 3 on the process inherits (`--preserve-fds`, `LISTEN_FDS`).
  public var preservedDescriptors = 0
  /// Changes the root by chroot(2) instead of pivot_root(2), for a host whose root is in memory (`--no-pivot`).
  public var usesChroot = false
  /// Keeps the caller's session keyring (`--no-new-keyring`).
  public var keepsKeyring = false
  /// Whether the container gets a cgroup (`--cgroup-manager=disabled` of crun).
  public var hasCgroup = true
  /// Reads a `cgroupsPath` as `slice:prefix:name` (`--systemd-cgroup`). systemd itself is not asked.
  public var usesSystemdPaths = false

  /// The defaults.
  public init() {}
}
