import ContainrCore
import ContainrLaunch
import Glibc
import SystemPackage

extension MountIDMap {
  /// Makes a user namespace that stands for this map: what MOUNT_ATTR_IDMAP wants to have.
  ///
  /// The kernel makes one for a process only. That process waits for its maps, is looked at, and gives up.
  ///
  /// - Throws: `ID_MAPPING` for a map that the kernel refuses, `PERMISSION_DENIED` without CAP_SETUID and CAP_SETGID.
  func makeUserNamespace() throws(ContainrError) -> OwnedDescriptor {
    guard !users.isEmpty, !groups.isEmpty else {
      throw ContainrError(
        .invalidConfiguration, "mapping the ids of a mount", hint: "a map has users and groups, at least one line of each")
    }
    var plan = LaunchPlan()
    plan.namespaceFlags = Self.newUserNamespace
    plan.append(.barrier(.idMaps, socket: plan.makeParentSocket()))
    plan.append(.execute(paths: ["/"], arguments: ["never"], environment: []))
    let session = try LaunchSession(plan)
    guard try session.next() != nil else {
      let process = try session.finish().takeProcess()
      throw ContainrError(.internalError, "mapping the ids of a mount", hint: "process \(process.pid) did not wait")
    }
    let directory = "/proc/\(session.pid)"
    try Self.write(Self.text(groups), to: FilePath(directory + "/gid_map"))
    try Self.write(Self.text(users), to: FilePath(directory + "/uid_map"))
    let namespace = try OwnedDescriptor.open(FilePath(directory + "/ns/user"), flags: O_RDONLY, code: .idMapping)
    // Dropped, the session reaps the process; the namespace lives as long as its descriptor.
    try session.abort()
    return namespace
  }

  private static let newUserNamespace: UInt64 = 0x1000_0000  // CLONE_NEWUSER

  private static func write(_ text: String, to path: FilePath) throws(ContainrError) {
    try FileContents.writeKernelFile(
      text, to: path, code: .idMapping, hint: "see user_namespaces(7), Defining user and group ID mappings")
  }
}
