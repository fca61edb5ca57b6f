import CContainrLinux
import ContainrCore
import ContainrOCI
import ContainrTestSupport
import Glibc
import SystemPackage
import Testing

@testable import ContainrImage

/// The synchronous calls, from async tests.
private func load(_ path: FilePath, into store: ImageStore, as name: String? = nil) throws -> [ResolvedImage] {
  try store.load(path, as: name.map { name throws(ContainrError) in try ImageReference(name) })
}
private func find(_ name: String, in store: ImageStore) throws -> ResolvedImage { try store.resolve(ImageReference(name)) }

/// A layout directory with one image of two plain layers, written by hand.
private struct Layout {
  var directory: FilePath
  var layers: [[UInt8]]
  var config: OCI.ImageConfig
  var annotations = ["org.opencontainers.image.ref.name": "example/app:1"]

  init(_ directory: FilePath) throws {
    self.directory = directory
    var first = Tar()
    first.add("a", "1")
    first.add("b", "1")
    var second = Tar()
    second.add(".wh.a")
    second.add("b", "2")
    layers = [first.finished, second.finished]
    config = OCI.ImageConfig(config: .init(environment: ["A=b"], command: ["run"]), diffIDs: layers.map(Digest.init(of:)))
    try FileTree.makeDirectories(directory.appending("blobs/sha256"))
  }

  func blob(_ bytes: [UInt8], _ type: OCI.MediaType) throws -> OCI.Descriptor {
    let digest = Digest(of: bytes)
    try ContainrTestSupport.write(bytes, to: path(digest))
    return OCI.Descriptor(mediaType: type, digest: digest, size: ByteCount(UInt64(bytes.count)))
  }

  func path(_ digest: Digest) -> FilePath { directory.appending("blobs/sha256/\(digest.hexadecimal)") }

  func manifest() throws -> OCI.Descriptor {
    let manifest = OCI.Manifest(
      config: try blob(config.json.serialized(), .config), layers: try layers.map { try blob($0, .layer) })
    return try blob(manifest.json.serialized(), .manifest)
  }

  func write(_ manifests: [OCI.Descriptor]) throws {
    try ContainrTestSupport.write(#"{"imageLayoutVersion":"1.0.0"}"#.utf8, to: directory.appending("oci-layout"))
    try ContainrTestSupport.write(
      OCI.Index(manifests: manifests).json.serialized(), to: directory.appending("index.json"))
  }

  func write() throws {
    var descriptor = try manifest()
    descriptor.annotations = annotations
    try write([descriptor])
  }
}

private func withLayout<Result>(_ body: (inout Layout, ImageStore) async throws -> Result) async throws -> Result {
  try await withTemporaryDirectory { directory in
    var layout = try Layout(directory.appending("layout"))
    return try await body(&layout, ImageStore(directory.appending("store")))
  }
}

@Suite struct ImageStoreTests {
  @Test func anEmptyStoreIsALayoutOfItsOwnersAlone() async throws {
    try await withTemporaryDirectory { directory in
      let path = directory.appending("a/store")
      let store = try ImageStore(path)
      #expect(status(path)?.st_mode == S_IFDIR | 0o700)
      #expect(try store.list().isEmpty)
      #expect(try FileContents.text(path.appending("oci-layout")) == #"{"imageLayoutVersion":"1.0.0"}"#)
      let error = #expect(throws: ContainrError.self) { try find("nothing", in: store) }
      #expect(error?.code == .imageNotFound)
    }
  }

  @Test("CVE-2021-41091: a store that others may enter is closed when it is opened")
  func storeIsClosed() async throws {
    try await withTemporaryDirectory { directory in
      _ = try ImageStore(directory.appending("store"))
      chmod(directory.appending("store").string, 0o755)
      _ = try ImageStore(directory.appending("store"))
      #expect(status(directory.appending("store"))?.st_mode == S_IFDIR | 0o700)
    }
  }

  @Test(.requires(.root)) func aStoreOfSomebodyElseIsRefused() async throws {
    try await withTemporaryDirectory { directory in
      _ = try ImageStore(directory.appending("store"))
      chown(directory.appending("store").string, 65534, 65534)
      let error = #expect(throws: ContainrError.self) { try ImageStore(directory.appending("store")) }
      #expect(error?.code == .permissionDenied)
    }
  }
}

@Suite(.requires(.root)) struct LoadTests {
  @Test func loadsALayoutAndFindsItAgain() async throws {
    try await withLayout { layout, store in
      try layout.write()
      let image = try #require(try load(layout.directory, into: store).first)
      #expect(image.reference.description == "example/app:1")
      #expect(image.config == layout.config)
      #expect(image.layers.count == 2)
      #expect(try FileContents.text(image.layers[0].appending("a")) == "1")
      #expect(status(image.layers[1].appending("a"))?.st_rdev == 0)
      #expect(try FileContents.text(image.layers[1].appending("b")) == "2")
      #expect(image.layers[1].lastComponent?.string == image.config.chainIDs[1].hexadecimal)
      #expect(try find("example/app:1", in: store) == image)
      #expect(try find("docker.io/example/app:1", in: store).layers == image.layers)
      #expect(try find("example/app@\(image.manifestDigest)", in: store).layers == image.layers)
      for name in ["example/app", "example/app:2", "app:1", "example/app@\(image.configDigest)"] {
        #expect(throws: ContainrError.self) { try find(name, in: store) }
      }
      let line = try #require(try store.list().first)
      #expect(line.manifestDigest == image.manifestDigest)
      #expect(line.size.bytes > 4000)
      try store.remove(image.reference)
      #expect(try store.list().isEmpty)
      #expect(throws: ContainrError.self) { try store.remove(image.reference) }
    }
  }

  @Test func asyncCallsDoTheSame() async throws {
    try await withLayout { layout, store in
      try layout.write()
      let images = try await store.load(layout.directory, as: ImageReference("other"))
      #expect(images.map(\.reference.description) == ["other:latest"])
      #expect(try await store.resolve(ImageReference("other")) == images[0])
    }
  }

  @Test(
    "An image is named by its annotation, or by the file and its tag",
    arguments: [
      (["org.opencontainers.image.ref.name": "v2"], "layout:v2"), ([:], "layout:latest"),
      (["org.opencontainers.image.ref.name": "v2", "io.containerd.image.name": "docker.io/library/x:v2"], "x:v2"),
    ] as [([String: String], String)])
  func naming(annotations: [String: String], name: String) async throws {
    try await withLayout { layout, store in
      layout.annotations = annotations
      try layout.write()
      #expect(try load(layout.directory, into: store).map(\.reference.description) == [name])
    }
  }

  @Test("A blob with a changed byte, and one of another length, is refused and nothing stays", arguments: [true, false])
  func damagedBlob(sameLength: Bool) async throws {
    try await withLayout { layout, store in
      try layout.write()
      let config = try Digest(of: layout.config.json.serialized())
      for digest in [config] + layout.config.diffIDs {
        let path = layout.path(digest)
        let good = try FileContents.read(path)
        var bad = good
        if sameLength { bad[700 % bad.count] ^= 1 } else { bad.append(0) }
        try write(bad, to: path)
        let error = #expect(throws: ContainrError.self) { try load(layout.directory, into: store) }
        #expect(error?.code == .digestMismatch)
        try write(good, to: path)
        #expect(try shell("find . -mindepth 2 ! -path ./blobs/sha256", in: store.directory).isEmpty)
      }
      #expect(try load(layout.directory, into: store).count == 1)
    }
  }

  @Test func contentsMustHaveTheirDiffIDs() async throws {
    try await withLayout { layout, store in
      layout.config.diffIDs.swapAt(0, 1)
      try layout.write()
      let error = #expect(throws: ContainrError.self) { try load(layout.directory, into: store) }
      #expect(error?.code == .digestMismatch)
      #expect(try FileTree.names(in: store.directory.appending("layers")).isEmpty)
    }
  }

  @Test func theStoresOwnBlobsAreCheckedAtEachUse() async throws {
    try await withLayout { layout, store in
      try layout.write()
      let image = try #require(try load(layout.directory, into: store).first)
      for digest in [image.manifestDigest, image.configDigest] {
        let path = store.blobPath(digest)
        var bytes = try FileContents.read(path)
        bytes[bytes.count - 3] ^= 1
        try write(bytes, to: path)
        let error = #expect(throws: ContainrError.self) { try find("example/app:1", in: store) }
        #expect(error?.code == .digestMismatch)
        bytes[bytes.count - 3] ^= 1
        try write(bytes, to: path)
      }
    }
  }

  @Test func choosesThisMachinesImageOfAnIndex() async throws {
    try await withLayout { layout, store in
      var mine = try layout.manifest()
      mine.platform = .current
      layout.config.platform = OCI.Platform(architecture: "s390x")
      var other = try layout.manifest()
      other.platform = layout.config.platform
      let nested = try layout.blob(OCI.Index(manifests: [other, mine]).json.serialized(), .index)
      try layout.write([nested])
      #expect(try load(layout.directory, into: store).map(\.manifestDigest) == [mine.digest])
      // The other platform's alone: known, and not for this machine.
      try layout.write([try layout.blob(OCI.Index(manifests: [other]).json.serialized(), .index)])
      let error = #expect(throws: ContainrError.self) { try load(layout.directory, into: store) }
      #expect(error?.code == .imageNotFound)
      #expect(error?.hint?.contains("linux/s390x") == true)
      try layout.write([other])
      #expect(codeOfError { _ = try load(layout.directory, into: store) } == .unsupported)
    }
  }

  @Test func endlessIndexesEnd() async throws {
    try await withLayout { layout, store in
      var descriptor = try layout.manifest()
      for _ in 0..<8 { descriptor = try layout.blob(OCI.Index(manifests: [descriptor]).json.serialized(), .index) }
      try layout.write([descriptor])
      #expect(codeOfError { _ = try load(layout.directory, into: store) } == .imageInvalid)
    }
  }

  @Test("CVE-2021-41190: a manifest whose descriptor calls it an index is refused")
  func contradictingDescriptor() async throws {
    try await withLayout { layout, store in
      var descriptor = try layout.manifest()
      descriptor.mediaType = .index
      try layout.write([descriptor])
      #expect(codeOfError { _ = try load(layout.directory, into: store) } == .imageInvalid)
      descriptor.mediaType = .dockerManifest
      try layout.write([descriptor])
      #expect(codeOfError { _ = try load(layout.directory, into: store) } == .imageInvalid)
    }
  }

  @Test("CVE-2023-25153: a document of a stated length beyond reason is not read")
  func hugeDocument() async throws {
    try await withLayout { layout, store in
      var descriptor = try layout.manifest()
      descriptor.size = .gibibytes(1)
      try layout.write([descriptor])
      #expect(codeOfError { _ = try load(layout.directory, into: store) } == .imageInvalid)
    }
  }

  @Test(
    "Links of a layout lead nowhere else, and a FIFO in a blob's place does not block", arguments: ["link", "fifo", "missing"])
  func strangeBlob(kind: String) async throws {
    try await withLayout { layout, store in
      try layout.write()
      let path = layout.path(layout.config.diffIDs[0])
      let outside = layout.directory.removingLastComponent().appending("outside")
      rename(path.string, outside.string)
      if kind == "link" { symlink(outside.string, path.string) }
      if kind == "fifo" { mkfifo(path.string, 0o600) }
      #expect(codeOfError { _ = try load(layout.directory, into: store) } == .imageInvalid)
    }
  }

  @Test func saysWhatIsNoImage() async throws {
    try await withTemporaryDirectory { directory in
      let store = try ImageStore(directory.appending("store"))
      var tar = Tar()
      tar.add("etc/passwd", "x")
      try write(tar.finished, to: directory.appending("rootfs.tar"))
      let error = #expect(throws: ContainrError.self) { try load(directory.appending("rootfs.tar"), into: store) }
      #expect(error?.code == .imageInvalid)
      #expect(error?.hint?.contains("imported") == true)
      try write("no tar".utf8, to: directory.appending("x"))
      #expect(codeOfError { _ = try load(directory.appending("x"), into: store) } == .imageInvalid)
      #expect(codeOfError { _ = try load(directory.appending("y"), into: store) } == .ioFailure)
      #expect(try FileTree.names(in: directory.appending("store/tmp")).isEmpty)
    }
  }
}

@Suite(.requires(.root)) struct StoreSafetyTests {
  @Test func whatAKilledWriterLeftIsSwept() async throws {
    try await withLayout { layout, store in
      try layout.write()
      let left = store.temporaryDirectory.appending("1-2")
      try FileTree.makeDirectories(left.appending("3/half"))
      try write("x".utf8, to: store.directory.appending("index.json.tmp-1-2"))
      _ = try load(layout.directory, into: store)
      #expect(try FileTree.names(in: store.temporaryDirectory).isEmpty)
      #expect(
        try FileTree.names(in: store.directory).sorted() == ["blobs", "index.json", "layers", "lock", "oci-layout", "tmp"])
    }
  }

  @Test func whatALivingWriterWritesIsNotSwept() async throws {
    try await withLayout { layout, store in
      try layout.write()
      try writeSlowly(store) { _ = try load(layout.directory, into: store) }
      #expect(try store.list().count == 1)
    }
  }

  private func writeSlowly(_ store: ImageStore, meanwhile: () throws -> Void) throws {
    var transaction = try StoreTransaction(store)
    let blob = try transaction.add(Array("kept".utf8))
    try meanwhile()
    try store.repair()
    #expect(try FileTree.names(in: store.temporaryDirectory).count == 1)
    try transaction.commit([])
    #expect(try FileContents.text(store.blobPath(blob.digest)) == "kept")
  }

  @Test func manyWritersAtOnceLoseNothing() async throws {
    try await withLayout { layout, store in
      try layout.write()
      let directory = layout.directory
      try await withThrowingTaskGroup(of: Void.self) { group in
        for number in 0..<16 {
          group.addTask { _ = try await store.load(directory, as: ImageReference("image-\(number)")) }
        }
        try await group.waitForAll()
      }
      #expect(Set(try store.list().map(\.reference.description)).count == 16)
      #expect(try FileTree.names(in: store.directory.appending("layers")).count == 2)
      #expect(try FileTree.names(in: store.temporaryDirectory).isEmpty)
    }
  }

  @Test func noDescriptorStaysOpen() async throws {
    try await withLayout { layout, store in
      try layout.write()
      _ = try load(layout.directory, into: store)
      let marker = layout.directory.removingLastComponent().string
      for link in try FileTree.names(in: "/proc/self/fd") {
        var target = [CChar](repeating: 0, count: 4096)
        let length = readlink("/proc/self/fd/\(link)", &target, target.count - 1)
        guard length > 0 else { continue }
        #expect(!String(decoding: target[..<length].map(UInt8.init(bitPattern:)), as: UTF8.self).hasPrefix(marker))
      }
    }
  }
}
