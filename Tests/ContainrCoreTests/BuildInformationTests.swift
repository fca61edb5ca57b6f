import ContainrCore
import Glibc
import Testing

@Suite struct BuildInformationTests {
  let current = BuildInformation.current

  @Test func versionHasThreeNumbers() {
    #expect(current.version.wholeMatch(of: #/\d+\.\d+\.\d+(-[0-9A-Za-z.]+)?/#) != nil, "\(current.version)")
  }

  @Test func dateIsADay() {
    #expect(current.date.wholeMatch(of: #/20\d\d-[01]\d-[0-3]\d(T.*)?/#) != nil, "\(current.date)")
  }

  @Test func commitIsAFullHashWhereThereIsOne() {
    if let commit = current.commit {
      #expect(commit.wholeMatch(of: #/[0-9a-f]{40}/#) != nil, "\(commit)")
    }
  }

  @Test func platformIsWhatTheKernelSays() throws {
    var name = utsname()
    try #require(uname(&name) == 0)
    let machine = withUnsafeBytes(of: name.machine) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    let expected = ["x86_64": "linux/amd64", "aarch64": "linux/arm64"]
    #expect(current.platform == expected[machine] ?? "linux/\(machine)")
  }

  @Test func neverSaysUnknown() {
    #expect(!current.description.lowercased().contains("unknown"))
    #expect(current.description.hasPrefix("containr \(current.version) ("))
  }
}
