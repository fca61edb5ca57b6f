import ContainrTestSupport
import Glibc
import SystemPackage
import Testing

@testable import ContainrCore

@Suite struct ErrorTests {
  @Test func descriptionIsOneLineThenHintThenCauses() {
    let inner = ContainrError(.ioFailure, "reading the map", systemCall: SystemCall("read(2)", .ioError))
    let middle = ContainrError(.idMapping, "reading /etc/subuid", hint: "not printed of a cause", cause: inner)
    let error = ContainrError(
      .permissionDenied, "entering the user namespace", systemCall: SystemCall("setns(2)", .notPermitted),
      hint: "run as root", cause: middle)
    #expect(
      error.description == """
        [PERMISSION_DENIED] entering the user namespace: setns(2): EPERM (Operation not permitted)
          hint: run as root
          cause: [ID_MAPPING] reading /etc/subuid
          cause: [IO_FAILURE] reading the map: read(2): EIO (Input/output error)
        """)
    #expect(
      ContainrError(.timeout, "waiting", cause: CancellationError()).description.hasSuffix("\n  cause: CancellationError()"))
  }

  @Test func namesOfOthersMakeNoLineAndNoTerminalCommand() {
    let error = ContainrError(.imageNotFound, "looking for \"a\n[OK] fine\u{1b}[2J\"", hint: "try\rb")
    #expect(error.description == "[IMAGE_NOT_FOUND] looking for \"a\\n[OK] fine\\u{1b}[2J\"\n  hint: try\\rb")
  }

  @Test func errorNumbersThatSayWhyHaveTheirOwnCodes() {
    func code(_ errno: Errno) -> ContainrError.Code { .init(ContainrError.errno(errno, .rootfsMount, "x", call: "mount(2)")) }
    #expect(code(.notPermitted) == .permissionDenied)
    #expect(code(.permissionDenied) == .permissionDenied)
    #expect(code(.noFunction) == .kernelUnsupported)
    #expect(code(.tooManyOpenFiles) == .resourceExhausted)
    #expect(code(.invalidArgument) == .rootfsMount)
    #expect(ContainrError.errno(.notPermitted, .signal, "x", call: "kill(2)", hint: "mine").hint == "mine")
  }
}

extension ContainrError.Code {
  fileprivate init(_ error: ContainrError) { self = error.code }
}

/// The list of codes for people is made from the source, and a difference fails the build of it.
@Suite struct ErrorDocumentationTests {
  private struct Entry: Equatable {
    var section: String
    var code: String
    var meaning: String
  }

  private static let root = FilePath(#filePath).removingLastComponent().removingLastComponent().removingLastComponent()

  /// Reads the declarations with the comments above them.
  private static func declared() throws -> [Entry] {
    var entries: [Entry] = []
    var (section, comment) = ("", "")
    let source = try FileContents.text(root.appending("Sources/ContainrCore/Errors/ContainrError+Code.swift"))
    for line in source.split(separator: "\n").map({ $0.drop { $0 == " " } }) {
      if line.hasPrefix("// MARK: ") {
        section = String(line.dropFirst(9))
      } else if line.hasPrefix("/// ") {
        comment += (comment.isEmpty ? "" : " ") + line.dropFirst(4)
      } else {
        if line.hasPrefix("public static let "), let code = line.split(separator: "\"").dropFirst().first {
          entries.append(Entry(section: section, code: String(code), meaning: comment))
        }
        comment = ""
      }
    }
    return entries
  }

  private static func page(_ entries: [Entry]) -> String {
    var text = """
      # Error codes

      Every failure of a Containr library is a `ContainrError`. Its `code` is the only part to match on: codes keep their
      names and meanings between versions, and new ones may come, so a `switch` needs a `default`. Activity, system call,
      hint and causes are for people.

      <!-- Made from Sources/ContainrCore/Errors/ContainrError+Code.swift by
      `CONTAINR_WRITE_DOCS=1 swift test --filter ErrorDocumentationTests`; a test compares. -->

      """
    var section = ""
    for entry in entries {
      if entry.section != section {
        section = entry.section
        text += "\n## \(section)\n\n| code | meaning |\n| --- | --- |\n"
      }
      text += "| `\(entry.code)` | \(entry.meaning) |\n"
    }
    return text
  }

  @Test func everyCodeIsUniqueAndInTheListOfAll() throws {
    let all = ContainrError.Code.all.map(\.rawValue)
    #expect(Set(all).count == all.count)
    #expect(try Self.declared().map(\.code) == all)
    for code in all { #expect(code.utf8.allSatisfy { (0x41...0x5a).contains($0) || $0 == 0x5f }, "\(code)") }
  }

  @Test func theDocumentListsEveryCodeWithItsMeaning() throws {
    let page = Self.page(try Self.declared())
    let path = Self.root.appending("docs/errors.md")
    if getenv("CONTAINR_WRITE_DOCS") != nil { try FileContents.replace(path, with: page.utf8, mode: 0o644, durable: false) }
    #expect(try FileContents.text(path) == page, "run CONTAINR_WRITE_DOCS=1 swift test --filter ErrorDocumentationTests")
    for code in ContainrError.Code.all { #expect(page.contains("| `\(code)` | ")) }
  }
}
