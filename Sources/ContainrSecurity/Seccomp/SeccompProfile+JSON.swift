import ContainrCore
import ContainrOCI

extension SeccompProfile {
  /// Reads a profile from a document in the form of the OCI (`linux.seccomp` of config.json) or of Docker (with `archMap`,
  /// `includes`, `excludes`).
  ///
  /// Where a rule's `args` name one argument twice, each condition makes a rule of its own, as runc and crun have it: the
  /// format has no other way to write alternatives. Members without a meaning are kept in ``otherMembers``.
  ///
  /// - Parameters:
  ///   - json: the object.
  ///   - document: what errors call it.
  /// - Throws: `SECCOMP` with the path of the fault: a wrong type, an unknown action, operator, flag or capability.
  public init(json: JSON, as document: String = "the seccomp profile") throws(ContainrError) {
    try self.init(JSON.Cursor(json, document: document, code: .seccomp))
  }

  /// Reads a profile from a file of at most 16 MiB.
  ///
  /// - Throws: `SECCOMP` with the byte offset or path of the fault, or where the file cannot be read.
  public static func load(_ path: FilePath) throws(ContainrError) -> SeccompProfile {
    let json = try JSON(parsing: try FileContents.read(path, code: .seccomp), as: path.string, code: .seccomp)
    return try SeccompProfile(json: json, as: path.string)
  }

  /// Writes ``json`` to a file, which is replaced as a whole.
  ///
  /// - Throws: `IO_FAILURE`; what ``json`` throws.
  public func save(_ path: FilePath) throws(ContainrError) {
    try FileContents.replace(path, with: try json.serialized(pretty: true), mode: 0o644, durable: true)
  }

  /// Reads a profile at a place of a document.
  ///
  /// - Throws: the cursor's code with the path of the fault.
  public init(_ cursor: JSON.Cursor) throws(ContainrError) {
    defaultAction = try SeccompAction(
      cursor.required("defaultAction"), number: cursor.member("defaultErrnoRet"))
    architectures = try (cursor.elements("architectures") ?? []).map { element throws(ContainrError) in
      try SeccompArchitecture(element)
    }
    architectureMap = try (cursor.elements("archMap") ?? []).map { entry throws(ContainrError) in
      SeccompArchitectureMapping(
        try SeccompArchitecture(entry.required("architecture")),
        try (entry.elements("subArchitectures") ?? []).map { element throws(ContainrError) in try SeccompArchitecture(element) }
      )
    }
    if !architectures.isEmpty, let map = try cursor.member("archMap"), !architectureMap.isEmpty {
      throw map.invalid("a profile has architectures or an archMap, not both")
    }
    flags = []
    for element in try cursor.elements("flags") ?? [] {
      let name = try element.string()
      guard let entry = SeccompFlags.names.first(where: { $0.name == name }) else {
        throw element.invalid("an unknown flag, \(JSON.quoted(name))")
      }
      flags.insert(entry.flag)
    }
    listenerPath = try cursor.string("listenerPath").map { FilePath($0) }
    listenerMetadata = try cursor.string("listenerMetadata")
    if listenerMetadata != nil, listenerPath == nil, let metadata = try cursor.member("listenerMetadata") {
      throw metadata.invalid("metadata for a listener without a listenerPath")
    }
    rules = []
    for element in try cursor.elements("syscalls") ?? [] { rules += try SeccompRule.rules(element) }
    newerCalls = defaultAction.letsThrough ? nil : Self.answerToNewerCalls
    if try cursor.has("newerCalls") {
      newerCalls = try cursor.member("newerCalls").map { member throws(ContainrError) in
        try SeccompAction(member.required("action"), number: member.member("errnoRet"))
      }
    }
    otherMembers = try cursor.otherMembers(than: Self.keys)
  }

  /// The profile in the form of the OCI, with Docker's members where they are needed. Reading it gives an equal profile.
  ///
  /// ``newerCalls`` is a member of Containr's own, which is there only where it differs from what runc does.
  ///
  /// - Throws: `UNSUPPORTED` for a rule with two conditions on one argument that must both hold: the format cannot say it.
  public var json: JSON {
    get throws(ContainrError) {
      var object = JSON.Object()
      object["defaultAction"] = .string(defaultAction.ociName)
      object["defaultErrnoRet"] = defaultAction.number
      if newerCalls != (defaultAction.letsThrough ? nil : Self.answerToNewerCalls) {
        object["newerCalls"] =
          newerCalls.map { action in
            var member = JSON.Object()
            member["action"] = .string(action.ociName)
            member["errnoRet"] = action.number
            return .object(member)
          } ?? .null
      }
      if !architectures.isEmpty { object["architectures"] = .array(architectures.map { .string($0.description) }) }
      if !architectureMap.isEmpty {
        object["archMap"] = .array(
          architectureMap.map { entry in
            [
              "architecture": .string(entry.architecture.description),
              "subArchitectures": .array(entry.subArchitectures.map { .string($0.description) }),
            ]
          })
      }
      if !flags.isEmpty {
        object["flags"] = .array(SeccompFlags.names.filter { flags.contains($0.flag) }.map { .string($0.name) })
      }
      object["listenerPath"] = listenerPath.map { .string($0.string) }
      object["listenerMetadata"] = listenerMetadata.map { .string($0) }
      var written: [JSON] = []
      for (index, rule) in rules.enumerated() { written.append(try rule.json(at: index)) }
      object["syscalls"] = .array(written)
      for member in otherMembers.members { object[member.key] = member.value }
      return .object(object)
    }
  }

  /// `ENOSYS`, as runc answers calls that are newer than a profile.
  private static let answerToNewerCalls = SeccompAction.errno(38)

  private static let keys: Set<String> = [
    "defaultAction", "defaultErrnoRet", "newerCalls", "architectures", "archMap", "flags", "listenerPath", "listenerMetadata",
    "syscalls",
  ]
}

extension JSON.Cursor {
  /// The members of this object that nobody has read.
  func otherMembers(than keys: Set<String>) throws(ContainrError) -> JSON.Object {
    var others = JSON.Object()
    for member in try object().members where !keys.contains(member.key) { others[member.key] = member.value }
    return others
  }
}

extension SeccompArchitecture {
  fileprivate init(_ cursor: JSON.Cursor) throws(ContainrError) {
    let name = try cursor.string()
    guard let architecture = SeccompArchitecture(named: name) else {
      throw cursor.invalid("an unknown architecture, \(JSON.quoted(name))")
    }
    self = architecture
  }
}
