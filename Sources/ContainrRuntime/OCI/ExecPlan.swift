import CContainrLinux
import ContainrCgroups
import ContainrCore
import ContainrLaunch
import ContainrNamespaces
import ContainrOCI
import ContainrSecurity
import Glibc
import SystemPackage

/// The launch plan of a program that is executed in a container: it joins the namespaces and cgroups of the first process, and
/// then takes the rights that its document gives.
struct ExecPlan {
  private(set) var plan = LaunchPlan()

  init(
    _ process: OCI.RuntimeSpec.Process, in record: OCIContainerRecord, _ target: borrowing ProcessDescriptor,
    _ namespaces: JoinedNamespaces, cgroup: Cgroup?, join holder: CgroupJoinHolder?, capabilities: Capabilities,
    filter: SeccompFilter?, options: ExecOptions
  ) throws(ContainrError) {
    let linux = record.spec.linux
    for number in 0..<options.preservedDescriptors { _ = plan.inherit(CInt(3 + number)) }
    let proc = try plan.hostProc()
    // From here on nobody may look into the memory, which is this program's, or at the descriptors (CVE-2019-5736).
    plan.append(.control(.dumpable(false)))
    try plan.enter(namespaces, of: target)
    plan.join(holder)
    if let cgroup { try plan.join(options.cgroups, below: cgroup) }
    if namespaces.kinds.contains(.user), namespaces.hasRoot { plan.append(.ids(uid: 0, gid: 0)) }
    if let affinity = process.execCPUAffinity?.final, !affinity.isEmpty {
      plan.append(.attribute(.processors(try CpusetList(affinity).mask)))
    }
    if let adjustment = process.oomScoreAdj {
      plan.append(.writeProc(proc, path: "self/oom_score_adj", text: String(adjustment)))
    }
    for label in try process.securityLabels() { plan.append(label: label, procfs: proc) }
    plan.append(.close(proc))
    if !options.keepsKeyring { plan.append(.sessionKeyring(name: "_ses.\(record.id)")) }
    try appendStreams(process, notifies: filter?.notifies ?? false)
    if let policy = linux?.memoryPolicy { plan.append(.attribute(try policy.attribute())) }
    if linux?.personality?.domain == .linux32 { plan.append(.attribute(.personality(8))) }
    try plan.append(process, capabilities: capabilities, filter: filter, setsGroups: namespaces.setsGroups)
    plan.append(.closeFrom(UInt32(3 + options.preservedDescriptors), onExec: false))
    if let filter, process.noNewPrivileges ?? false, !filter.notifies { plan.append(filter) }
    plan.append(
      .execute(
        paths: LaunchPlan.programs(process), arguments: process.args ?? [], environment: process.env ?? [], byDescriptor: true))
  }

  private mutating func appendStreams(_ process: OCI.RuntimeSpec.Process, notifies: Bool) throws(ContainrError) {
    guard process.terminal == true else { return plan.append(.newSession) }
    let devpts = plan.makeSlot()
    let controller = plan.makeSlot()
    let terminal = plan.makeSlot()
    let socket = plan.makeParentSocket()
    plan.append(.open(devpts, directory: .workingDirectory, path: "/dev/pts", flags: CInt(CL_O_PATH) | O_DIRECTORY))
    plan.append(
      .terminal(
        devpts: devpts, controller: controller, terminal: terminal, rows: UInt16(clamping: process.consoleSize?.height ?? 0),
        columns: UInt16(clamping: process.consoleSize?.width ?? 0), owner: process.user.uid))
    plan.append(.send(controller, socket: socket))
    // The parent takes one descriptor after the other.
    if notifies { plan.append(.barrier(.hooks, socket: socket)) }
    plan.append(.close(devpts))
    plan.append(.close(controller))
    plan.appendControllingTerminal(terminal)
  }
}

extension LaunchPlan {
  /// Joins the namespaces of a container in one setns(2), and goes on as a child where the pid namespace is among them.
  fileprivate mutating func enter(
    _ namespaces: JoinedNamespaces, of target: borrowing ProcessDescriptor
  ) throws(ContainrError) {
    let process = inherit(owning: try target.descriptor.duplicate())
    if !namespaces.kinds.isEmpty {
      append(.join(process, flags: namespaces.kinds.rawValue, activity: "joining the container's namespaces"))
    }
    if let path = namespaces.time {
      copiesMemory = true
      let time = inherit(owning: try OwnedDescriptor.open(path, code: .namespaceJoin))
      append(.join(time, flags: NamespaceSet.time.rawValue, activity: "joining the container's time namespace"))
      append(.close(time))
    }
    append(.close(process))
    if namespaces.kinds.contains(.pid) { append(.fork) }
  }

  /// Joins sub-cgroups of a container's cgroup, which the process is in already.
  fileprivate mutating func join(_ cgroups: [String], below cgroup: Cgroup) throws(ContainrError) {
    for text in cgroups {
      var path = text[...]
      var controllers: Set<String>?
      if let colon = text.firstIndex(of: ":") {
        controllers = Set(text[..<colon].split(separator: ",").map(String.init))
        path = text[text.index(after: colon)...]
      }
      let relative = path.drop { $0 == "/" }
      if relative.isEmpty { continue }
      let components = try CgroupPath(String(relative.last == "/" ? relative.dropLast() : relative))
      let unified = cgroup.directory(.unified)
      var isUsed = false
      for directory in cgroup.directories {
        let names = directory == unified ? [] : cgroup.layout.names(of: directory, cgroup)
        if let controllers, controllers.isDisjoint(with: names) { continue }
        isUsed = true
        let place = directory.pushing(FilePath(components.description))
        if directory == unified {
          let descriptor = try OwnedDescriptor.open(place, flags: O_RDONLY | O_DIRECTORY, code: .cgroupAddProcess)
          cgroupDescriptor = descriptor.rawValue
          _ = inherit(owning: descriptor)
        } else {
          let tasks = inherit(
            owning: try OwnedDescriptor.open(place.appending("tasks"), flags: O_WRONLY, code: .cgroupAddProcess))
          append(.write(tasks, text: "0", activity: "join the cgroup \(components)"))
        }
      }
      guard isUsed else {
        throw ContainrError(
          .cgroupControllerMissing, "joining the cgroup \(text)", hint: "the container's cgroup has none of these controllers")
      }
    }
  }
}

extension CgroupLayout {
  /// The controllers that a version 1 directory of a cgroup serves.
  fileprivate func names(of directory: FilePath, _ cgroup: Cgroup) -> [String] {
    v1.first { cgroup.directory($0.controllers.intersection(cgroup.controllers)) == directory }?.controllers.names(.v1) ?? []
  }
}

extension CpusetList {
  /// The numbers as a bit mask of 64-bit words.
  var mask: [UInt64] {
    var words: [UInt64] = []
    for range in ranges {
      for number in range {
        while words.count <= Int(number / 64) { words.append(0) }
        words[Int(number / 64)] |= 1 << UInt64(number % 64)
      }
    }
    return words
  }
}
