import CContainrLinux
import ContainrCgroups
import ContainrCore
import ContainrNamespaces
import ContainrRootFS

extension ContainerConfiguration {
  /// The host name inside; nil where the UTS namespace is the caller's.
  var hostnameInside: String? { hostname ?? id.short }

  /// The namespaces that clone3(2) makes. The cgroup namespace comes later, when the process is in its cgroups.
  var namespaceFlags: UInt64 {
    var kinds: NamespaceSet = [.mnt, .uts, .ipc, .pid]
    if network == .none { kinds.insert(.net) }
    if userNamespace != nil { kinds.insert(.user) }
    return UInt64(kinds.rawValue)
  }

  /// Whether the container's directory holds the pair of directories of its writable layer.
  var needsLayerDirectories: Bool {
    if case .overlay(let overlay) = rootFS.source { writableLayer == .disk && overlay.writableLayer == .none } else { false }
  }

  /// Finds what contradicts itself before anything is acquired.
  ///
  /// - Throws: `INVALID_CONFIGURATION`, `INVALID_ARGUMENT`.
  func validate() throws(ContainrError) {
    let name = hostname ?? ""
    guard name.utf8.count <= 64, !name.utf8.contains(0) else {
      throw ContainrError(.invalidArgument, "checking the host name \"\(name)\"", hint: "at most 64 bytes")
    }
    try process.validate()
    if !hasCgroup {
      var unlimited = CgroupResources()
      unlimited.devices = resources.devices == nil ? nil : DeviceRule.containerDefaults
      guard resources == unlimited else {
        throw ContainrError(.invalidConfiguration, "checking the limits", hint: "limits need a cgroup")
      }
    }
    for (name, value) in sysctls { try Self.checkSysctl(name, value, network: network) }
  }

  /// Parameters of a namespace only: any other would change the host. A value is one line, so that it cannot carry a second
  /// parameter (CVE-2022-0811).
  private static func checkSysctl(_ name: String, _ value: String, network: NetworkMode) throws(ContainrError) {
    func refuse(_ hint: String) -> ContainrError {
      ContainrError(.invalidArgument, "checking the kernel parameter \(name)=\(value)", hint: hint)
    }
    let allowed = name.utf8.allSatisfy {
      switch $0 {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
        UInt8(ascii: "."), UInt8(ascii: "/"), UInt8(ascii: "_"), UInt8(ascii: "-"):
        true
      default: false
      }
    }
    let path = name.replacingDots
    // "net/../kernel/core_pattern" is a parameter of the host.
    let components = path.split(separator: "/", omittingEmptySubsequences: false)
    guard allowed, components.allSatisfy({ !$0.isEmpty && $0 != "." && $0 != ".." }) else {
      throw refuse("a name such as net.ipv4.ip_forward")
    }
    guard value.utf8.allSatisfy({ $0 >= 0x20 || $0 == 0x09 }) else { throw refuse("a value is one line of text") }
    if path.hasPrefix("net/") {
      guard network != .host else { throw refuse("the network namespace is the host's") }
      return
    }
    let inIPC = [
      "kernel/msgmax", "kernel/msgmnb", "kernel/msgmni", "kernel/sem", "kernel/shmall", "kernel/shmmax",
      "kernel/shmmni", "kernel/shm_rmid_forced",
    ]
    guard inIPC.contains(path) || path.hasPrefix("fs/mqueue/") else {
      throw refuse("only net.*, fs.mqueue.* and the IPC parameters of kernel.* belong to a namespace")
    }
  }
}

extension ProcessConfiguration {
  /// Finds what no kernel would take, of a first process or of one executed later.
  ///
  /// - Throws: `INVALID_ARGUMENT`.
  func validate() throws(ContainrError) {
    if let workingDirectory, !workingDirectory.hasPrefix("/") {
      throw ContainrError(
        .invalidArgument, "checking the working directory \"\(workingDirectory)\"", hint: "an absolute path")
    }
    for entry in environment where !entry.contains("=") || entry.hasPrefix("=") {
      throw ContainrError(.invalidArgument, "checking the environment variable \"\(entry)\"", hint: "NAME=value")
    }
    for limit in resourceLimits where limit.soft > limit.hard {
      throw ContainrError(
        .invalidArgument, "checking the limit \(limit.resource)=\(limit.soft):\(limit.hard)", hint: "soft before hard")
    }
    if let oomScoreAdjustment, !(-1000...1000).contains(oomScoreAdjustment) {
      throw ContainrError(
        .invalidArgument, "checking the OOM score adjustment \(oomScoreAdjustment)", hint: "-1000 to 1000")
    }
  }
}

extension String {
  /// A kernel parameter's name as a path below /proc/sys: `net.ipv4.ip_forward` or `net/ipv4/conf/eth0.1/forwarding`, in
  /// which dots stand for themselves once there is a slash (sysctl(8)).
  var replacingDots: String {
    contains("/") ? self : split(separator: ".", omittingEmptySubsequences: false).joined(separator: "/")
  }
}
