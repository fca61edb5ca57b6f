import ContainrCore
import ContainrSecurity

/// A program in a container, and the rights it has.
public struct ProcessConfiguration: Hashable, Sendable {
  /// The program and its arguments. A name without a slash is looked for in the PATH of ``environment``.
  public var arguments: [String] = []
  /// The environment, `NAME=value`. HOME is added from the user's entry where it is missing.
  public var environment = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]
  /// The working directory, made where it is missing.
  public var workingDirectory = "/"
  /// The user and group, resolved in the container's own files.
  public var user = UserSpecification.root
  /// Further supplementary groups.
  public var additionalGroups: [AccountReference] = []
  /// Changes to Docker's default capabilities.
  public var capabilities = CapabilityAdjustment()
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

  /// Describes no program yet.
  public init() {}
}
