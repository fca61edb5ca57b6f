import ContainrCore
import ContainrOCI
import ContainrRootFS
import ContainrSecurity

extension OCIRuntime {
  /// What this runtime can do on any machine, made from the tables that it reads configurations by (features.md).
  public static var features: OCI.Features {
    var features = OCI.Features()
    features.hooks = ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"]
    features.mountOptions = Mount.ociOptions
    features.linux.namespaces = OCI.RuntimeSpec.Linux.Namespace.Kind.allCases.map(\.rawValue).sorted()
    features.linux.capabilities = CapabilitySet.named.map(\.ociName)
    features.linux.cgroup = ["v1": true, "v2": true, "systemd": false, "systemdUser": false, "rdma": true]
    features.linux.seccomp.actions = SeccompProfile.actionNames
    features.linux.seccomp.operators = SeccompProfile.operatorNames
    features.linux.seccomp.archs = SeccompProfile.architectureNames
    features.linux.seccomp.knownFlags = SeccompProfile.flagNames
    features.linux.seccomp.supportedFlags = SeccompProfile.flagNames
    features.linux.apparmor = true
    features.linux.selinux = true
    features.linux.idmap = true
    features.linux.memoryPolicy = (
      OCI.RuntimeSpec.Linux.MemoryPolicy.Mode.allCases.map(\.rawValue),
      OCI.RuntimeSpec.Linux.MemoryPolicy.Flag.allCases.map(\.rawValue)
    )
    return features
  }
}
