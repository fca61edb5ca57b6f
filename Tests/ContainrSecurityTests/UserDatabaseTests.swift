import ContainrCore
import ContainrSecurity
import ContainrTestSupport
import Glibc
import SystemPackage
import Testing

private let passwd = """
  root:x:0:0:root:/root:/bin/bash
  daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin
  # a comment
  +nis
  alice:x:1000:1000:Alice,,,:/home/alice:/bin/sh
  1001:x:0:0:a numeric name:/root:/bin/sh
  bob:x:1002:100::relative:/bin/sh
  hex:x:0x0:0::/:/bin/sh
  negative:x:-1:0::/:/bin/sh
  large:x:2147483648:0::/:/bin/sh
  wrapped:x:4294967296:0::/:/bin/sh
  padded:x: 0:0::/:/bin/sh
  nogid:x:5::x:/:/bin/sh
  empty:x::::/:/bin/sh
  short:x:6
  samba$:x:7:7::/:/bin/sh
  """
private let group = """
  root:x:0:
  adm:x:4:daemon,alice
  staff:x:50:alice,root
  users:x:100:
  broken:x:1e3:alice
  3000:x:0:
  alice:x:1000:
  video:x:44:alice,alice
  """

private func identity(
  _ specification: String, additional: [String] = [], passwd: String = passwd, group: String = group
) throws -> UserIdentity {
  let database = try UserDatabase(passwd: Array(passwd.utf8), group: Array(group.utf8))
  return try database.identity(
    of: UserSpecification(parsing: specification), additional: additional.map { try AccountReference(parsing: $0) })
}

@Suite struct UserSpecificationTests {
  @Test(
    "CVE-2026-30892: what is no number is not read as one",
    arguments: [
      "1x", "0x0", "", "-1", "+1", " 1", "1 ", "1\n", "00", "007", "1:", ":", ":1", "0b1", "1e3", "1.0", "٣", "１", "1:2:3",
      "1:-1", "1:0x0",
      "a b", "a/b", "é", "a\0", "-a", ".a", "$", "a$b",
    ])
  func refuses(text: String) {
    do {
      _ = try UserSpecification(parsing: text)
      Issue.record("read as a user")
    } catch { #expect(error.code == .user) }
  }

  @Test(
    "CVE-2024-40635, CVE-2026-46680: an id past 2³¹ − 1 is refused, not wrapped",
    arguments: [
      "2147483648", "4294967295", "4294967296", "4294967297", "18446744073709551616", "99999999999999999999999999",
      "0:2147483648",
      "1000:4294967296",
    ])
  func refusesLargeIDs(text: String) {
    #expect(throws: ContainrError.self) { try UserSpecification(parsing: text) }
  }

  @Test func acceptsNumbersAndNames() throws {
    #expect(try UserSpecification(parsing: "0") == .root)
    #expect(try UserSpecification(parsing: "2147483647:7") == UserSpecification(user: .id(0x7fff_ffff), group: .id(7)))
    #expect(
      try UserSpecification(parsing: "www-data:_ssl.x") == UserSpecification(user: .name("www-data"), group: .name("_ssl.x")))
    #expect(try UserSpecification(parsing: "samba$").user == .name("samba$"))
    #expect(try UserSpecification(parsing: "a:1").description == "a:1")
  }
}

@Suite struct UserDatabaseTests {
  @Test(
    "CVE-2022-36109: the matrix of user, group and image files",
    arguments: [
      ("alice", 1000, 1000, [1000, 4, 50, 44]), ("1000", 1000, 1000, [1000, 4, 50, 44]), ("alice:users", 1000, 100, [100]),
      ("alice:7", 1000, 7, [7]), ("1000:staff", 1000, 50, [50]), ("root", 0, 0, [0, 50]), ("0", 0, 0, [0, 50]),
      ("daemon", 1, 1, [1, 4]), ("bob", 1002, 100, [100]), ("4242", 4242, 0, [0]), ("4242:adm", 4242, 4, [4]),
    ] as [(String, UInt32, UInt32, [UInt32])])
  func groupsAreThoseOfTheImage(specification: String, uid: UInt32, gid: UInt32, groups: [UInt32]) throws {
    let found = try identity(specification)
    #expect(found.uid == uid && found.gid == gid && found.supplementaryGroups == groups)
  }

  @Test("CVE-2024-40635: a numeric name in /etc/passwd is not taken for a number")
  func numericNames() throws {
    let found = try identity("1001")
    #expect(found.uid == 1001 && found.gid == 0 && found.name == nil && found.home == "/")
    #expect(try identity("alice:3000").gid == 3000)
  }

  @Test(
    "CVE-2026-30892: an entry with malformed ids is no user",
    arguments: [
      "hex", "negative", "large", "wrapped", "padded", "nogid", "empty", "short",
    ])
  func malformedEntries(name: String) {
    do {
      _ = try identity(name)
      Issue.record("found")
    } catch { #expect((error as? ContainrError)?.code == .user) }
  }

  @Test func laterEntryDoesNotStandInForAMalformedOne() {
    #expect(throws: ContainrError.self) {
      try identity("eve", passwd: "eve:x:1x:1::/:/bin/sh\neve:x:0:0::/:/bin/sh\n")
    }
  }

  @Test func firstEntryCounts() throws {
    let twice = "a:x:5:6::/a:/bin/sh\na:x:0:0::/b:/bin/sh\nb:x:5:9::/c:/bin/sh"
    #expect(try identity("a", passwd: twice).uid == 5)
    let byNumber = try identity("5", passwd: twice)
    #expect(byNumber.gid == 6 && byNumber.home == "/a" && byNumber.name == "a")
  }

  @Test func missingNamesAreErrors() {
    #expect(throws: ContainrError.self) { try identity("mallory") }
    #expect(throws: ContainrError.self) { try identity("alice:nobody") }
    #expect(throws: ContainrError.self) { try identity("alice:broken") }
    #expect(throws: ContainrError.self) { try identity("alice", additional: ["nobody"]) }
    #expect(throws: ContainrError.self) { try identity("alice", passwd: "", group: "") }
  }

  @Test func additionalGroupsComeOnTopAndOnce() throws {
    let found = try identity("alice", additional: ["users", "4", "77"])
    #expect(found.supplementaryGroups == [1000, 4, 50, 44, 100, 77] && found.gid == 1000)
  }

  @Test func homeIsTheUsersOrTheRoot() throws {
    #expect(try identity("alice").home == "/home/alice")
    #expect(try identity("bob").home == "/")
    #expect(try identity("4242").home == "/")
    #expect(try identity("0", passwd: "", group: "") == UserIdentity(uid: 0, gid: 0))
  }

  @Test func charactersThatLookAlikeAreNotEqual() {
    // The Kelvin sign is canonically equivalent to K.
    #expect(throws: ContainrError.self) { try identity("K", passwd: "\u{212a}:x:0:0::/:/bin/sh") }
  }

  @Test func separatorsHoldBesideCombiningCharacters() throws {
    #expect(try identity("a", passwd: "z\u{301}:x:9:9:\u{301}::\r\na:x:5:5:\u{301}:/h:/bin/sh\r\n").home == "/h")
  }

  @Test func sizesAreBounded() {
    let line = Array(("a:x:1:1::/" + String(repeating: "x", count: 70_000) + ":/bin/sh\n").utf8)
    #expect(throws: ContainrError.self) { try UserDatabase(passwd: line) }
    #expect(throws: ContainrError.self) { try UserDatabase(group: [UInt8](repeating: 10, count: UserDatabase.limits.file + 1)) }
    #expect(throws: ContainrError.self) { try UserDatabase(passwd: Array("root:x:0:0::/\0:/bin/sh".utf8)) }
  }

  @Test func groupsEndAtTheKernelsNumber() {
    let many = (1...66_000).map { "g\($0):x:\($0):alice\n" }.joined()
    #expect(throws: ContainrError.self) { try identity("alice", group: many) }
  }
}

@Suite struct UserDatabaseFileTests {
  @Test func readsTheFilesOfTheRootAndNotOfTheHost() async throws {
    try await withTemporaryDirectory { directory in
      try FileTree.makeDirectories(directory.appending("etc"))
      try FileContents.replace(directory.appending("etc/passwd"), with: Array(passwd.utf8), durable: false)
      // An absolute link is resolved in the root: the file it names there is missing, the host's is not read.
      #expect(symlink("/proc/self/status", directory.appending("etc/group").string) == 0)
      let database = try UserDatabase(in: RootDirectory(host: directory))
      #expect(try database.identity(of: UserSpecification(parsing: "alice")).supplementaryGroups == [1000])
    }
  }

  @Test func linkThatClimbsStaysInTheRoot() async throws {
    try await withTemporaryDirectory { directory in
      try FileTree.makeDirectories(directory.appending("root/etc"))
      try FileContents.replace(directory.appending("secret"), with: Array("eve:x:0:0::/:/bin/sh".utf8), durable: false)
      #expect(symlink("../../secret", directory.appending("root/etc/passwd").string) == 0)
      let database = try UserDatabase(in: RootDirectory(host: directory.appending("root")))
      #expect(throws: ContainrError.self) { try database.identity(of: UserSpecification(parsing: "eve")) }
    }
  }

  @Test(.timeLimit(.minutes(5))) func fifoDoesNotBlock() async throws {
    try await withTemporaryDirectory { directory in
      try FileTree.makeDirectories(directory.appending("etc"))
      #expect(mkfifo(directory.appending("etc/passwd").string, 0o600) == 0)
      #expect(throws: ContainrError.self) { try UserDatabase(in: RootDirectory(host: directory)) }
    }
  }

  @Test(.requires(.root)) func endlessDeviceIsRefused() async throws {
    try await withTemporaryDirectory { directory in
      try FileTree.makeDirectories(directory.appending("etc"))
      try #require(mknod(directory.appending("etc/group").string, S_IFCHR | 0o666, 0x105) == 0)
      #expect(throws: ContainrError.self) { try UserDatabase(in: RootDirectory(host: directory)) }
    }
  }

  @Test func missingFilesHaveNoEntries() async throws {
    try await withTemporaryDirectory { directory in
      let database = try UserDatabase(in: RootDirectory(host: directory))
      #expect(try database.identity(of: .root) == UserIdentity(uid: 0, gid: 0))
    }
  }
}
