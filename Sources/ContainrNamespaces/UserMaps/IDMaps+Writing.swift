import CContainrLinux
import ContainrCore
import ContainrLaunch
import Glibc
import SystemPackage

extension IDMaps {
  /// Writes the maps of the user namespace that a process of the caller's has just been born in: what a parent does at
  /// ``LaunchBarrier/idMaps``.
  ///
  /// Directly, where the kernel lets the caller: with `CAP_SETUID` and `CAP_SETGID`, or for the one own id. Else through
  /// newuidmap(1) and newgidmap(1), which must be in PATH. Blocks the calling thread.
  ///
  /// - Parameter pid: the process, which must stand still until this returns.
  /// - Throws: `ID_MAPPING`; `PERMISSION_DENIED` where /etc/subuid or /etc/subgid does not grant the ids.
  public func write(pid: Int32) throws(ContainrError) {
    // Groups first: whoever sees the user map written may rely on the groups.
    if deniesSetgroups { try Self.write("deny", "setgroups", pid) }
    try Self.write(groups, file: "gid_map", program: "newgidmap", pid)
    try Self.write(users, file: "uid_map", program: "newuidmap", pid)
  }

  private static func write(_ map: IDMap, file: String, program: String, _ pid: Int32) throws(ContainrError) {
    do {
      try write(map.text, file, pid)
    } catch  where error.systemCall?.errno == .notPermitted {
      try run(program, map, pid)
    }
  }

  private static func write(_ text: String, _ name: String, _ pid: Int32) throws(ContainrError) {
    let path = FilePath("/proc/\(pid)/\(name)")
    // While another process that this program starts changes its ids, the memory that all of them share until they execute
    // is marked undumpable, and /proc shows every one of them as root's. That is over within a millisecond or two.
    for _ in 0..<100 {
      do {
        return try FileContents.writeKernelFile(
          text, to: path, code: .idMapping, hint: "see user_namespaces(7), Defining user and group ID mappings")
      } catch  where error.systemCall == SystemCall("openat(2)", .permissionDenied) && geteuid() != 0 {
        usleep(1000)
      }
    }
    try FileContents.writeKernelFile(text, to: path, code: .idMapping)
  }

  /// Lets a program with the privilege write the map, within what /etc/subuid or /etc/subgid grants.
  private static func run(_ program: String, _ map: IDMap, _ pid: Int32) throws(ContainrError) {
    var plan = LaunchPlan()
    var pipe = try OwnedDescriptor.pipe()
    let reader = pipe.takeFirst()
    let writer = pipe.takeSecond()
    let output = plan.inherit(writer.rawValue)
    plan.append(.standardStreams(nil, output, output))
    plan.append(.signals())
    plan.append(.closeFrom(3, onExec: true))
    var arguments = [program, String(pid)]
    for mapping in map.mappings {
      arguments += [String(mapping.containerID), String(mapping.hostID), String(mapping.count)]
    }
    plan.append(.execute(paths: SearchPath.ofThisProcess.places(of: program), arguments: arguments, environment: []))
    let activity = "mapping ids with \(program)(1)"
    let process: ProcessDescriptor
    do {
      process = try plan.spawn().takeProcess()
    } catch {
      throw ContainrError(
        .idMapping, activity, hint: "install \(program) (the package uidmap or shadow-utils), or map only your own id",
        cause: error)
    }
    close(writer.release())
    let said = try FileContents.read(reader, limit: 1 << 16, "reading what \(program) says")
    let status = try process.reap()
    guard status.isSuccess else {
      let text = String(decoding: said, as: UTF8.self).split(separator: "\n").joined(separator: "; ")
      throw ContainrError(
        .idMapping, activity, hint: "the ids must be granted to this user in /etc/subuid and /etc/subgid",
        cause: ContainrError(.permissionDenied, text.isEmpty ? "\(program) ended with status \(status.code)" : text))
    }
  }
}
