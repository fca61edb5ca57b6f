import ContainrCore
import ContainrSecurity
import Logging

extension ContainerConfiguration {
  /// The walls that depend on the running kernel, decided; and one line of the log where what is asked for is unsafe.
  ///
  /// - Throws: `SECURITY_MODULE` for a label by name that the kernel cannot give, `UNSUPPORTED` for Landlock rules that are
  ///   required and that it does not know, `INVALID_CONFIGURATION` for user 0 where it is refused.
  func walls(granted: CapabilitySet, user: UserIdentity) throws(ContainrError) -> ExecutionProfile.Walls {
    guard !requiresOrdinaryUser || user.uid != 0 else {
      throw ContainrError(
        .invalidConfiguration, "checking the user", hint: "the security policy refuses user 0: name another one")
    }
    var walls = ExecutionProfile.Walls()
    walls.landlock = try landlock.ruleset(sharesNetwork: network == .host, capabilities: granted)?.resolve()
    if let labels = try seLinux.resolve() { walls.labels += [labels.keys, labels.process] }
    if let label = try appArmor.resolve() { walls.labels.append(label) }
    walls.ambient = process.ambientCapabilities
    walls.hasOwnCore = hasOwnCore
    let fallen = fallenWalls
    if !fallen.isEmpty {
      ContainrLog.logger(component: "security", container: id)
        .warning("walls are down", metadata: ["fallen": .string(fallen.joined(separator: ", "))])
    }
    return walls
  }
}
