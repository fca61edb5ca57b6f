import ContainrCgroups
import ContainrCore
import ContainrOCI
import SystemPackage

/// What is stored of a container between two commands: `state.json` in its directory, always replaced as a whole.
///
/// It is written before anything is acquired of the host, and again once there is a process. Where the container stands is
/// not stored: the kernel knows (``OCIRuntime/state(_:)``).
struct OCIContainerRecord: Sendable {
  var id: String
  var bundle: FilePath
  /// When it was made, RFC 3339 in UTC.
  var created: String
  /// The configuration as it was: later changes of the file do not count (runtime-spec runtime.md#lifecycle).
  var spec: OCI.RuntimeSpec
  var cgroup: CgroupPath?
  /// The first process; nil as long as create is on its way.
  var process: ProcessIdentity?
  /// Whether create has finished.
  var isCreated = false
  /// How many operations of the plan come before those that follow the start, and whether a filter is among these.
  var operationsBeforeStart = 0
  var filtersAtStart = false

  init(id: String, bundle: FilePath, created: String, spec: OCI.RuntimeSpec, cgroup: CgroupPath?) {
    self.id = id
    self.bundle = bundle
    self.created = created
    self.spec = spec
    self.cgroup = cgroup
  }
}

extension OCIContainerRecord: JSONConvertible {
  init(_ cursor: JSON.Cursor) throws(ContainrError) {
    id = try cursor.required("id").string()
    bundle = FilePath(try cursor.required("bundle").string())
    created = try cursor.required("created").string()
    spec = try OCI.RuntimeSpec(try cursor.required("config"))
    if let path = try cursor.string("cgroup") { cgroup = try CgroupPath(path) }
    if let process = try cursor.member("process") { self.process = try ProcessIdentity(process) }
    isCreated = try cursor.bool("isCreated") ?? false
    operationsBeforeStart = try cursor.integer("operationsBeforeStart") ?? 0
    filtersAtStart = try cursor.bool("filtersAtStart") ?? false
  }

  var json: JSON {
    var object = JSON.Object()
    object["id"] = .string(id)
    object["bundle"] = .string(bundle.string)
    object["created"] = .string(created)
    if let cgroup { object["cgroup"] = .string(cgroup.description) }
    if let process { object["process"] = process.json }
    object["isCreated"] = .bool(isCreated)
    object["operationsBeforeStart"] = JSON(integer: operationsBeforeStart)
    object["filtersAtStart"] = .bool(filtersAtStart)
    object["config"] = spec.json
    return .object(object)
  }

  /// The state as hooks and callers see it.
  func state(_ status: OCI.State.Status, pid: Int32?) -> OCI.State {
    OCI.State(
      ociVersion: spec.ociVersion, id: id, status: status, pid: pid, bundle: bundle.string, annotations: spec.annotations)
  }
}
