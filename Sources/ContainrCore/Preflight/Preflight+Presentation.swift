extension Preflight: CustomStringConvertible {
  /// A table for people, one line a thing, with what to do below each thing that is missing.
  public var description: String {
    var lines = [
      Self.row("kernel", "\(release) (\(kernel))"),
      Self.row("architecture", machine),
      Self.row("user", userID == 0 ? "0 (root)" : "\(userID)"),
      Self.row("capabilities", capabilityText),
    ]
    let lacking = Capability.allCases.filter { !holds($0) }
    if !lacking.isEmpty { lines.append(Self.row("  without", lacking.map(\.description).joined(separator: " "))) }
    lines.append(Self.row("security modules", securityModules.isEmpty ? "none" : securityModules.joined(separator: " ")))
    lines.append(Self.row("landlock", landlockVersion.map { "version \($0)" } ?? "off"))
    lines.append(Self.row("cgroups", cgroups.layout.rawValue))
    for version in [1, 2] {
      let names = cgroups.controllers.filter { $0.version == version }.map(\.name)
      if !names.isEmpty { lines.append(Self.row("  v\(version)", names.joined(separator: " "))) }
    }
    let unmounted = cgroups.controllers.filter { $0.version == nil }.map(\.name)
    if !unmounted.isEmpty { lines.append(Self.row("  not mounted", unmounted.joined(separator: " "))) }
    lines.append("")
    for feature in features { lines.append(contentsOf: Self.rows(feature)) }
    for note in notes { lines.append("note: \(note)") }
    return lines.joined(separator: "\n")
  }

  private var capabilityText: String {
    let digits = String(effectiveCapabilities, radix: 16)
    let padded = String(repeating: "0", count: 16 - digits.utf8.count) + digits
    return "\(padded) (\(effectiveCapabilities.nonzeroBitCount) held)"
  }

  private static func row(_ name: String, _ value: String) -> String {
    name + String(repeating: " ", count: max(1, 30 - name.utf8.count)) + value
  }

  private static func rows(_ feature: Feature) -> [String] {
    let since = feature.minimumKernel.map { " (Linux \($0))" } ?? ""
    let name = feature.name.rawValue
    return switch feature.status {
    case .available: [row(name, "yes" + since)]
    case .degraded(let fallback): [row(name, "no\(since): \(fallback)")]
    case .missing(let reason, let hint): [row(name, "no\(since): \(reason)"), row("", "hint: \(hint)")]
    case .denied(let reason, let hint): [row(name, "denied: \(reason)"), row("", "hint: \(hint)")]
    }
  }

  /// The same as a JSON object, on one line.
  public var json: String {
    let controllers = cgroups.controllers.map { controller in
      JSONText.object([
        ("name", JSONText.string(controller.name)),
        ("version", controller.version.map { "\($0)" } ?? "null"),
        ("mountPoint", controller.mountPoint.map(JSONText.string) ?? "null"),
      ])
    }
    let capabilities = JSONText.object([
      ("effective", JSONText.string(String(effectiveCapabilities, radix: 16))),
      ("held", JSONText.strings(Capability.allCases.filter(holds).map(\.description))),
      ("missing", JSONText.strings(Capability.allCases.filter { !holds($0) }.map(\.description))),
    ])
    return JSONText.object([
      ("kernel", JSONText.object([("release", JSONText.string(release)), ("version", JSONText.string("\(kernel)"))])),
      ("architecture", JSONText.string(machine)),
      ("userID", "\(userID)"),
      ("capabilities", capabilities),
      ("securityModules", JSONText.strings(securityModules)),
      ("landlockVersion", landlockVersion.map { "\($0)" } ?? "null"),
      (
        "cgroups",
        JSONText.object([
          ("layout", JSONText.string(cgroups.layout.rawValue)), ("controllers", JSONText.array(controllers)),
        ])
      ),
      ("features", JSONText.array(features.map(Self.json))),
      ("notes", JSONText.strings(notes)),
    ])
  }

  private static func json(_ feature: Feature) -> String {
    var members = [("name", JSONText.string(feature.name.rawValue))]
    if let minimum = feature.minimumKernel { members.append(("since", JSONText.string("\(minimum)"))) }
    switch feature.status {
    case .available: members.append(("status", "\"available\""))
    case .degraded(let fallback):
      members += [("status", "\"degraded\""), ("fallback", JSONText.string(fallback))]
    case .missing(let reason, let hint):
      members += [("status", "\"missing\""), ("reason", JSONText.string(reason)), ("hint", JSONText.string(hint))]
    case .denied(let reason, let hint):
      members += [("status", "\"denied\""), ("reason", JSONText.string(reason)), ("hint", JSONText.string(hint))]
    }
    return JSONText.object(members)
  }
}
