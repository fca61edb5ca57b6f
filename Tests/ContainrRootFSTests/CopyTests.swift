import CContainrLinux
import ContainrCore
import ContainrRootFS
import ContainrTestSupport
import Glibc
import Synchronization
import SystemPackage
import Testing

/// How often a copy races; a long run is for `CONTAINR_RACE_ROUNDS`.
private let rounds: Int = getenv("CONTAINR_RACE_ROUNDS").flatMap { Int(String(cString: $0)) } ?? 2000

@Suite(.serialized, .requires(.root)) struct CopyTests {
  @Test("The rules of names are those of docker cp")
  func names() async throws {
    try await withFixture { fixture in
      let host = try fixture.tree("host", ["f": "file", "d/in": "inner", "d/deep/x": "deep"])
      let path = try fixture.tree("root", ["etc/old": "old", "dir/": ""])
      try fixture.link(path.appending("link"), to: "/dir")
      try fixture.link(path.appending("tofile"), to: "etc/old")
      let root = try RootDirectory(host: path)
      try root.copyIn(host.appending("f"), to: try RootedPath("/etc/new"))
      try root.copyIn(host.appending("f"), to: try RootedPath("/dir"))
      try root.copyIn(host.appending("d"), to: try RootedPath("/link"))
      try root.copyIn(host.appending("d"), to: try RootedPath("/made"))
      try root.copyIn(FilePath("\(host)/d/."), to: try RootedPath("/dir"))
      try root.copyIn(host.appending("f"), to: try RootedPath("/tofile"))
      #expect(
        try fixture.contents(path.appending("dir")) == [
          "f": "file", "d/": "", "d/in": "inner", "d/deep/": "", "d/deep/x": "deep", "in": "inner", "deep/": "",
          "deep/x": "deep",
        ])
      #expect(try fixture.text(path.appending("etc/new")) == "file")
      #expect(try fixture.text(path.appending("etc/old")) == "file")
      #expect(try fixture.text(path.appending("made/deep/x")) == "deep")
      for (source, destination) in [("f", "/missing/"), ("f", "/missing/f"), ("d", "/etc/new"), ("f", "/etc/new/")] {
        #expect(codeOfError { try root.copyIn(host.appending(source), to: try RootedPath(destination)) } == .ioFailure)
      }
      try root.copyOut(try RootedPath("/dir"), to: host.appending("back"))
      #expect(try fixture.contents(host.appending("back")) == fixture.contents(path.appending("dir")))
      try root.copyOut(try RootedPath("/link"), to: host.appending("linkcopy"))
      #expect(status(host.appending("linkcopy"))?.st_mode == S_IFLNK | 0o777)
      try root.copyOut(try RootedPath("/link"), to: host.appending("followed"), options: CopyOptions(followsLink: true))
      #expect(try fixture.text(host.appending("followed/f")) == "file")
    }
  }

  @Test func ownersAndSetUserIdBitsAreKeptOnlyWhenAskedFor() async throws {
    try await withFixture { fixture in
      let path = try fixture.tree("root", ["f": "x"])
      try #require(chown(path.appending("f").string, 7, 8) == 0 && chmod(path.appending("f").string, 0o6755) == 0)
      let root = try RootDirectory(host: path)
      try root.copyOut(try RootedPath("/f"), to: fixture.directory.appending("plain"))
      try root.copyOut(
        try RootedPath("/f"), to: fixture.directory.appending("kept"), options: CopyOptions(keepsOwners: true))
      let plain = try #require(status(fixture.directory.appending("plain")))
      #expect((plain.st_uid, plain.st_mode) == (0, S_IFREG | 0o755))
      let kept = try #require(status(fixture.directory.appending("kept")))
      #expect((kept.st_uid, kept.st_gid, kept.st_mode) == (7, 8, S_IFREG | 0o6755))
      #expect(plain.st_mtim.tv_nsec == status(path.appending("f"))?.st_mtim.tv_nsec)
    }
  }

  @Test func aFIFOIsCopiedAndNeverOpenedAndADeviceIsRefused() async throws {
    try await withFixture { fixture in
      let path = try fixture.tree("root", ["d/f": "x"])
      try #require(mkfifo(path.appending("d/fifo").string, 0o600) == 0)
      let root = try RootDirectory(host: path)
      #expect(try root.copyOut(try RootedPath("/d"), to: fixture.directory.appending("out")).entries == 3)
      #expect(status(fixture.directory.appending("out/fifo"))?.st_mode == S_IFIFO | 0o600)
      try #require(mknod(path.appending("d/null").string, S_IFCHR | 0o666, 0x103) == 0)
      let refused = codeOfError { try root.copyOut(try RootedPath("/d"), to: fixture.directory.appending("out2")) }
      #expect(refused == .unsupported)
    }
  }

  @Test func tarsGoInAndOut() async throws {
    try await withFixture { fixture in
      let path = try fixture.tree("root", ["d/f": "x", "d/sub/g": "y", "to/": ""])
      try fixture.link(path.appending("to/out"), to: "/d")
      let root = try RootDirectory(host: path)
      let file = fixture.directory.appending("t.tar")
      let output = try OwnedDescriptor.open(file, flags: O_WRONLY | O_CREAT, mode: 0o600)
      try root.copyOut(try RootedPath("/d"), tar: output, compression: .gzip)
      try root.copyIn(tar: OwnedDescriptor.open(file), to: try RootedPath("/to"))
      #expect(try fixture.text(path.appending("to/sub/g")) == "y")
      var tar = Tar()
      tar.add("out/f", "overwritten")
      try ContainrTestSupport.write(tar.finished, to: file)
      #expect(codeOfError { try root.copyIn(tar: OwnedDescriptor.open(file), to: try RootedPath("/to")) } == .layerInvalid)
      #expect(try fixture.text(path.appending("d/f")) == "x")
    }
  }

  @Test(
    "CVE-2018-15664, CVE-2026-41567, CVE-2026-41568, CVE-2026-42306: a directory swapped for a link leads no copy to the host")
  func swappedDirectory() async throws {
    try await withFixture { fixture in
      let outside = try fixture.tree("outside", ["f": "canary", "sub/g": "canary"])
      let host = try fixture.tree("host", ["f": "mine", "sub/g": "mine"])
      let path = try fixture.tree("root", ["a/dir/f": "inside", "a/dir/sub/g": "inside"])
      try fixture.link(path.appending("a/link"), to: outside.string)
      let expected = try fixture.contents(outside)
      let swapper = try DirectorySwapper(path.appending("a/dir"), path.appending("a/link"))
      let root = try RootDirectory(host: path)
      let (target, into) = (try RootedPath("/a/dir"), fixture.directory.appending("out"))
      for round in 0..<rounds {
        switch round % 4 {
        case 0: codeOfError { try root.copyIn(FilePath("\(host)/."), to: target) }
        case 1: codeOfError { try root.copyIn(host.appending("f"), to: try RootedPath("/a/dir/f")) }
        case 2: codeOfError { try root.copyOut(target, to: into, options: CopyOptions(followsLink: true)) }
        default: codeOfError { try root.copyOut(try RootedPath("/a/dir/sub/g"), to: into.appending("g")) }
        }
        if status(into) != nil, round % 4 > 1 {
          #expect(!(try fixture.contents(into).values.contains("canary")))
          try FileTree.remove(into)
          try FileTree.makeDirectories(into)
        }
      }
      #expect(swapper.stop() > rounds)
      #expect(try fixture.contents(outside) == expected)
    }
  }

  @Test("CVE-2019-14271, CVE-2021-41089: a copy runs nothing of the container's and changes no mode outside")
  func loadsNothing() async throws {
    try await withFixture { fixture in
      let path = try fixture.tree(
        "root",
        [
          "lib/libnss_files.so.2": "evil", "etc/nsswitch.conf": "passwd: evil", "bin/tar": "#!/bin/sh\ntouch /ran\n",
          "d/f": "x",
        ])
      let outside = try fixture.tree("outside", ["f": "canary"])
      chmod(outside.string, 0o701)
      try fixture.link(path.appending("d/link"), to: outside.string)
      let root = try RootDirectory(host: path)
      let (_, left) = try await withoutLeaks(marks: [fixture.directory.string]) {
        try root.copyOut(try RootedPath("/d"), to: fixture.directory.appending("out"), options: CopyOptions(keepsOwners: true))
        try root.copyIn(fixture.directory.appending("out"), to: try RootedPath("/d/again"))
      }
      #expect(left == [])
      #expect(!(try FileContents.text("/proc/self/maps").contains(fixture.directory.string)))
      #expect(status(outside)?.st_mode == S_IFDIR | 0o701)
      #expect(status(path.appending("d/again/link"))?.st_mode == S_IFLNK | 0o777)
    }
  }
}

/// Exchanges two names on a thread of its own until it is stopped.
private final class DirectorySwapper: Sendable {
  private let isStopped = Atomic(false)
  private let hasEnded = Atomic(false)
  private let swaps = Atomic(0)

  init(_ first: FilePath, _ second: FilePath) throws {
    let (first, second) = (first.string, second.string)
    try Thread.detach(name: "swapper") { [self] in
      while !isStopped.load(ordering: .relaxed) {
        if cl_renameat2(AT_FDCWD, first, AT_FDCWD, second, 2) == 0 { swaps.add(1, ordering: .relaxed) }
      }
      hasEnded.store(true, ordering: .releasing)
    }
  }

  func stop() -> Int {
    isStopped.store(true, ordering: .relaxed)
    while !hasEnded.load(ordering: .acquiring) { sched_yield() }
    return swaps.load(ordering: .relaxed)
  }
}
