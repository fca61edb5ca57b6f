import ContainrCore
import ContainrOCI
import ContainrSecurity

extension ExecutionProfile {
  /// Walls that few containers have: each is nothing by default, and then nothing is written of it.
  struct Walls: Hashable, Sendable {
    /// As the kernel takes it.
    var landlock: LandlockRuleset?
    /// What is written to attributes of the process before it executes its program.
    var labels: [SecurityLabel] = []
    var ambient: CapabilitySet = []
    var hasOwnCore = false

    var isEmpty: Bool { landlock == nil && labels.isEmpty && ambient.isEmpty && !hasOwnCore }
  }
}

extension ExecutionProfile.Walls {
  var json: JSON {
    if isEmpty { return .null }
    var object = JSON.Object()
    if let landlock { object["landlock"] = Self.json(landlock) }
    if !labels.isEmpty {
      object["labels"] = .array(
        labels.map { [.string($0.module.rawValue), .string($0.attribute), .string($0.text)] })
    }
    if !ambient.isEmpty { object["ambient"] = .unsigned(ambient.rawValue) }
    if hasOwnCore { object["ownCore"] = true }
    return .object(object)
  }

  init(_ cursor: JSON.Cursor) throws(ContainrError) {
    if let rules = try cursor.member("landlock") { landlock = try Self.landlock(rules) }
    for label in try cursor.elements("labels") ?? [] {
      let parts = try label.strings()
      guard parts.count == 3 else { throw label.invalid("no label of a security module") }
      labels.append(SecurityLabel(module: SecurityModule(rawValue: parts[0]), attribute: parts[1], text: parts[2]))
    }
    if let bits = try cursor.member("ambient")?.integer(UInt64.self) { ambient = CapabilitySet(rawValue: bits) }
    hasOwnCore = try cursor.bool("ownCore") ?? false
  }

  private static func json(_ ruleset: LandlockRuleset) -> JSON {
    [
      "files": .unsigned(ruleset.deniedFiles.rawValue), "network": .unsigned(ruleset.deniedNetwork.rawValue),
      "scope": .unsigned(ruleset.scope.rawValue), "logging": .integer(Int64(ruleset.logging.rawValue)),
      "rules": .array(ruleset.rules.map(json)),
    ]
  }

  private static func json(_ rule: LandlockRule) -> JSON {
    switch rule {
    case .path(let path, let access, let mayBeMissing):
      return ["path": .string(path), "access": .unsigned(access.rawValue), "mayBeMissing": .bool(mayBeMissing)]
    case .port(let port, let access):
      return ["port": .integer(Int64(port)), "access": .unsigned(access.rawValue)]
    }
  }

  private static func landlock(_ cursor: JSON.Cursor) throws(ContainrError) -> LandlockRuleset {
    var ruleset = LandlockRuleset(
      denying: LandlockFileAccess(rawValue: try cursor.required("files").integer(UInt64.self)),
      network: LandlockNetworkAccess(rawValue: try cursor.required("network").integer(UInt64.self)),
      scope: LandlockScope(rawValue: try cursor.required("scope").integer(UInt64.self)),
      logging: LandlockLogging(rawValue: try cursor.required("logging").integer(UInt32.self)), compatibility: .required)
    for rule in try cursor.required("rules").elements() {
      let access = try rule.required("access").integer(UInt64.self)
      if let path = try rule.string("path") {
        let mayBeMissing = try rule.required("mayBeMissing").bool()
        ruleset.rules.append(.path(path, LandlockFileAccess(rawValue: access), mayBeMissing: mayBeMissing))
      } else {
        let port = try rule.required("port").integer(UInt16.self)
        ruleset.rules.append(.port(port, LandlockNetworkAccess(rawValue: access)))
      }
    }
    return ruleset
  }
}
