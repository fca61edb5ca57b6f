import CContainrLinux
import ContainrArchive
import ContainrCore
import ContainrTestSupport
import Glibc
import SystemPackage
import Testing

@Suite(.requires(.root)) struct LayerDiffTests {
  /// Writes a layer to a file.
  @discardableResult
  private func write(_ diff: LayerDiff, to path: FilePath, _ compression: LayerCompression = .none) throws -> WrittenLayer {
    let output = try OwnedDescriptor.open(path, flags: O_WRONLY | O_CREAT | O_TRUNC, mode: 0o600)
    return try diff.write(to: output, compression: compression)
  }

  private func withOverlay<Result>(
    lower: [FilePath], upper: FilePath? = nil, at directory: FilePath, _ body: (FilePath) throws -> Result
  ) throws -> Result {
    let merged = directory.appending("merged")
    try FileTree.makeDirectories(merged, mode: 0o755)
    var options = "lowerdir=" + lower.reversed().map(\.string).joined(separator: ":")
    if let upper {
      try FileTree.makeDirectories(directory.appending("work"))
      options += ",upperdir=\(upper),workdir=\(directory.appending("work")),metacopy=off,redirect_dir=off"
    }
    try #require(mount("overlay", merged.string, "overlay", 0, options) == 0, "\(Errno(rawValue: errno))")
    defer { #expect(umount2(merged.string, 0) == 0) }
    return try body(merged)
  }

  /// A random tree, a changed copy of it, and a copy as it was.
  private func trees(seed: UInt64, in directory: FilePath) throws -> (before: FilePath, after: FilePath, copy: FilePath) {
    let before = directory.appending("before")
    try FileTree.makeDirectories(before, mode: 0o755)
    var tree = RandomTree(before, seed: seed)
    try tree.grow(120)
    let lower = try describe(before)
    try shell("cp -a --sparse=auto before after && cp -a before copy", in: directory)
    expectSame(try describe(directory.appending("copy")), lower, "cp(1)")
    // The same tree under another root: the generator's lists come from the seed.
    try FileTree.makeDirectories(directory.appending("scratch"), mode: 0o755)
    var other = RandomTree(directory.appending("scratch"), seed: seed)
    try other.grow(120)
    try FileTree.remove(directory.appending("scratch"))
    try shell("mv after scratch", in: directory)
    try other.mutate(60)
    try shell("mv scratch after", in: directory)
    return (before, directory.appending("after"), directory.appending("copy"))
  }

  @Test("A layer of the difference, applied to the tree before, gives the tree after", arguments: 1...5 as ClosedRange<UInt64>)
  func roundTrip(seed: UInt64) async throws {
    try await withTemporaryDirectory { directory in
      let (before, after, copy) = try trees(seed: seed, in: directory)
      let expected = try describe(after)
      let layer = directory.appending("layer.tar")
      let compression = LayerCompression.allCases[Int(seed % 3)]
      let written = try write(LayerDiff(from: before, to: after), to: layer, compression)
      #expect(try Digest(of: FileContents.read(layer)) == written.digest)
      let outcome = try unpack(layer, into: copy, mode: .tree)
      #expect(outcome.diffID == written.diffID)
      #expect(outcome.entries == written.entries)
      expectSame(try describe(copy), expected, "seed \(seed), applied to a tree")
      // As overlayfs shows it.
      try unpack(layer, into: directory.appending("upper"))
      try withOverlay(lower: [before, directory.appending("upper")], at: directory) { merged in
        expectSame(try describe(merged), expected, "seed \(seed), as an overlay")
      }
      #expect(try LayerDiff(from: copy, to: after).changes() == [])
      #expect(try write(LayerDiff(from: copy, to: after), to: layer).entries == 0)
    }
  }

  @Test("The upper directory of an overlay gives the tree that the overlay showed", arguments: 21...24 as ClosedRange<UInt64>)
  func upperDirectory(seed: UInt64) async throws {
    try await withTemporaryDirectory { directory in
      let (lower, upper) = (directory.appending("lower"), directory.appending("upper"))
      try FileTree.makeDirectories(lower, mode: 0o755)
      try FileTree.makeDirectories(upper, mode: 0o755)
      try FileTree.makeDirectories(directory.appending("merged"), mode: 0o755)
      var tree = RandomTree(directory.appending("merged"), seed: seed)
      try tree.grow(100)
      try shell("cp -a merged/. lower && rm -rf merged && mkdir merged", in: directory)
      try shell("cp -a lower copy", in: directory)
      let expected = try withOverlay(lower: [lower], upper: upper, at: directory) { merged in
        try tree.mutate(50)
        return try describe(merged)
      }
      let layer = directory.appending("layer.tar")
      try write(LayerDiff(upper: upper, over: [lower]), to: layer)
      try unpack(layer, into: directory.appending("copy"), mode: .tree)
      expectSame(try describe(directory.appending("copy")), expected, "seed \(seed)")
      // Both ways to look at it list the same additions and deletions; overlayfs breaks hard links when it copies.
      try withOverlay(lower: [lower, upper], at: directory) { merged in
        let (fast, slow) = (
          try LayerDiff(upper: upper, over: [lower]).changes(), try LayerDiff(from: lower, to: merged).changes()
        )
        #expect(Set(slow.filter { $0.kind != .modified }) == Set(fast.filter { $0.kind != .modified }))
      }
    }
  }

  @Test(
    "umoci unpacks our layers to the same tree", .requires(.program("umoci")), arguments: 41...42 as ClosedRange<UInt64>)
  func umoci(seed: UInt64) async throws {
    try await withTemporaryDirectory { directory in
      let (before, after, _) = try trees(seed: seed, in: directory)
      try write(LayerDiff(from: nil, to: before), to: directory.appending("one.tar"))
      try write(LayerDiff(from: before, to: after), to: directory.appending("two.tar"))
      try shell(
        """
        umoci init --layout oci && umoci new --image oci:t && umoci raw add-layer --image oci:t one.tar && \
        umoci raw add-layer --image oci:t two.tar && umoci unpack --image oci:t bundle
        """, in: directory)
      expectSame(try describe(directory.appending("bundle/rootfs")), try describe(after), "seed \(seed)")
    }
  }

  @Test("Other programs read the tar", .requires(.program("tar"), .program("bsdtar")), arguments: ["tar", "bsdtar"])
  func otherPrograms(program: String) async throws {
    try await withTemporaryDirectory { directory in
      let (_, after, _) = try trees(seed: 51, in: directory)
      try write(LayerDiff(from: nil, to: after), to: directory.appending("t"))
      let flags = program == "tar" ? "--xattrs --xattrs-include='*' --numeric-owner" : "--numeric-owner --xattrs -P"
      try shell("mkdir out && \(program) -xpf t \(flags) -C out", in: directory)
      // bsdtar keeps attributes of the user only, and sets default lists before it makes what is in the directory.
      let all = program == "tar"
      expectSame(
        try describe(directory.appending("out"), attributes: false), try describe(after, attributes: false), "\(all)")
    }
  }

  @Test func theBytesDependOnTheTreeAlone() async throws {
    try await withTemporaryDirectory { directory in
      let (before, after, _) = try trees(seed: 61, in: directory)
      let first = try write(LayerDiff(from: before, to: after), to: directory.appending("a"))
      try shell("cp -a --sparse=auto after elsewhere && sleep 0", in: directory)
      let second = try write(LayerDiff(from: before, to: directory.appending("elsewhere")), to: directory.appending("b"))
      #expect(first == second)
      for compression in [LayerCompression.gzip, .zstd] {
        let packed = try write(LayerDiff(from: before, to: after), to: directory.appending("c"), compression)
        #expect(packed.diffID == first.diffID)
        #expect(packed.digest != first.digest)
        #expect(try write(LayerDiff(from: before, to: after), to: directory.appending("c"), compression) == packed)
      }
    }
  }

  @Test func listsWhatWasAddedModifiedAndDeleted() async throws {
    try await withTemporaryDirectory { directory in
      try shell(
        """
        mkdir -p l/etc/gone/deep l/opt l/same && echo a > l/etc/passwd && echo b > l/etc/gone/f && echo c > l/same/f && \
        echo f > l/becomes && mkdir m && mkdir -p u && mount -t overlay o -o lowerdir=l,upperdir=u,workdir=w m 2>/dev/null || \
        { mkdir w && mount -t overlay o -o lowerdir=l,upperdir=u,workdir=w m; }; \
        echo x >> m/etc/passwd; echo n > m/etc/new; rm -r m/etc/gone; rm m/becomes; mkdir m/becomes; echo i > m/becomes/in; \
        rm -r m/opt; mkdir m/opt; rm -r m/same; mkdir m/same; echo z > m/same/g; umount m
        """, in: directory)
      let diff = LayerDiff(upper: directory.appending("u"), over: [directory.appending("l")])
      #expect(
        try diff.changes().map(\.description) == [
          "C /becomes", "A /becomes/in", "C /etc", "D /etc/gone", "A /etc/new", "C /etc/passwd", "C /opt", "C /same",
          "A /same/g",
        ])
      try write(diff, to: directory.appending("t"))
      let names = try shell("tar tf t", in: directory).split(separator: "\n").map(String.init)
      #expect(names.contains("etc/.wh.gone"))
      #expect(names.contains("same/.wh..wh..opq"))
      #expect(!names.contains("etc/gone/f"))
    }
  }

  @Test("Marks of overlayfs that need the layers below are refused by name", arguments: ["redirect", "metacopy"])
  func refusesWhatItCannotResolve(mark: String) async throws {
    try await withTemporaryDirectory { directory in
      try shell("mkdir -p u/d && echo x > u/f", in: directory)
      let path = directory.appending(mark == "redirect" ? "u/d" : "u/f")
      try #require(setxattr(path.string, "trusted.overlay.\(mark)", "/old", 4, 0) == 0)
      let error = #expect(throws: ContainrError.self) {
        try write(LayerDiff(upper: directory.appending("u")), to: directory.appending("t"))
      }
      #expect(error?.code == .unsupported)
      #expect(error?.hint?.contains(mark) == true)
    }
  }

  @Test func understandsWhiteoutsByAttribute() async throws {
    try await withTemporaryDirectory { directory in
      try shell("mkdir -p l/d u/d && echo x > l/d/f && echo x > l/d/kept && : > u/d/f && : > u/d/empty", in: directory)
      try #require(setxattr(directory.appending("u/d").string, "trusted.overlay.opaque", "x", 1, 0) == 0)
      try #require(setxattr(directory.appending("u/d/f").string, "trusted.overlay.whiteout", "", 0, 0) == 0)
      let diff = LayerDiff(upper: directory.appending("u"), over: [directory.appending("l")])
      #expect(try diff.changes().map(\.description) == ["C /d", "A /d/empty", "D /d/f"])
    }
  }

  @Test func socketsAreLeftOutAndNamesOfWhiteoutsAreRefused() async throws {
    try await withTemporaryDirectory { directory in
      try FileTree.makeDirectories(directory.appending("t"))
      try #require(mknod(directory.appending("t/s").string, S_IFSOCK | 0o600, 0) == 0)
      let diff = LayerDiff(from: nil, to: directory.appending("t"))
      #expect(try write(diff, to: directory.appending("o")).skippedSockets == 1)
      try ContainrTestSupport.write("x".utf8, to: directory.appending("t/.wh.f"))
      #expect(codeOfError { try write(diff, to: directory.appending("o")) } == .unsupported)
    }
  }

  @Test(.requires(.userAttributes)) func refusesAnAttributeThatNoTarCanName() async throws {
    try await withTemporaryDirectory { directory in
      try FileTree.makeDirectories(directory.appending("t"))
      try #require(setxattr(directory.appending("t").string, "user.a=b", "c", 1, 0) == 0)
      #expect(
        codeOfError { try write(LayerDiff(from: nil, to: directory.appending("t")), to: directory.appending("o")) }
          == .unsupported)
    }
  }

  @Test func aFileLargerThanEightGibibytesKeepsItsLength() async throws {
    try await withTemporaryDirectory { directory in
      try shell(
        "mkdir t && truncate -s 9G t/f && printf end | dd of=t/f bs=1 seek=9663676416 conv=notrunc status=none", in: directory)
      let written = try write(LayerDiff(from: nil, to: directory.appending("t")), to: directory.appending("o"))
      #expect(written.size.bytes < 100_000)
      try unpack(directory.appending("o"), into: directory.appending("x"))
      #expect(status(directory.appending("x/f"))?.st_size == 9_663_676_419)
      #expect(try shell("tail -c 3 x/f", in: directory) == "end")
    }
  }
}
