import ContainrCore
import ContainrOCI
import ContainrSecurity

/// The rights of a container's first process, as far as further programs share them.
struct ExecutionProfile: Hashable, Sendable {
  var environment: [String]
  var workingDirectory: String
  var user: UserIdentity
  var bounding: CapabilitySet
  var resourceLimits: [ResourceLimit]
  var noNewPrivileges: Bool
  var seccomp: Seccomp
  var walls = Walls()

  /// Where the filter for further programs comes from.
  enum Seccomp: String, Sendable {
    case containerDefault, file, unconfined
  }

  /// The environment with the user's HOME, where it has no other.
  var completeEnvironment: [String] {
    environment.contains { $0.hasPrefix("HOME=") } ? environment : environment + ["HOME=\(user.home)"]
  }

  var isInUserNamespace: Bool
  /// False in the user namespace of somebody who may map no group but their own: setgroups(2) is denied there.
  var setsGroups: Bool
  var layers: [String]

  var json: JSON {
    [
      "environment": .array(environment.map { .string($0) }),
      "workingDirectory": .string(workingDirectory),
      "uid": .integer(Int64(user.uid)), "gid": .integer(Int64(user.gid)),
      "groups": .array(user.supplementaryGroups.map { .integer(Int64($0)) }),
      "home": .string(user.home),
      "bounding": .unsigned(bounding.rawValue),
      "resourceLimits": .array(
        resourceLimits.map { [.integer(Int64($0.resource.rawValue)), .unsigned($0.soft), .unsigned($0.hard)] }),
      "noNewPrivileges": .bool(noNewPrivileges),
      "seccomp": .string(seccomp.rawValue),
      "userNamespace": .bool(isInUserNamespace),
      "setsGroups": .bool(setsGroups),
      "layers": .array(layers.map { .string($0) }),
      "walls": walls.json,
    ]
  }
}

extension ExecutionProfile {
  init(_ cursor: JSON.Cursor) throws(ContainrError) {
    environment = try cursor.required("environment").strings()
    workingDirectory = try cursor.required("workingDirectory").string()
    var groups: [UInt32] = []
    for group in try cursor.required("groups").elements() { groups.append(try group.integer(UInt32.self)) }
    user = UserIdentity(
      uid: try cursor.required("uid").integer(UInt32.self), gid: try cursor.required("gid").integer(UInt32.self),
      supplementaryGroups: groups, home: try cursor.required("home").string())
    bounding = CapabilitySet(rawValue: try cursor.required("bounding").integer(UInt64.self))
    resourceLimits = []
    for limit in try cursor.required("resourceLimits").elements() {
      let values = try limit.elements()
      guard values.count == 3, let resource = ResourceLimit.Resource(rawValue: try values[0].integer(UInt32.self)) else {
        throw limit.invalid("no limit of a resource")
      }
      resourceLimits.append(
        ResourceLimit(resource, soft: try values[1].integer(UInt64.self), hard: try values[2].integer(UInt64.self)))
    }
    noNewPrivileges = try cursor.required("noNewPrivileges").bool()
    let filter = try cursor.required("seccomp")
    guard let seccomp = Seccomp(rawValue: try filter.string()) else { throw filter.invalid("an unknown kind of filter") }
    self.seccomp = seccomp
    isInUserNamespace = try cursor.required("userNamespace").bool()
    setsGroups = try cursor.required("setsGroups").bool()
    layers = try cursor.required("layers").strings()
    walls = try cursor.member("walls").map(Walls.init) ?? Walls()
  }
}
