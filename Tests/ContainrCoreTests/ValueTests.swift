import ContainrCore
import Testing

@Suite struct ByteCountTests {
  @Test(arguments: [("100m", 104_857_600), ("1g", 1 << 30), ("512", 512), ("4KiB", 4096), ("7B", 7)] as [(String, UInt64)])
  func parsesBinarySuffixes(text: String, bytes: UInt64) throws {
    #expect(try ByteCount(parsing: text) == ByteCount(bytes))
  }

  @Test(arguments: ["", "m", "-1", "1.5g", "0x10", "12q", "99999999999999999999", "17179869184g", "１0"])
  func refusesEverythingElse(text: String) {
    #expect(throws: ContainrError.self) { try ByteCount(parsing: text) }
  }

  @Test func printsWithOneDigit() {
    #expect(ByteCount(2_000_000).description == "1.9 MiB")
    #expect(ByteCount(12).description == "12 B")
  }
}

@Suite struct ContainerIDTests {
  @Test(arguments: ["a", "web-1", "A.b_c", String(repeating: "x", count: 128)])
  func acceptsNames(text: String) throws {
    #expect(try ContainerID(text).description == text)
  }

  @Test(arguments: ["", ".", "..", "-a", "a/b", "../x", "a b", "a\0", "é", String(repeating: "x", count: 129)])
  func refusesWhatCouldLeaveADirectory(text: String) {
    #expect(throws: ContainrError.self) { try ContainerID(text) }
  }

  @Test func randomIDsAreLongAndDiffer() {
    let first = ContainerID.random()
    #expect(first.description.utf8.count == 64)
    #expect(first != ContainerID.random())
  }
}

@Suite struct DigestTests {
  @Test func hashesWhatSha256Hashes() throws {
    let expected = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    #expect(Digest(of: Array("abc".utf8)).description == expected)
    #expect(try Digest(parsing: expected) == Digest(of: Array("abc".utf8)))
  }

  @Test(arguments: [
    "", "sha256:", "sha256:BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD", "md5:00",
    "sha256:../../../../etc/passwd",
  ])
  func refusesMalformedText(text: String) {
    #expect(throws: ContainrError.self) { try Digest(parsing: text) }
  }
}
