import Containr
import ContainrCore
import Glibc

/// What `run` is asked beyond the process: names, limits, mounts, rights.
struct ContainerRequest: Hashable, Sendable {
  var name: String?
  var hostname: String?
  var volume: [String] = []
  var tmpfs: [String] = []
  var memory: String?
  var cpus: String?
  var pids: String?
  var readOnly = false
  var writableLayer: String?
  var capAdd: [String] = []
  var capDrop: [String] = []
  var securityOpt: [String] = []
  var privileged = false
  var network = "none"
  var ulimit: [String] = []
  var sysctl: [String] = []

  func apply(to configuration: inout ContainerConfiguration, volumes: FilePath) throws {
    if let name { configuration.id = try ContainerID(name) }
    configuration.hostname = hostname
    switch network {
    case "none": configuration.network = .none
    case "host": configuration.network = .host
    default: throw invalid("--network", network, "none or host")
    }
    if geteuid() != 0 {
      configuration.userNamespace = try .rootless()
      // Without a cgroup tree that was delegated to it, an ordinary user has none to give.
      configuration.hasCgroup = false
      configuration.resources.devices = nil
    }
    try applyLimits(to: &configuration)
    try applyRights(to: &configuration)
    if readOnly { configuration.rootFS.isReadOnly = true }
    switch writableLayer {
    case nil, "disk": break
    case "memory": configuration.writableLayer = .memory(limit: nil)
    case let place?: throw invalid("--writable-layer", place, "disk or memory")
    }
    for text in volume { configuration.rootFS.mounts.append(try VolumeArgument(text).mount(volumes: volumes)) }
    for text in tmpfs { configuration.rootFS.mounts.append(try TmpfsArgument(text).mount) }
  }

  private func applyLimits(to configuration: inout ContainerConfiguration) throws {
    if let memory {
      let limit = try ByteCount(parsing: memory)
      guard limit >= .mebibytes(6) else { throw invalid("--memory", memory, "at least 6m") }
      configuration.resources.memory.limit = .value(limit)
    }
    if let cpus {
      guard let count = Double(cpus) else { throw invalid("--cpus", cpus, "a number such as 0.5") }
      configuration.resources.cpu.quota = try CPUQuota(cpus: count)
    }
    if let pids {
      guard let count = Int64(pids), count > 0 else { throw invalid("--pids", pids, "a whole number above 0") }
      configuration.resources.pids.limit = .value(UInt64(count))
    }
    configuration.process.resourceLimits = try ulimit.map { try ResourceLimit(parsing: $0) }
    for text in sysctl {
      let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard parts.count == 2 else { throw invalid("--sysctl", text, "name=value") }
      configuration.sysctls[String(parts[0])] = String(parts[1])
    }
  }

  private func applyRights(to configuration: inout ContainerConfiguration) throws {
    let options = try securityOpt.map { try SecurityOption($0) }
    for option in options where option.isPolicy { try option.apply(to: &configuration) }
    if privileged { configuration.makePrivileged() }
    if !capAdd.isEmpty || !capDrop.isEmpty {
      configuration.process.capabilities = try CapabilityAdjustment(add: privileged ? ["ALL"] + capAdd : capAdd, drop: capDrop)
    }
    for option in options where !option.isPolicy { try option.apply(to: &configuration) }
  }

  private func invalid(_ option: String, _ value: String, _ hint: String) -> ContainrError {
    ContainrError(.invalidArgument, "reading \(option) \(value)", hint: hint)
  }
}
