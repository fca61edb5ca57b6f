import ContainrCore
import ContainrSecurity

/// A program in a container, and the rights it has.
public struct ProcessConfiguration: Hashable, Sendable {
  /// The program and its arguments. A name without a slash is looked for in the PATH of ``environment``.
  public var arguments: [String] = []
  /// The environment, `NAME=value`. Where they are missing, PATH is added as ``defaultPath``, and HOME from the user's entry.
  /// A program executed in a running container has these on top of the container's.
  public var environment: [String] = []
  /// The working directory. Of the first process it is `/` by default, and made where it is missing; of a program executed
  /// later it is the first one's by default.
  public var workingDirectory: String?
  /// The user and group, resolved in the container's own files. Of the first process it is root by default, of a program
  /// executed later the first one's.
  public var user: UserSpecification?
  /// Further supplementary groups.
  public var additionalGroups: [AccountReference] = []
  /// Changes to Docker's default capabilities.
  public var capabilities = CapabilityAdjustment()
  /// Capabilities that the process has as an ordinary user too, and that the programs it executes keep. They must be among
  /// the granted ones (`capabilities(7)`, "Ambient").
  public var ambientCapabilities: CapabilitySet = []
  /// Whether execve(2) can give no further privileges.
  public var noNewPrivileges = true
  /// Limits on the process (getrlimit(2)).
  public var resourceLimits: [ResourceLimit] = []
  /// How readily the kernel ends the process when memory is short, -1000 to 1000 (proc_pid_oom_score_adj(5)).
  public var oomScoreAdjustment: Int?
  /// A terminal for the process; nil connects ``streams`` instead.
  public var terminal: TerminalSize?
  /// What standard input, output and error are, where there is no terminal.
  public var streams = StandardStreams()
  /// The mask for modes of new files.
  public var fileModeMask: UInt32 = 0o022

  /// Where programs are looked for unless the environment says otherwise.
  public static let defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

  /// Describes no program yet.
  public init() {}
}
