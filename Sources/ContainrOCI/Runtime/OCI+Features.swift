import ContainrCore

extension OCI {
  /// What a runtime can do (runtime-spec features.md, features-linux.md).
  public struct Features: Hashable, Sendable {
    /// The oldest version of the specification whose documents it takes.
    public var ociVersionMin = "1.0.0"
    /// The newest.
    public var ociVersionMax = RuntimeSpec.currentVersion
    /// The kinds of hooks.
    public var hooks: [String] = []
    /// The mount options that the runtime understands.
    public var mountOptions: [String] = []
    /// What only Linux has.
    public var linux = Linux()
    /// Free names and values.
    public var annotations: [String: String] = [:]
    /// Annotations of a configuration that change what the runtime does.
    public var potentiallyUnsafeConfigAnnotations: [String] = []

    /// Nothing that a runtime can do.
    public init() {}

    /// The Linux part; nil is "unknown" and stays out of the document.
    public struct Linux: Hashable, Sendable {
      /// Kinds of namespaces.
      public var namespaces: [String] = []
      /// Names of capabilities.
      public var capabilities: [String] = []
      /// Controllers and managers: `v1`, `v2`, `systemd`, `systemdUser`, `rdma`.
      public var cgroup: [String: Bool] = [:]
      /// Names that a filter's document may have.
      public var seccomp = Seccomp()
      /// Whether AppArmor profiles are set.
      public var apparmor = false
      /// Whether SELinux labels are set.
      public var selinux = false
      /// Whether Intel's Resource Director Technology is set up.
      public var intelRdt = false
      /// Whether mounts may have id mappings.
      public var idmap = false
      /// Whether network interfaces are moved.
      public var netDevices = false
      /// The modes of a memory policy, and its flags.
      public var memoryPolicy: (modes: [String], flags: [String]) {
        get { (memoryModes, memoryFlags) }
        set { (memoryModes, memoryFlags) = newValue }
      }
      private var memoryModes: [String] = []
      private var memoryFlags: [String] = []

      /// Nothing.
      public init() {}
    }

    /// The filter of system calls.
    public struct Seccomp: Hashable, Sendable {
      /// Actions.
      public var actions: [String] = []
      /// Operators.
      public var operators: [String] = []
      /// Architectures.
      public var archs: [String] = []
      /// Flags that a document may name.
      public var knownFlags: [String] = []
      /// Flags that work here.
      public var supportedFlags: [String] = []

      /// Nothing.
      public init() {}
    }
  }
}

extension OCI.Features {
  /// The document.
  public var json: JSON {
    var object = JSON.Object()
    object["ociVersionMin"] = .string(ociVersionMin)
    object["ociVersionMax"] = .string(ociVersionMax)
    object.add("hooks", strings: hooks)
    object.add("mountOptions", strings: mountOptions)
    object["linux"] = linux.json
    object.add("annotations", map: annotations)
    object.add("potentiallyUnsafeConfigAnnotations", strings: potentiallyUnsafeConfigAnnotations)
    return .object(object)
  }
}

extension OCI.Features.Linux {
  fileprivate var json: JSON {
    func enabled(_ value: Bool) -> JSON { ["enabled": .bool(value)] }
    var object = JSON.Object()
    object.add("namespaces", strings: namespaces)
    object.add("capabilities", strings: capabilities)
    var groups = JSON.Object()
    for name in ["v1", "v2", "systemd", "systemdUser", "rdma"] { groups.add(name, cgroup[name]) }
    object["cgroup"] = .object(groups)
    var filter = JSON.Object()
    filter["enabled"] = .bool(true)
    filter.add("actions", strings: seccomp.actions)
    filter.add("operators", strings: seccomp.operators)
    filter.add("archs", strings: seccomp.archs)
    filter.add("knownFlags", strings: seccomp.knownFlags)
    filter.add("supportedFlags", strings: seccomp.supportedFlags)
    object["seccomp"] = .object(filter)
    object["apparmor"] = enabled(apparmor)
    object["selinux"] = enabled(selinux)
    object["intelRdt"] = enabled(intelRdt)
    var policy = JSON.Object()
    policy.add("modes", strings: memoryPolicy.modes)
    policy.add("flags", strings: memoryPolicy.flags)
    object["memoryPolicy"] = .object(policy)
    object["mountExtensions"] = ["idmap": enabled(idmap)]
    object["netDevices"] = enabled(netDevices)
    return .object(object)
  }
}
