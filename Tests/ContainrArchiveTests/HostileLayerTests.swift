import CContainrLinux
import ContainrArchive
import ContainrCore
import ContainrTestSupport
import Glibc
import Synchronization
import SystemPackage
import Testing

@Suite(.requires(.root)) struct HostileLayerTests {
  private static let outside = "/tmp/containr-hostile-\(getpid())"

  @Test(
    "CVE-2021-32760, CVE-2021-29136, CVE-2026-33056: no entry reaches through a symbolic link",
    arguments: ["directory", "file", "chmod", "hard link", "hard link target", "deep", "whiteout", "opaque", "device"])
  func symbolicLinks(kind: String) async throws {
    let outside = FilePath("\(Self.outside)-\(kind.replacing(" ", with: "-"))")
    try FileTree.makeDirectories(outside)
    defer { rmdir(outside.appending("d").string); unlink(outside.appending("f").string); rmdir(outside.string) }
    try write("canary".utf8, to: outside.appending("f"))
    chmod(outside.string, 0o701)
    var tar = Tar()
    tar.symbolicLink("link", to: outside.string)
    switch kind {
    case "directory": tar.directory("link/d")
    case "file": tar.add("link/f", "overwritten")
    case "chmod":
      // A directory of the link's name takes the link's place, and must not change what the link points to.
      tar.directory("link", mode: 0o777)
      tar.add("link/f", "overwritten")
    case "hard link": tar.hardLink("link/h", to: "link")
    case "hard link target": tar.hardLink("h", to: "link/f")
    case "deep": tar.add("link/d/e/f", "overwritten")
    case "whiteout": tar.add("link/.wh.f")
    case "opaque": tar.add("link/.wh..wh..opq")
    default: tar.add("link/f", type: "3", device: (1, 3))
    }
    switch kind {
    case "chmod":
      try await withLayer(tar.finished) { layer throws in
        #expect(status(layer.appending("link"))?.st_mode == S_IFDIR | 0o777)
        #expect(try FileContents.text(layer.appending("link/f")) == "overwritten")
      }
    case "whiteout", "opaque":
      // The link hides everything below its name already.
      try await withLayer(tar.finished) { layer in #expect(status(layer.appending("link"))?.st_mode == S_IFLNK | 0o777) }
    default:
      #expect(try await refusal(tar.finished)?.code == .layerInvalid)
    }
    #expect(try FileContents.text(outside.appending("f")) == "canary")
    #expect(status(outside)?.st_mode == S_IFDIR | 0o701)
    #expect(try FileTree.names(in: outside) == ["f"])
    #expect(attribute("trusted.overlay.opaque", of: outside) == nil)
  }

  @Test(arguments: ["../canary", "a/../../canary", "..", "a/..", "/../canary", "./../canary", "a/../b"])
  func refusesPathsWithDotDot(path: String) async throws {
    var tar = Tar()
    tar.add(path, "overwritten")
    let error = try await refusal(tar.finished)
    #expect(error?.code == .layerInvalid)
    #expect(error?.hint?.contains("..") == true)
  }

  @Test(arguments: ["../canary", "/../../canary", "missing", "", "/"])
  func refusesHardLinksToWhatIsNotInTheLayer(target: String) async throws {
    var tar = Tar()
    tar.hardLink("h", to: target)
    #expect(try await refusal(tar.finished)?.code == .layerInvalid)
  }

  @Test(arguments: [".wh.", ".wh..", ".wh...", "d/.wh.", ".wh..wh.", ".wh..wh.x", ".wh..wh..opq"])
  func refusesOrIgnoresWhiteoutsOfNoName(name: String) async throws {
    var tar = Tar()
    tar.directory("d")
    tar.add(name)
    if name.hasPrefix(".wh..wh."), name != ".wh..wh..opq" {
      try await withLayer(tar.finished) { layer throws in #expect(try FileTree.names(in: layer) == ["d"]) }
    } else {
      let error = try await refusal(tar.finished)
      #expect(error?.code == (name == ".wh..wh..opq" ? .unsupported : .layerInvalid))
    }
  }

  @Test(arguments: ["trusted.overlay.redirect", "trusted.overlay.opaque", "user.overlay.metacopy"], ["0", "5"] as [Character])
  func refusesAttributesOfOverlayfs(name: String, type: Character) async throws {
    var tar = Tar()
    tar.add("f", type: type, pax: [("SCHILY.xattr.\(name)", "/etc")])
    #expect(try await refusal(tar.finished)?.code == .layerInvalid)
  }

  @Test func refusesAWhiteoutDeviceInDisguise() async throws {
    var tar = Tar()
    tar.add("f", type: "3", device: (0, 0))
    #expect(try await refusal(tar.finished)?.code == .layerInvalid)
  }

  @Test(arguments: ["4294967295", "4294967296", "-1", "9223372036854775807"])
  func refusesUserIdsThatWrapAround(id: String) async throws {
    var tar = Tar()
    tar.add("f", "x", pax: [("uid", id)])
    #expect(try await refusal(tar.finished)?.code == .layerInvalid)
  }

  @Test func refusesAFileInThePlaceOfADirectory() async throws {
    var tar = Tar()
    tar.add("f", "x")
    tar.add("f/g", "x")
    #expect(try await refusal(tar.finished)?.code == .layerInvalid)
  }

  @Test(arguments: [1, 100, 512, 700, 1023])
  func refusesATruncatedArchive(cut: Int) async throws {
    var tar = Tar()
    tar.add("f", String(repeating: "x", count: 1000))
    #expect(try await refusal(Array(tar.bytes.dropLast(cut + 24)))?.code == .layerInvalid)
  }

  @Test func refusesWhatIsNoTar() async throws {
    for bytes in [Array("hello".utf8), Array(repeating: 7, count: 5000), [0x1F, 0x8B, 8, 0, 1]] as [[UInt8]] {
      #expect(try await refusal(bytes)?.code == .layerInvalid)
    }
  }

  @Test(
    "Bombs end at the limit that names them",
    arguments: [
      ("entries", UnpackLimits(entries: 3)), ("totalSize", UnpackLimits(totalSize: 20480)),
      ("fileSize", UnpackLimits(fileSize: 9000)),
      ("pathDepth", UnpackLimits(pathDepth: 3)), ("time", UnpackLimits(time: .zero)),
    ])
  func limits(name: String, limits: UnpackLimits) async throws {
    var tar = Tar()
    for index in 0..<4 { tar.add("f\(index)", String(repeating: "x", count: 9001)) }
    tar.add("a/b/c/d", "x")
    // The blob is within totalSize when it is compressed; the contents are not.
    try await withTemporaryDirectory { directory in
      try write(tar.finished, to: directory.appending("t"))
      try shell("gzip t", in: directory)
      let error = try await refusal(FileContents.read(directory.appending("t.gz")), limits: limits)
      #expect(error?.code == .layerInvalid)
      #expect(error?.fields["limit"] == name)
    }
  }

  @Test("CVE-2023-25153: a compression bomb ends at the ratio", .requires(.program("zstd")), arguments: ["gzip -c", "zstd -c"])
  func compressionBomb(program: String) async throws {
    try await withTemporaryDirectory { directory in
      try shell("head -c 400M /dev/zero | \(program) > bomb", in: directory)
      let error = try await refusal(FileContents.read(directory.appending("bomb")))
      #expect(error?.fields["limit"] == "compressionRatio")
    }
  }

  @Test func refusesCompressionWithinCompression() async throws {
    try await withTemporaryDirectory { directory in
      try shell("head -c 10k /dev/zero | gzip | gzip > t", in: directory)
      let error = try await refusal(FileContents.read(directory.appending("t")))
      #expect(error?.hint?.contains("more than once") == true)
    }
  }

  @Test(
    "CVE-2025-62518, CVE-2026-33055, CVE-2026-32766: a PAX size is the size, as other programs see it",
    .requires(.program("tar"), .program("python3")))
  func paxSize() async throws {
    var inner = Tar()
    inner.add("smuggled", "evil")
    let payload = String(decoding: inner.bytes, as: UTF8.self)
    var tar = Tar()
    tar.add("outer", payload, headerSize: 0, pax: [("size", "\(payload.utf8.count)")])
    tar.add("other", "four", headerSize: 1024, pax: [("size", "4")])
    tar.add("last", "x")
    try await withTemporaryDirectory { directory in
      try write(tar.finished, to: directory.appending("t"))
      let expected = ["last", "other", "outer"]
      #expect(try shell("tar tf t | sort", in: directory).split(separator: "\n").map(String.init) == expected)
      let python = "import tarfile; print('\\n'.join(sorted(tarfile.open('t').getnames())))"
      #expect(try shell("python3 -c \"\(python)\"", in: directory).split(separator: "\n").map(String.init) == expected)
      try await withLayer(tar.finished) { layer throws in
        #expect(try FileTree.names(in: layer).sorted() == expected)
        #expect(try FileContents.text(layer.appending("other")) == "four")
        #expect(try FileContents.text(layer.appending("outer")) == payload)
      }
    }
  }

  @Test(
    "CVE-2025-62518, CVE-2026-33055, CVE-2026-32766: what others would not list is never unpacked", .requires(.program("tar")),
    arguments: [
      "pax after pax", "size of a directory", "size of a link", "size 0", "long name between", "negative", "not a number",
    ])
  func paxSizeDifferences(kind: String) async throws {
    var inner = Tar()
    inner.add("smuggled", "evil")
    let payload = String(decoding: inner.bytes, as: UTF8.self)
    let size = "\(payload.utf8.count)"
    var tar = Tar()
    switch kind {
    case "pax after pax":
      tar.add("PaxHeader", type: "x", "11 size=512\n")
      tar.add("outer", payload, headerSize: 0, pax: [("size", size)])
    case "size of a directory": tar.add("outer", type: "5", payload, headerSize: 0, pax: [("size", size)])
    case "size of a link": tar.add("outer", type: "2", payload, link: "x", headerSize: 0, pax: [("size", size)])
    case "size 0": tar.add("outer", payload, pax: [("size", "0")])
    case "long name between":
      tar.add("PaxHeader", type: "x", "12 size=1024\n")
      tar.add("././@LongLink", type: "L", "outer\0")
      tar.add("ignored", payload, headerSize: 0)
    case "negative": tar.add("outer", payload, headerSize: 0, pax: [("size", "-\(size)")])
    default: tar.add("outer", payload, headerSize: 0, pax: [("size", "0x400")])
    }
    tar.add("last", "x")
    try await withTemporaryDirectory { directory in
      try write(tar.finished, to: directory.appending("t"))
      // A program that fails halfway has listed what it believes until there.
      let theirs = try shell("tar tf t 2>/dev/null || true", in: directory).split(separator: "\n").map(String.init)
      let code = codeOfError { try unpack(directory.appending("t"), into: directory.appending("layer")) }
      guard code == nil else {
        #expect(code == .layerInvalid)
        return
      }
      let ours = try FileTree.names(in: directory.appending("layer"))
      #expect(Set(ours).isSubset(of: theirs.map { $0.hasSuffix("/") ? String($0.dropLast()) : $0 }), "\(kind)")
    }
  }

  @Test("CVE-2025-47290: directories swapped for links while a layer unpacks lead nowhere")
  func swapDuringUnpack() async throws {
    var tar = Tar()
    for index in 0..<200 {
      tar.directory("d")
      tar.add("d/f\(index)", "written", mode: 0o4755)
      tar.add("x/f\(index)", "written")
      tar.hardLink("d/h\(index)", to: "x/f\(index)")
      tar.add("d/.wh.w\(index)")
    }
    let bytes = tar.finished
    try await withTemporaryDirectory { directory in
      let outside = directory.appending("outside")
      try FileTree.makeDirectories(outside)
      try write("canary".utf8, to: outside.appending("f0"))
      symlink(outside.string, directory.appending("link").string)
      try write(bytes, to: directory.appending("t"))
      let target = directory.appending("target")
      // A thread of its own: a task would wait for a thread of the pool, which this test holds.
      let swapper = try Swapper(target.appending("d"), directory.appending("link"))
      while swapper.swaps.load(ordering: .relaxed) < 100_000 {
        if let code = codeOfError({ _ = try unpack(directory.appending("t"), into: target) }) {
          #expect(code == .layerInvalid || code == .ioFailure)
        }
        #expect(try FileTree.names(in: outside) == ["f0"])
        // What is removed changes its kind under the remover's hands, which it may only refuse.
        while codeOfError({ try FileTree.remove(target) }) != nil {}
        // After an odd number of swaps the directory is where the link was.
        while codeOfError({ try FileTree.remove(directory.appending("link")) }) != nil {}
        symlink(outside.string, directory.appending("link").string)
      }
      swapper.end()
      #expect(try FileContents.text(outside.appending("f0")) == "canary")
      #expect(status(outside)?.st_mode == S_IFDIR | 0o700)
    }
  }
}

/// A thread that exchanges two names until it is told to end.
private final class Swapper: Sendable {
  let swaps = Atomic<Int>(0)
  private let stop = Atomic<Bool>(false)
  private let paths: (String, String)
  private let thread = Atomic<UInt>(0)

  init(_ first: FilePath, _ second: FilePath) throws {
    paths = (first.string, second.string)
    var thread = pthread_t()
    let result = pthread_create(
      &thread, nil,
      { context in
        if let context { Unmanaged<Swapper>.fromOpaque(context).takeRetainedValue().run() }
        return nil
      }, Unmanaged.passRetained(self).toOpaque())
    try #require(result == 0)
    self.thread.store(thread, ordering: .relaxed)
  }

  private func run() {
    while !stop.load(ordering: .relaxed) {
      if cl_renameat2(AT_FDCWD, paths.0, AT_FDCWD, paths.1, 2) == 0 { swaps.add(1, ordering: .relaxed) }
    }
  }

  func end() {
    stop.store(true, ordering: .relaxed)
    pthread_join(thread.load(ordering: .relaxed), nil)
  }
}
