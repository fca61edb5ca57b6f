import CContainrLinux
import ContainrArchive
import ContainrCore
import ContainrTestSupport
import Glibc
import SystemPackage
import Testing

@Suite(.requires(.root)) struct LayerUnpackTests {
  @Test func keepsOwnersModesTimesAndLinks() async throws {
    var tar = Tar()
    tar.directory("./", mode: 0o750)
    tar.directory("d", mode: 0o2555)
    tar.add("d/f", "hello", mode: 0o4751, uid: 12, gid: 34, time: 86400, pax: [("mtime", "86400.25")])
    tar.hardLink("d/h", to: "d/f")
    tar.symbolicLink("s", to: "/no/where")
    tar.add("fifo", type: "6", mode: 0o622, uid: 1, gid: 2)
    tar.add("null", type: "3", mode: 0o666, device: (1, 3))
    tar.add("disk", type: "4", mode: 0o600, device: (8, 1))
    tar.add("/absolute", "x")
    tar.add("made/on/the/way", "x")
    try await withLayer(tar.finished) { layer throws in
      let file = try #require(status(layer.appending("d/f")))
      #expect(file.st_mode == S_IFREG | 0o4751)
      #expect((file.st_uid, file.st_gid) == (12, 34))
      #expect((file.st_mtim.tv_sec, file.st_mtim.tv_nsec) == (86400, 250_000_000))
      #expect(file.st_nlink == 2)
      #expect(status(layer.appending("d/h"))?.st_ino == file.st_ino)
      #expect(status(layer)?.st_mode == S_IFDIR | 0o750)
      let directory = try #require(status(layer.appending("d")))
      #expect(directory.st_mode == S_IFDIR | 0o2555)
      #expect(directory.st_mtim.tv_sec == 1_000_000_000)
      #expect(status(layer.appending("s"))?.st_mode == S_IFLNK | 0o777)
      #expect(status(layer.appending("s"))?.st_mtim.tv_sec == 1_000_000_000)
      let fifo = try #require(status(layer.appending("fifo")))
      #expect(fifo.st_mode == S_IFIFO | 0o622)
      #expect((fifo.st_uid, fifo.st_gid) == (1, 2))
      #expect(status(layer.appending("null"))?.st_mode == S_IFCHR | 0o666)
      #expect(status(layer.appending("null"))?.st_rdev == 0x103)
      #expect(status(layer.appending("disk"))?.st_rdev == 0x801)
      #expect(try FileContents.text(layer.appending("absolute")) == "x")
      #expect(status(layer.appending("made/on"))?.st_mode == S_IFDIR | 0o755)
    }
  }

  @Test func lastEntryOfANameWins() async throws {
    var tar = Tar()
    tar.add("a", "first")
    tar.add("a", "second", mode: 0o600)
    tar.directory("b")
    tar.add("b/inside", "x")
    tar.add("b", "file")
    tar.symbolicLink("c", to: "a")
    tar.directory("c")
    tar.add("c/inside", "y")
    tar.directory("d", mode: 0o700)
    tar.add("d/kept", "z")
    tar.directory("d", mode: 0o711)
    try await withLayer(tar.finished) { layer throws in
      #expect(try FileContents.text(layer.appending("a")) == "second")
      #expect(status(layer.appending("a"))?.st_mode == S_IFREG | 0o600)
      #expect(try FileContents.text(layer.appending("b")) == "file")
      #expect(try FileContents.text(layer.appending("c/inside")) == "y")
      #expect(try FileContents.text(layer.appending("a")) == "second")
      #expect(try FileContents.text(layer.appending("d/kept")) == "z")
      #expect(status(layer.appending("d"))?.st_mode == S_IFDIR | 0o711)
    }
  }

  @Test func whiteoutsBecomeTheKernels() async throws {
    var tar = Tar()
    tar.add("gone/.wh.file")
    tar.directory("opaque")
    tar.add("opaque/.wh..wh..opq")
    tar.add("opaque/new", "x")
    tar.add(".wh..wh.plnk/1.2", "aufs")
    try await withLayer(tar.finished) { layer throws in
      let whiteout = try #require(status(layer.appending("gone/file")))
      #expect(whiteout.st_mode & S_IFMT == S_IFCHR)
      #expect(whiteout.st_rdev == 0)
      #expect(attribute("trusted.overlay.opaque", of: layer.appending("opaque")) == Array("y".utf8))
      #expect(try FileTree.names(in: layer.appending("opaque")) == ["new"])
      #expect(try FileTree.names(in: layer).sorted() == ["gone", "opaque"])
    }
  }

  @Test("A whiteout hides the layers below and nothing of its own layer, whichever comes first", arguments: [true, false])
  func whiteoutOrder(whiteoutFirst: Bool) async throws {
    var tar = Tar()
    func whiteouts() {
      tar.add(".wh.file")
      tar.add(".wh.directory")
      tar.add("opaque/.wh..wh..opq")
    }
    if whiteoutFirst { whiteouts() }
    tar.add("file", "new")
    tar.add("directory/inside", "new")
    tar.add("opaque/inside", "new")
    if !whiteoutFirst { whiteouts() }
    try await withLayer(tar.finished) { layer throws in
      #expect(try FileContents.text(layer.appending("file")) == "new")
      #expect(try FileContents.text(layer.appending("directory/inside")) == "new")
      #expect(try FileContents.text(layer.appending("opaque/inside")) == "new")
      #expect(attribute("trusted.overlay.opaque", of: layer.appending("directory")) == Array("y".utf8))
      #expect(attribute("trusted.overlay.opaque", of: layer.appending("opaque")) == Array("y".utf8))
      #expect(attribute("trusted.overlay.opaque", of: layer) == nil)
    }
  }

  @Test("Whiteouts below what the layer hides or replaces add nothing, in any order", arguments: [true, false])
  func whiteoutsOfAReplacedDirectory(whiteoutsFirst: Bool) async throws {
    var tar = Tar()
    func whiteouts() {
      // umoci writes such whiteouts for a directory that became a file.
      tar.add("file/.wh.inside")
      tar.add("file/deep/.wh.inside")
      tar.add("gone/.wh.inside")
      tar.add("gone/.wh..wh..opq")
    }
    if whiteoutsFirst { whiteouts() }
    tar.add("file", "new")
    tar.add(".wh.gone")
    if !whiteoutsFirst { whiteouts() }
    try await withLayer(tar.finished) { layer throws in
      #expect(try FileContents.text(layer.appending("file")) == "new")
      #expect(status(layer.appending("gone"))?.st_mode == S_IFCHR)
      #expect(try FileTree.names(in: layer).sorted() == ["file", "gone"])
    }
  }

  @Test(.requires(.userAttributes)) func keepsExtendedAttributes() async throws {
    let capability = "\u{1}\0\0\u{2}\0\u{20}\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
    var tar = Tar()
    tar.add("ping", "x", uid: 5, pax: [("SCHILY.xattr.security.capability", capability), ("SCHILY.xattr.user.a", "b")])
    tar.add("label", "x", pax: [("SCHILY.xattr.security.selinux", "system_u:object_r:bin_t:s0")])
    try await withLayer(tar.finished) { layer throws in
      #expect(attribute("security.capability", of: layer.appending("ping")) == Array(capability.utf8))
      #expect(attribute("user.a", of: layer.appending("ping")) == Array("b".utf8))
      #expect(attribute("security.selinux", of: layer.appending("label")) == nil)
    }
  }

  @Test func keepsAccessControlLists() async throws {
    var tar = Tar()
    tar.add("f", "x", mode: 0o640, pax: [("SCHILY.acl.access", "user::rw-,user:lisa:r--:4000,group::r--,mask::r--,other::---")])
    tar.add(
      "d", type: "5", mode: 0o755, pax: [("SCHILY.acl.default", "user::rwx,group::r-x,group::rw-:7,other::r-x,mask::rwx")])
    try await withLayer(tar.finished) { layer throws in
      let access = try #require(attribute("system.posix_acl_access", of: layer.appending("f")))
      #expect(access.starts(with: [2, 0, 0, 0, 1, 0, 6, 0]))
      #expect(access.count == 4 + 5 * 8)
      #expect(Array(access[12..<20]) == [2, 0, 4, 0, 0xA0, 0x0F, 0, 0])
      #expect(attribute("system.posix_acl_default", of: layer.appending("d")) != nil)
    }
  }

  @Test func keepsNamesThatAreNotASCIIAndNotUTF8() async throws {
    var tar = Tar()
    tar.add("short", "x", pax: [("path", "Nämé/ő 😀")])
    var bytes = tar.bytes
    // A header written by a program of another age: Latin 1.
    var old = Tar()
    old.add("l_tin", "y")
    var header = Array(old.finished)
    header[1] = 0xE4
    let sum = header[..<512].enumerated().reduce(0) { $0 + ((148..<156).contains($1.offset) ? 32 : Int($1.element)) }
    let digits = String(sum, radix: 8)
    header.replaceSubrange(148..<154, with: (String(repeating: "0", count: 6 - digits.count) + digits).utf8)
    bytes += header
    try await withLayer(bytes) { layer throws in
      #expect(try FileContents.text(layer.appending("Nämé/ő 😀")) == "x")
      #expect(try shell("cat $(printf 'l\\344tin')", in: layer) == "y")
    }
  }

  @Test(.requires(.program("tar"))) func keepsHolesOfSparseFiles() async throws {
    try await withTemporaryDirectory { directory in
      try shell(
        "mkdir r && truncate -s 64M r/s && printf end | dd of=r/s bs=1 seek=30000000 conv=notrunc status=none && tar -S -cf t -C r s",
        in: directory)
      let layer = directory.appending("layer")
      try unpack(directory.appending("t"), into: layer)
      try shell("cmp r/s '\(layer)/s'", in: directory)
      #expect(try #require(status(layer.appending("s"))).st_blocks < 1000)
    }
  }
}
