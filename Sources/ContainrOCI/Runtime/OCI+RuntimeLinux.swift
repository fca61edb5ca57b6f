import ContainrCore

extension OCI.RuntimeSpec {
  /// What only Linux has (config-linux.md).
  public struct Linux: Hashable, Sendable {
    /// The user ids of the user namespace.
    public var uidMappings: [IDMapping]?
    /// The group ids of the user namespace.
    public var gidMappings: [IDMapping]?
    /// Kernel parameters of the container's namespaces.
    public var sysctl: [String: String]?
    /// Limits.
    public var resources: Resources?
    /// Where the cgroup is.
    public var cgroupsPath: String?
    /// The namespaces to make or to join; what is not listed is shared with the runtime.
    public var namespaces: [Namespace]?
    /// Devices in addition to the default ones.
    public var devices: [Device]?
    /// Network interfaces of the host that are moved into the container, by their name there (specification 1.3).
    public var netDevices: [String: NetDevice]?
    /// The system call filter, as it stands in the document: ContainrSecurity reads it.
    public var seccomp: JSON?
    /// The mount propagation of the root.
    public var rootfsPropagation: MountPropagation?
    /// Paths that are hidden.
    public var maskedPaths: [String]?
    /// Paths that cannot be written to.
    public var readonlyPaths: [String]?
    /// The SELinux label of mounts.
    public var mountLabel: String?
    /// Intel's Resource Director Technology.
    public var intelRdt: IntelRdt?
    /// The NUMA memory policy (specification 1.3).
    public var memoryPolicy: MemoryPolicy?
    /// The execution domain.
    public var personality: Personality?
    /// Offsets of the clocks `monotonic` and `boottime` in a time namespace.
    public var timeOffsets: [String: TimeOffset]?

    /// Nothing set.
    public init() {}
  }

  /// How mounts spread (config-linux.md#rootfs-mount-propagation, mount_namespaces(7)).
  public enum MountPropagation: String, CaseIterable, Hashable, Sendable {
    /// Both ways.
    case shared
    /// Both ways, also below.
    case rshared
    /// From the host only.
    case slave
    /// From the host only, also below.
    case rslave
    /// Not at all.
    case `private`
    /// Not at all, also below.
    case rprivate
    /// Not at all, and it cannot be bound.
    case unbindable
    /// Not at all, and it cannot be bound, also below.
    case runbindable
  }
}

extension OCI.RuntimeSpec.Linux: JSONConvertible {
  /// Reads the `linux` object.
  public init(_ cursor: JSON.Cursor) throws(ContainrError) {
    uidMappings = try cursor.values("uidMappings")
    gidMappings = try cursor.values("gidMappings")
    sysctl = try cursor.stringMap("sysctl")
    resources = try cursor.value("resources")
    cgroupsPath = try cursor.string("cgroupsPath")
    namespaces = try cursor.values("namespaces")
    devices = try cursor.values("devices")
    netDevices = try cursor.valueMap("netDevices")
    if let member = try cursor.member("seccomp") { seccomp = .object(try member.object()) }
    // An empty text is what engines write for "not set".
    if try cursor.string("rootfsPropagation") != "" { rootfsPropagation = try cursor.name("rootfsPropagation") }
    maskedPaths = try cursor.strings("maskedPaths")
    readonlyPaths = try cursor.strings("readonlyPaths")
    mountLabel = try cursor.string("mountLabel")
    intelRdt = try cursor.value("intelRdt")
    memoryPolicy = try cursor.value("memoryPolicy")
    personality = try cursor.value("personality")
    timeOffsets = try cursor.valueMap("timeOffsets")
  }

  /// The `linux` object.
  public var json: JSON {
    var object = JSON.Object()
    object.add("uidMappings", values: uidMappings)
    object.add("gidMappings", values: gidMappings)
    object.add("sysctl", map: sysctl)
    object.add("resources", value: resources)
    object.add("cgroupsPath", cgroupsPath)
    object.add("namespaces", values: namespaces)
    object.add("devices", values: devices)
    object.add("netDevices", map: netDevices)
    if let seccomp { object["seccomp"] = seccomp }
    object.add("rootfsPropagation", rootfsPropagation?.rawValue)
    object.add("maskedPaths", strings: maskedPaths)
    object.add("readonlyPaths", strings: readonlyPaths)
    object.add("mountLabel", mountLabel)
    object.add("intelRdt", value: intelRdt)
    object.add("memoryPolicy", value: memoryPolicy)
    object.add("personality", value: personality)
    object.add("timeOffsets", map: timeOffsets)
    return .object(object)
  }
}
