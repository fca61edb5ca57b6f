import CContainrLinux
import ContainrCgroups
import ContainrCore
import ContainrLaunch
import ContainrRootFS
import ContainrSecurity
import Glibc

/// What the first process of a container and the programs executed in it later have in common.
extension LaunchPlan {
  /// Joins cgroups: of version 2 at birth, of version 1 by the process itself, because a lone thread that moves itself
  /// through `tasks` waits for nobody, where a parent that moves it through `cgroup.procs` waits for an RCU grace period.
  mutating func join(_ holder: CgroupJoinHolder?) {
    guard let holder else { return }
    cgroupDescriptor = holder.join.directory
    for descriptor in holder.join.tasks {
      let slot = inherit(descriptor)
      append(.write(slot, text: "0", activity: "join a cgroup"))
    }
  }

  /// A directory of the root that stays writable where the root does not: a copy of the root's mount at that directory.
  mutating func appendVolume(_ volume: RootedPath, root: LaunchSlot, isReadOnly: Bool) {
    append(.makeDirectory(root: root, path: volume.description, mode: 0o755))
    guard isReadOnly else { return }
    let directory = makeSlot()
    let tree = makeSlot()
    append(.open(directory, directory: root, path: volume.description, flags: CInt(CL_O_PATH) | O_DIRECTORY, inRoot: true))
    append(.bind(tree, directory: directory, recursive: false))
    append(.attach(tree, root: root, path: volume.description, create: false, followLinks: true))
  }

  /// A terminal of the container's own: its other side goes to the parent, and /dev/console is the terminal.
  mutating func appendTerminal(_ size: TerminalSize, devpts: LaunchSlot, root: LaunchSlot, owner: UInt32) {
    let controller = makeSlot()
    let terminal = makeSlot()
    let console = makeSlot()
    let socket = makeParentSocket()
    append(
      .terminal(
        devpts: devpts, controller: controller, terminal: terminal, rows: size.rows, columns: size.columns, owner: owner))
    append(.send(controller, socket: socket))
    append(.bind(console, directory: terminal, recursive: false))
    append(.attach(console, root: root, path: "/dev/console"))
    appendControllingTerminal(terminal)
  }

  mutating func appendControllingTerminal(_ terminal: LaunchSlot) {
    append(.newSession)
    append(.controllingTerminal(terminal))
    append(.standardStreams(terminal, terminal, terminal))
  }

  /// The rights of the process. The order matters: what needs a privilege comes before the privilege goes.
  mutating func append(
    process: ProcessConfiguration, profile: ExecutionProfile, capabilities: Capabilities, filter: SeccompFilter?
  ) throws(ContainrError) {
    if profile.walls.hasOwnCore { append(.control(.ownCore)) }
    for limit in process.resourceLimits {
      append(.resourceLimit(resource: limit.resource.rawValue, soft: limit.soft, hard: limit.hard))
    }
    // Without no-new-privileges both need CAP_SYS_ADMIN, which is about to go.
    if let rules = profile.walls.landlock, !process.noNewPrivileges { try append(landlock: rules) }
    if let filter, !process.noNewPrivileges { append(filter) }
    append(.boundingCapabilities(capabilities.bounding.rawValue))
    if profile.setsGroups { append(.groups(profile.user.supplementaryGroups)) }
    if profile.user.uid != 0, !capabilities.permitted.isEmpty { append(.control(.keepCapabilities)) }
    append(.ids(uid: profile.user.uid, gid: profile.user.gid))
    append(
      .capabilities(
        effective: capabilities.effective.rawValue, permitted: capabilities.permitted.rawValue,
        inheritable: capabilities.inheritable.rawValue))
    append(.ambientCapabilities(capabilities.ambient.rawValue))
    append(.fileModeMask(process.fileModeMask))
    append(.workingDirectory(profile.workingDirectory))
    if process.noNewPrivileges { append(.control(.noNewPrivileges)) }
    append(.signals())
    // At once and not only when the program starts: looking for it takes a descriptor, which a low limit on them must allow.
    append(.closeFrom(3, onExec: false))
    if let rules = profile.walls.landlock, process.noNewPrivileges { try append(landlock: rules) }
    if let filter, process.noNewPrivileges { append(filter) }
  }

  /// What the process asks security modules for.
  mutating func append(labels: [SecurityLabel], procfs: LaunchSlot) {
    for label in labels { append(label: label, procfs: procfs) }
  }

  /// The program, looked for in PATH where its name has no slash.
  mutating func appendExecute(
    _ process: ProcessConfiguration, environment: [String], byDescriptor: Bool
  ) throws(ContainrError) {
    guard let command = process.arguments.first, !command.isEmpty else {
      throw ContainrError(.invalidConfiguration, "starting a process", hint: "no command is given, by the caller or the image")
    }
    var paths = [command]
    if !command.contains("/") {
      let path = environment.last { $0.hasPrefix("PATH=") }?.dropFirst(5) ?? ProcessConfiguration.defaultPath[...]
      paths = path.split(separator: ":").map { "\($0)/\(command)" }
      guard !paths.isEmpty else {
        throw ContainrError(.commandNotFound, "looking for \(command)", hint: "PATH is empty")
      }
    }
    append(
      .execute(paths: paths, arguments: process.arguments, environment: environment, byDescriptor: byDescriptor))
  }
}

/// The descriptors through which a process joins a cgroup, open as long as this lives.
final class CgroupJoinHolder {
  let join: CgroupJoin

  /// Nil where there is no cgroup.
  init?(_ cgroup: Cgroup?) throws(ContainrError) {
    guard let cgroup else { return nil }
    join = try cgroup.join()
  }
}
