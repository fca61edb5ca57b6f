import ArgumentParser

/// What `run` takes beyond the process: names, limits, mounts, rights.
struct ContainerOptions: ParsableArguments {
  @Option(help: "The container's id; random by default.")
  var name: String?

  @Option(help: "The host name inside; the id by default.")
  var hostname: String?

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp("Mount a host directory, a file or a named volume; repeatable.", valueName: "source:path[:ro]"))
  var volume: [String] = []

  @Option(help: ArgumentHelp("Mount memory; repeatable.", valueName: "path[:options]"))
  var tmpfs: [String] = []

  @Option(name: .shortAndLong, help: ArgumentHelp("The memory limit, such as 100m.", valueName: "bytes"))
  var memory: String?

  @Option(help: ArgumentHelp("The CPU limit, such as 0.5.", valueName: "number"))
  var cpus: String?

  @Option(name: [.long, .customLong("pids-limit")], help: ArgumentHelp("The limit of processes.", valueName: "number"))
  var pids: String?

  @Flag(help: "Make the root file system read-only.")
  var readOnly = false

  @Option(help: ArgumentHelp("Where changes to the root go: disk or memory.", valueName: "place"))
  var writableLayer: String?

  @Option(help: ArgumentHelp("Add a capability, or ALL; repeatable.", valueName: "name"))
  var capAdd: [String] = []

  @Option(help: ArgumentHelp("Drop a capability, or ALL; repeatable.", valueName: "name"))
  var capDrop: [String] = []

  @Option(
    help: ArgumentHelp(
      "no-new-privileges[=true|false], seccomp=unconfined, apparmor=profile|unconfined, label=disable|type:…, "
        + "systempaths=unconfined, landlock=off, or policy=strict; repeatable.", valueName: "option"))
  var securityOpt: [String] = []

  @Flag(help: "Give all capabilities and devices, and no system call filter.")
  var privileged = false

  @Option(help: ArgumentHelp("none, or host.", valueName: "mode"))
  var network = "none"

  @Option(help: ArgumentHelp("A limit such as nofile=1024:2048; repeatable.", valueName: "limit"))
  var ulimit: [String] = []

  @Option(help: ArgumentHelp("A kernel parameter such as net.ipv4.ip_forward=1; repeatable.", valueName: "name=value"))
  var sysctl: [String] = []

  var request: ContainerRequest {
    ContainerRequest(
      name: name,
      hostname: hostname,
      volume: volume,
      tmpfs: tmpfs,
      memory: memory,
      cpus: cpus,
      pids: pids,
      readOnly: readOnly,
      writableLayer: writableLayer,
      capAdd: capAdd,
      capDrop: capDrop,
      securityOpt: securityOpt,
      privileged: privileged,
      network: network,
      ulimit: ulimit,
      sysctl: sysctl)
  }
}
