import ContainrCore

/// All walls around a container's processes in one value.
///
/// ```swift
/// var policy = SecurityPolicy.strict
/// policy.capabilities.added.insert(.netBindService)
/// print(policy.report(for: try .current()))
/// ```
///
/// Namespaces, limits and the root file system are not part of it.
public struct SecurityPolicy: Hashable, Sendable {
  /// Changes to Docker's default capabilities.
  public var capabilities = CapabilityAdjustment()
  /// Capabilities that an ordinary user has too. They must be among the granted ones.
  public var ambientCapabilities: CapabilitySet = []
  /// Whether execve(2) can give no further privileges.
  public var noNewPrivileges = true
  /// Whether user 0 is refused.
  public var requiresOrdinaryUser = false
  /// The system calls.
  public var seccomp = SeccompConfiguration.containerDefault
  /// The Landlock rules.
  public var landlock = LandlockConfiguration.automatic
  /// The AppArmor profile.
  public var appArmor = AppArmorConfiguration.automatic
  /// The SELinux label.
  public var seLinux = SELinuxConfiguration.disabled
  /// Paths that are hidden.
  public var maskedPaths = MaskedPaths.default
  /// Paths that are read-only.
  public var readonlyPaths = ReadonlyPaths.default
  /// Whether the root file system is read-only; directories of memory and volumes are not.
  public var hasReadonlyRoot = false
  /// Whether every device of the host may be used, and sysfs and the cgroup tree be written to.
  public var allowsAllDevices = false
  /// Whether the processes share a processor core, and with it caches and buffers, with none but each other
  /// (`PR_SCHED_CORE`, Linux 5.14). Off by default: it costs throughput, and needs a processor with threads.
  public var hasOwnCore = false

  /// What a container has unless told otherwise.
  public init() {}

  /// What a container has unless told otherwise: Docker's 14 capabilities, the default filter, no new privileges, hidden and
  /// read-only paths, AppArmor and Landlock where they are.
  public static let `default` = SecurityPolicy()

  /// No walls: every capability that the caller holds, every system call, every device, nothing hidden, no profile.
  public static let privileged: SecurityPolicy = {
    var policy = SecurityPolicy()
    policy.capabilities = CapabilityAdjustment(addsAll: true)
    policy.noNewPrivileges = false
    policy.seccomp = .unconfined
    policy.landlock = .off
    policy.appArmor = .unconfined
    policy.maskedPaths = []
    policy.readonlyPaths = []
    policy.allowsAllDevices = true
    return policy
  }()

  /// As little as a program that only computes and serves needs: no capability, a read-only root, no device nodes, no mounts,
  /// no abstract sockets of others.
  ///
  /// It suits programs that write to volumes and directories of memory only and listen above port 1023.
  public static let strict: SecurityPolicy = {
    var policy = SecurityPolicy()
    policy.capabilities = CapabilityAdjustment(dropsAll: true)
    policy.hasReadonlyRoot = true
    policy.landlock = .ruleset(
      LandlockRuleset(denying: [.makeCharacterDevice, .makeBlockDevice], scope: .abstractUnixSocket))
    return policy
  }()

  /// A level of Kubernetes' Pod Security Standards.
  public enum KubernetesLevel: String, Hashable, Sendable {
    /// Prevents known ways to gain privileges.
    case baseline
    /// Follows what is known to harden a pod.
    case restricted
  }

  /// What a pod's container has under a level where its specification asks for nothing: the most that the level admits of
  /// what a runtime gives by default.
  ///
  /// - `baseline`: the default capabilities without `NET_RAW`, and new privileges, as `allowPrivilegeEscalation` is true there.
  /// - `restricted`: no capabilities, no new privileges, no user 0.
  public static func kubernetes(_ level: KubernetesLevel) -> SecurityPolicy {
    var policy = SecurityPolicy()
    switch level {
    case .baseline:
      policy.capabilities = CapabilityAdjustment(dropping: [.netRaw])
      policy.noNewPrivileges = false
    case .restricted:
      policy.capabilities = CapabilityAdjustment(dropsAll: true)
      policy.requiresOrdinaryUser = true
    }
    return policy
  }
}
