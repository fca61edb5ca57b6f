extension BuildInformation {
  /// How HTTP clients name themselves: `containr/0.1.0 (linux/amd64)` (RFC 9110 section 10.1.5).
  public var userAgent: String { "containr/\(version) (\(platform))" }

  /// The version alone, as `containr version --short` prints it.
  public var short: String { version }

  /// A JSON object on one line, as `containr version --json` prints it; `commit` is null where it is not known.
  public var json: String {
    JSONText.object([
      ("version", JSONText.string(version)),
      ("commit", commit.map(JSONText.string) ?? "null"),
      ("hasLocalChanges", hasLocalChanges ? "true" : "false"),
      ("date", JSONText.string(date)),
      ("swiftVersion", JSONText.string(swiftVersion)),
      ("platform", JSONText.string(platform)),
    ])
  }

  /// The version as a value that compares.
  ///
  /// - Throws: `INVALID_ARGUMENT` where ``version`` is not one of Semantic Versioning.
  public func semanticVersion() throws(ContainrError) -> SemanticVersion { try SemanticVersion(parsing: version) }
}
