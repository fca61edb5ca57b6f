import CContainrLinux
import ContainrCore
import Glibc

/// What a machine has to build walls from, as far as the running kernel and this program's rights go.
public struct SecurityMachine: Hashable, Sendable {
  /// What can be given to a container.
  public var capabilities: CapabilitySet = []
  /// Whether the kernel filters system calls.
  public var hasSeccomp = true
  /// The version of Landlock; nil for none.
  public var landlock: LandlockABI?
  /// Why the default AppArmor profile cannot be used; nil where it is loaded or can be.
  public var appArmorObstacle: String?
  /// Whether SELinux enforces; nil where it is not there.
  public var seLinuxEnforces: Bool?
  /// Whether the kernel has keyrings.
  public var hasKeyrings = true
  /// Whether processes can have a core of their own.
  public var hasCoreScheduling = false

  /// Describes a machine of which nothing but a filter and keyrings is known.
  public init() {}

  /// Looks at this machine. Nothing is changed: the default AppArmor profile is not loaded.
  ///
  /// - Throws: `CAPABILITY`, `IO_FAILURE`, `PERMISSION_DENIED`.
  public static func current() throws(ContainrError) -> SecurityMachine {
    var machine = SecurityMachine()
    machine.capabilities = try CapabilitySet.heldByCaller()
    machine.hasSeccomp = access("/proc/sys/kernel/seccomp/actions_avail", F_OK) == 0
    machine.landlock = LandlockABI.ofKernel
    machine.appArmorObstacle = appArmorObstacle()
    machine.seLinuxEnforces = SELinux.isEnabled ? try SELinux.isEnforcing() : nil
    machine.hasKeyrings = access("/proc/keys", F_OK) == 0
    var cookie: UInt64 = 0
    // PR_SCHED_CORE, PR_SCHED_CORE_GET: asks for the own cookie.
    machine.hasCoreScheduling = withUnsafeMutablePointer(to: &cookie) { cl_prctl(62, 0, 0, 0, UInt(bitPattern: $0)) } == 0
    return machine
  }

  private static func appArmorObstacle() -> String? {
    guard AppArmor.isEnabled else { return "the kernel does not run AppArmor" }
    let name = AppArmorProfile.containerDefault.name
    do throws(ContainrError) {
      if try AppArmor.profiles()[name] != nil { return nil }
    } catch { return "the loaded profiles cannot be listed: \(error.summary)" }
    let parsers = ["/usr/sbin/apparmor_parser", "/sbin/apparmor_parser", "/usr/bin/apparmor_parser"]
    guard parsers.contains(where: { access($0, X_OK) == 0 }) else {
      return "\(name) is not loaded, and apparmor_parser is not installed"
    }
    return nil
  }
}
