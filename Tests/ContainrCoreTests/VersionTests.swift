import ContainrCore
import Testing

@Suite struct SemanticVersionTests {
  @Test func precedenceIsThatOfTheSpecification() throws {
    let ordered = try [
      "0.9.9", "1.0.0-0.3.7", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2",
      "1.0.0-beta.11", "1.0.0-beta.99999999999999999999999", "1.0.0-rc.1", "1.0.0", "1.0.1", "1.10.0", "2.0.0",
    ].map { try SemanticVersion(parsing: $0) }
    for (index, version) in ordered.enumerated() {
      for later in ordered[(index + 1)...] {
        #expect(version < later)
        #expect(!(later < version))
      }
      #expect(version == version && !(version < version))
    }
  }

  @Test func buildMetadataDoesNotCount() throws {
    let (one, other) = (try SemanticVersion(parsing: "1.0.0+a"), try SemanticVersion(parsing: "1.0.0+b.01"))
    #expect(one == other && one.hashValue == other.hashValue)
    #expect(other.build == ["b", "01"])
  }

  @Test(arguments: ["1.2.3", "1.0.0-x-y-z.--", "0.0.0-0", "1.0.0-alpha+001", "1.0.0+21AF26D3---117B344092BD"])
  func printsWhatItParsed(text: String) throws {
    #expect(try SemanticVersion(parsing: text).description == text)
    #expect(try SemanticVersion(tag: "v" + text) == SemanticVersion(parsing: text))
    #expect(throws: ContainrError.self) { try SemanticVersion(tag: text) }
  }

  @Test(arguments: [
    "", "1", "1.2", "v1.2.3", "1.2.3.4", "01.2.3", "1.02.3", "1.2.3-", "1.2.3+", "1.2.3-a..b", "1.2.3-01", "1.2.3-é",
    "-1.2.3", "1.2.3 ", "1.2.99999999999999999999", "1.2.3+a+b", "1.2.3-a_b",
  ])
  func refusesWhatTheGrammarDoesNotGive(text: String) {
    #expect(throws: ContainrError.self) { try SemanticVersion(parsing: text) }
  }
}

@Suite struct BuildInformationPresentationTests {
  @Test func userAgentNamesVersionAndPlatform() throws {
    let current = BuildInformation.current
    #expect(current.userAgent == "containr/\(current.version) (\(current.platform))")
    #expect(try current.semanticVersion() >= SemanticVersion(0, 1, 0))
    #expect(current.short == current.version)
  }

  @Test func jsonSaysNullForAnUnknownCommit() {
    var build = BuildInformation.current
    build.version = "1.2.3"
    build.commit = nil
    build.hasLocalChanges = false
    build.date = "2026-07-04"
    build.swiftVersion = "6.3.1"
    build.platform = "linux/amd64"
    #expect(
      build.json
        == #"{"version":"1.2.3","commit":null,"hasLocalChanges":false,"date":"2026-07-04","swiftVersion":"6.3.1","platform":"linux/amd64"}"#
    )
  }
}
