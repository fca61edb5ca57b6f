/// What this machine can do for containers, and what a person can do about what it cannot.
///
/// `containr system info` prints it. Taking it reads a dozen files of /proc and /sys and asks the kernel some twenty
/// questions without effect: it belongs into diagnosis and start-up of servers, never into the start of a container, where
/// ``KernelVersion/current()`` is the cheap question.
///
/// ```swift
/// let preflight = try Preflight.current()
/// try preflight.require(.overlay, .pidNamespace)
/// try preflight.require(.sysAdmin)
/// ```
public struct Preflight: Sendable, Hashable {
  /// The kernel's version.
  public let kernel: KernelVersion
  /// The kernel's release, `6.1.0-13-amd64`.
  public let release: String
  /// The architecture as uname(2) names it, `x86_64`.
  public let machine: String
  /// The effective user id.
  public let userID: UInt32
  /// Where each cgroup controller is.
  public let cgroups: Cgroups
  /// The Linux security modules in use, in the kernel's order.
  public let securityModules: [String]
  /// The version of Landlock's interface; nil where it is off.
  public let landlockVersion: Int?
  /// The effective capabilities of this process, one bit each (`CapEff` of proc_pid_status(5)).
  public let effectiveCapabilities: UInt64
  /// Every feature that was looked for, in the order of ``KernelFeature``.
  public let features: [Feature]
  /// What could not be read and so counts as missing.
  public let notes: [String]

  /// Looks at the running machine.
  ///
  /// - Throws: `INVALID_ARGUMENT` where the kernel's release has no numbers.
  public static func current() throws(ContainrError) -> Preflight { try Preflight(of: .machineItself()) }

  package init(of source: PreflightSource) throws(ContainrError) {
    let kernel = try KernelVersion(parsing: source.release)
    let cgroups = Cgroups(reading: source)
    self.kernel = kernel
    release = source.release
    machine = source.machine
    userID = source.userID
    self.cgroups = cgroups
    securityModules = Self.securityModules(source)
    let landlock = source.probe(.landlock)
    landlockVersion = landlock > 0 ? Int(landlock) : nil
    effectiveCapabilities = Self.capabilities(source)
    var probing = Probing(kernel: kernel, cgroups: cgroups, capabilities: effectiveCapabilities)
    var features: [Feature] = []
    for name in KernelFeature.allCases { features.append(Feature(name, probing.status(of: name, source))) }
    self.features = features
    notes = source.notes()
  }

  /// Whether a feature is there, and if not, why.
  public subscript(name: KernelFeature) -> Status {
    features.first { $0.name == name }?.status ?? .missing(reason: "it was not looked for", hint: "report this as a defect")
  }

  /// Whether this process holds a capability.
  public func holds(_ capability: Capability) -> Bool { effectiveCapabilities >> UInt64(capability.rawValue) & 1 == 1 }

  /// Checks that features are there before anything is changed. A degraded one counts as there.
  ///
  /// - Throws: `KERNEL_UNSUPPORTED` for the first that is missing, `PERMISSION_DENIED` for the first that is closed to this
  ///   caller; both say what to do.
  public func require(_ names: KernelFeature...) throws(ContainrError) {
    for name in names {
      switch self[name] {
      case .available, .degraded: continue
      case .missing(let reason, let hint):
        throw ContainrError(
          .kernelUnsupported, "looking for \(name.rawValue): \(reason)", hint: hint, fields: ["feature": name.rawValue])
      case .denied(let reason, let hint):
        throw ContainrError(
          .permissionDenied, "looking for \(name.rawValue): \(reason)", hint: hint, fields: ["feature": name.rawValue])
      }
    }
  }

  /// Checks that this process holds capabilities before anything is changed.
  ///
  /// - Throws: `PERMISSION_DENIED` naming every one that is missing.
  public func require(_ capabilities: Capability...) throws(ContainrError) {
    let missing = capabilities.filter { !holds($0) }
    guard !missing.isEmpty else { return }
    let names = missing.map(\.description).joined(separator: ", ")
    let hint =
      userID == 0
      ? "give the process \(names): the container or service that it runs in leaves root without"
      : "run as root (sudo), or with \(names)"
    throw ContainrError(
      .permissionDenied, "looking for the capability \(names) of user \(userID)", hint: hint, fields: ["capabilities": names])
  }

  private static func capabilities(_ source: PreflightSource) -> UInt64 {
    for line in (source.text("/proc/self/status") ?? "").split(separator: "\n") where line.hasPrefix("CapEff:") {
      let digits = line.dropFirst(7).drop { $0 == "\t" || $0 == " " }
      if let mask = UInt64(digits, radix: 16) { return mask }
    }
    return 0
  }

  private static func securityModules(_ source: PreflightSource) -> [String] {
    if let list = source.text("/sys/kernel/security/lsm") {
      return list.split { $0 == "," || $0 == "\n" }.map(String.init)
    }
    // securityfs is not mounted: newer kernels tell by a call (include/uapi/linux/lsm.h).
    let names: [UInt64: String] = [
      100: "capability", 101: "selinux", 102: "smack", 103: "tomoyo", 104: "apparmor", 105: "yama", 106: "loadpin",
      107: "safesetid", 108: "lockdown", 109: "bpf", 110: "landlock", 111: "ima", 112: "evm", 113: "ipe",
    ]
    return source.securityModuleIDs().map { names[$0] ?? "lsm-\($0)" }
  }
}
