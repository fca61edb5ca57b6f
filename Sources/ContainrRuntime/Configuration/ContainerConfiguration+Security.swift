import ContainrCgroups
import ContainrCore
import ContainrRootFS
import ContainrSecurity

extension ContainerConfiguration {
  /// All walls around the container's processes, as one value. Setting it sets the fields that it is made of: capabilities,
  /// filters, profiles, paths, devices.
  ///
  /// ```swift
  /// configuration.security = .strict
  /// configuration.security = .kubernetes(.restricted)
  /// ```
  public var security: SecurityPolicy {
    get {
      var policy = SecurityPolicy()
      policy.capabilities = process.capabilities
      policy.ambientCapabilities = process.ambientCapabilities
      policy.noNewPrivileges = process.noNewPrivileges
      policy.requiresOrdinaryUser = requiresOrdinaryUser
      policy.seccomp = seccomp
      policy.landlock = landlock
      policy.appArmor = appArmor
      policy.seLinux = seLinux
      policy.maskedPaths = rootFS.maskedPaths
      policy.readonlyPaths = rootFS.readonlyPaths
      policy.hasReadonlyRoot = rootFS.isReadOnly
      policy.allowsAllDevices = allowsAllDevices
      policy.hasOwnCore = hasOwnCore
      return policy
    }
    set {
      process.capabilities = newValue.capabilities
      process.ambientCapabilities = newValue.ambientCapabilities
      process.noNewPrivileges = newValue.noNewPrivileges
      requiresOrdinaryUser = newValue.requiresOrdinaryUser
      seccomp = newValue.seccomp
      landlock = newValue.landlock
      appArmor = newValue.appArmor
      seLinux = newValue.seLinux
      rootFS.maskedPaths = newValue.maskedPaths
      rootFS.readonlyPaths = newValue.readonlyPaths
      rootFS.isReadOnly = newValue.hasReadonlyRoot
      hasOwnCore = newValue.hasOwnCore
      if newValue.allowsAllDevices != allowsAllDevices { setDevices(open: newValue.allowsAllDevices) }
    }
  }

  /// Takes every wall down: ``SecurityPolicy/privileged``. Namespaces stay, and so does a root that is read-only.
  public mutating func makePrivileged() {
    let isReadOnly = rootFS.isReadOnly
    security = .privileged
    setDevices(open: true)
    rootFS.isReadOnly = isReadOnly
  }

  private var allowsAllDevices: Bool { hasCgroup && resources.devices == DeviceRule.everything }

  private mutating func setDevices(open: Bool) {
    resources.devices = hasCgroup ? open ? DeviceRule.everything : DeviceRule.containerDefaults : nil
    for index in rootFS.mounts.indices {
      switch rootFS.mounts[index].kind {
      case .sysfs, .cgroup:
        if open { rootFS.mounts[index].attributes.remove(.readOnly) } else { rootFS.mounts[index].attributes.insert(.readOnly) }
      default: break
      }
    }
  }

  /// What stands around a container by default and not around this one, as phrases. Empty for one that is as safe.
  public var fallenWalls: [String] {
    var fallen = security.fallenWalls
    for mount in rootFS.mounts {
      guard case .bind(let source, _) = mount.kind, source.string == "/" else { continue }
      fallen.append("the host's root at \(mount.destination)")
    }
    return fallen
  }
}
