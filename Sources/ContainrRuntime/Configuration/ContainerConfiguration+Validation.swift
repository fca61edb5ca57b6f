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
    for (name, value) in sysctls { try Sysctl.check(name, value, isNamespaced: { $0 != .net || network != .host }) }
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
