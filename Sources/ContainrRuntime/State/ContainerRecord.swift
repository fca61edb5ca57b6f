import ContainrCgroups
import ContainrCore
import ContainrOCI
import ContainrSecurity
import SystemPackage

/// What the journal of a container says: what was acquired for it on the host, how to run further programs in it, and how
/// far it came. Each line is written before the thing that it names is made.
struct ContainerRecord: Sendable {
  /// The directories of its cgroup.
  var cgroup: CgroupPath?
  var controllers: UInt32 = 0
  /// What a further program inherits from the first.
  var profile: ExecutionProfile
  /// The first process, once it runs.
  var process: ProcessIdentity?

  init(cgroup: CgroupPath?, controllers: UInt32, profile: ExecutionProfile) {
    self.cgroup = cgroup
    self.controllers = controllers
    self.profile = profile
  }

  // MARK: Lines

  /// The first line: everything that is about to be acquired.
  var opening: JSON {
    var object = JSON.Object()
    object["version"] = 1
    object["cgroup"] = cgroup.map { .string($0.description) } ?? .null
    object["controllers"] = .integer(Int64(controllers))
    object["profile"] = profile.json
    return .object(object)
  }

  /// Reads a journal. A last line that was cut off by a kill does not count. Nil where there is no whole line.
  init?(journal: [UInt8], document: String) throws(ContainrError) {
    let lines = journal.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).dropLast()
    guard let first = lines.first else { return nil }
    let opening = JSON.Cursor(
      try JSON(parsing: Array(first), as: document, code: .containerState), document: document, code: .containerState)
    cgroup = nil
    if case .string(let path) = try opening.required("cgroup").value { cgroup = try CgroupPath(path) }
    controllers = try opening.required("controllers").integer(UInt32.self)
    profile = try ExecutionProfile(try opening.required("profile"))
    for line in lines.dropFirst() {
      process = try ProcessIdentity(
        JSON.Cursor(
          try JSON(parsing: Array(line), as: document, code: .containerState), document: document, code: .containerState))
    }
  }
}
