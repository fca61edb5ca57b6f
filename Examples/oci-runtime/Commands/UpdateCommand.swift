import ContainrRuntime
import Glibc
import SystemPackage

func updateCommand(_ arguments: inout Arguments, _ context: Invocation.Context) throws(ContainrError) -> Int32 {
  var resources = OCI.RuntimeSpec.Linux.Resources()
  var memory = OCI.RuntimeSpec.Linux.Resources.Memory()
  var cpu = OCI.RuntimeSpec.Linux.Resources.CPU()
  func bytes(_ text: String) throws(ContainrError) -> Int64 {
    if text == "-1" { return -1 }
    return Int64(clamping: try ByteCount(parsing: text).bytes)
  }
  // As runc: options come before or after the id.
  var id: ContainerID?
  while true {
    guard let option = arguments.option() else {
      guard id == nil, !arguments.rest.isEmpty else { break }
      id = try arguments.id()
      continue
    }
    switch option.name {
    case "resources", "r":
      let path = try arguments.value(option)
      let text = path == "-" ? try HostProgram.standardInput() : try [UInt8](contentsOfHostFile: path)
      resources = try OCI.RuntimeSpec.Linux.Resources(parsing: text, as: path, code: .invalidConfiguration)
      memory = resources.memory ?? memory
      cpu = resources.cpu ?? cpu
    case "memory": memory.limit = try bytes(try arguments.value(option))
    case "memory-reservation": memory.reservation = try bytes(try arguments.value(option))
    case "memory-swap": memory.swap = try bytes(try arguments.value(option))
    case "cpu-period": cpu.period = try arguments.number(option)
    case "cpu-quota": cpu.quota = try arguments.number(option)
    case "cpu-burst": cpu.burst = try arguments.number(option)
    case "cpu-share": cpu.shares = try arguments.number(option)
    case "cpu-rt-period": cpu.realtimePeriod = try arguments.number(option)
    case "cpu-rt-runtime": cpu.realtimeRuntime = try arguments.number(option)
    case "cpu-idle": cpu.idle = try arguments.number(option)
    case "cpuset-cpus": cpu.cpus = try arguments.value(option)
    case "cpuset-mems": cpu.mems = try arguments.value(option)
    case "pids-limit":
      var pids = OCI.RuntimeSpec.Linux.Resources.Pids()
      pids.limit = try arguments.number(option)
      resources.pids = pids
    case "blkio-weight":
      var blockIO = resources.blockIO ?? .init()
      blockIO.weight = try arguments.number(option)
      resources.blockIO = blockIO
    default: throw arguments.unknown(option)
    }
  }
  guard let id else { throw Arguments.wrong("a container id is missing") }
  try arguments.end()
  resources.memory = memory
  resources.cpu = cpu
  try context.runtime.update(id, resources)
  return 0
}
