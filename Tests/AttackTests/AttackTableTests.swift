import ContainrCore
import ContainrTestSupport
import SystemPackage
import Testing

/// docs/security.md and the tests name the same attacks.
struct AttackTableTests {
  /// The lines of the tables of attacks, `| attack | defence | test |`.
  private static func rows() throws -> [(attack: String, tests: [String])] {
    let page = try FileContents.text(Repository.root.appending("docs/security.md"))
    guard let start = page.firstRange(of: "## Attacks and defences") else { return [] }
    return page[start.upperBound...].split(separator: "\n").filter {
      $0.hasPrefix("| ") && !$0.hasPrefix("| attack") && !$0.hasPrefix("| ---")
    }
    .map { line in
      let cells = line.split(separator: "|").map(String.init)
      // Every second piece between back quotes is one.
      let names = (cells.count < 3 ? "" : cells[2]).split(separator: "`", omittingEmptySubsequences: false).enumerated()
        .filter { $0.offset % 2 == 1 }.map { String($0.element) }
      return (cells[0], names)
    }
  }

  /// The sources of all tests.
  private static func sources() throws -> String {
    var text = ""
    let tests = Repository.root.appending("Tests")
    for target in try FileTree.names(in: tests) where target.hasSuffix("Tests") {
      for file in try FileTree.names(in: tests.appending(target)) where file.hasSuffix(".swift") {
        text += try FileContents.text(tests.appending(target).appending(file))
      }
    }
    return text
  }

  /// The numbers of CVEs in a text, however written: `CVE-2019-5736, 2019-16884`, `cve_2019_5736`.
  private static func identifiers(_ text: some StringProtocol) -> Set<String> {
    var found: Set<String> = []
    let words = text.lowercased().split { !($0.isASCII && ($0.isLetter || $0.isNumber)) }
    for (index, word) in words.enumerated().dropLast(2) where word == "cve" {
      found.insert("CVE-\(words[index + 1])-\(words[index + 2])")
    }
    return found
  }

  @Test func everyTestThatTheTableNamesExists() throws {
    let sources = try Self.sources()
    let rows = try Self.rows()
    #expect(rows.count > 30)
    for row in rows {
      #expect(!row.tests.isEmpty, "no test for \(row.attack)")
      for name in row.tests { #expect(sources.contains("func \(name)("), "\(row.attack): there is no test \(name)") }
    }
  }

  @Test func theTableHasEveryAttackThatATestIsNamedAfterAndNoOther() throws {
    var named: Set<String> = []
    var lines = try Self.sources().split(separator: "\n")[...]
    while let line = lines.popFirst() {
      let trimmed = line.drop { $0 == " " }
      // The display name stands on the attribute's line or the one after it.
      if trimmed.hasPrefix("@Test(") {
        named.formUnion(Self.identifiers("\(trimmed.split(separator: "\"").dropFirst().first ?? "")"))
      }
      if trimmed.hasPrefix("\"CVE-") { named.formUnion(Self.identifiers(trimmed)) }
      if let function = trimmed.firstRange(of: "func cve_") {
        named.formUnion(Self.identifiers(trimmed[function.lowerBound...].prefix { $0 != "(" }))
      }
    }
    let listed = try Self.rows().reduce(into: Set<String>()) { $0.formUnion(Self.identifiers($1.attack)) }
    #expect(named.subtracting(listed) == [], "in no row of docs/security.md")
    #expect(listed.subtracting(named) == [], "no test has this name")
  }
}
