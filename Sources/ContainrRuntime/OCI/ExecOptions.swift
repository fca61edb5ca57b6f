import SystemPackage

/// What the caller of `exec` decides beside the process document.
public struct ExecOptions: Hashable, Sendable {
  /// An AF_UNIX socket that gets the controlling side of the terminal (`--console-socket`). Without, the caller gets it.
  public var consoleSocket: FilePath?
  /// A file that gets the host's id of the process (`--pid-file`).
  public var pidFile: FilePath?
  /// How many descriptors from 3 on the process inherits (`--preserve-fds`).
  public var preservedDescriptors = 0
  /// Sub-cgroups of the container's that are there (`--cgroup`): `path`, or `controllers:path` for some controllers of
  /// version 1.
  public var cgroups: [String] = []
  /// Executes in a paused container, too: the program runs once it is resumed (`--ignore-paused`).
  public var ignoresPause = false
  /// Keeps the caller's session keyring.
  public var keepsKeyring = false

  /// The defaults.
  public init() {}
}
