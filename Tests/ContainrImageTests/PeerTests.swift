import CContainrLinux
import ContainrCore
import ContainrImage
import ContainrTestSupport
import Glibc
import SystemPackage
import Testing

private func load(_ path: FilePath, into store: ImageStore) throws -> [ResolvedImage] { try store.load(path) }
private func find(_ name: String, in store: ImageStore) throws -> ResolvedImage { try store.resolve(ImageReference(name)) }

/// Images made, and stores read, by the programs of others.
@Suite(.requires(.root, .program("umoci"), .program("skopeo"))) struct PeerTests {
  /// An image of two layers with links, a FIFO, capabilities, a name outside ASCII, a whiteout and a replaced directory.
  private func makeImage(in directory: FilePath) throws {
    try shell(
      """
      umoci init --layout oci && umoci new --image oci:t && umoci unpack --image oci:t one && cd one/rootfs && \
      mkdir -p bin etc/old && echo program > bin/p && chmod 4755 bin/p && ln bin/p bin/hard && ln -s p bin/soft && mkfifo fifo && \
      echo x > etc/naïve && echo x > etc/old/f && chown 3:4 etc/naïve && touch -d @1000000000 bin && cd ../.. && \
      umoci repack --image oci:t one && umoci unpack --image oci:t two && cd two/rootfs && rm bin/soft && rm -rf etc/old && \
      echo y > etc/old && cd ../.. && umoci repack --image oci:t two && \
      umoci config --image oci:t --config.cmd sh --config.cmd -l --config.user 3:4 --config.env A=b --config.volume /data \
        --config.workingdir /etc --config.stopsignal SIGINT && umoci unpack --image oci:t truth
      """, in: directory)
  }

  /// The layers put together by the kernel.
  private func withOverlay(_ image: ResolvedImage, in directory: FilePath, _ body: (FilePath) throws -> Void) throws {
    let root = directory.appending("merged")
    try FileTree.makeDirectories(root)
    let lower = image.layers.reversed().map { "'\($0)'" }.joined(separator: ":").replacing("'", with: "")
    try shell("mount -t overlay overlay -o 'ro,lowerdir=\(lower)' merged", in: directory)
    defer { #expect(umount2(root.string, 2) == 0) }
    try body(root)
  }

  @Test func anImageOfUmociUnpacksAsUmociUnpacksIt() async throws {
    try await withTemporaryDirectory { directory in
      try makeImage(in: directory)
      let store = try ImageStore(directory.appending("store"))
      let image = try #require(try load(directory.appending("oci"), into: store).first)
      #expect(image.reference.description == "oci:t")
      #expect(image.commandLine == ["sh", "-l"])
      #expect(image.config.config.user == "3:4")
      #expect(image.config.config.volumes == ["/data"])
      #expect(image.config.config.workingDirectory == "/etc")
      #expect(image.config.config.stopSignal == "SIGINT")
      try withOverlay(image, in: directory) { root in
        let difference = try Set(listing(root)).symmetricDifference(listing(directory.appending("truth/rootfs")))
        // umoci's layers say nothing of the root itself.
        #expect(difference.filter { !$0.hasPrefix(" d ") } == [])
        try shell("diff -r --no-dereference --exclude=fifo '\(root)' truth/rootfs", in: directory)
      }
    }
  }

  @Test("skopeo's archives of the image give the same layers", arguments: ["docker-archive", "oci-archive"])
  func archives(kind: String) async throws {
    try await withTemporaryDirectory { directory in
      try makeImage(in: directory)
      try shell("skopeo copy oci:oci:t \(kind):image.tar:example/app:7", in: directory)
      let store = try ImageStore(directory.appending("store"))
      let direct = try #require(try load(directory.appending("oci"), into: store).first)
      let image = try #require(try load(directory.appending("image.tar"), into: store).first)
      #expect(image.reference.description == "example/app:7")
      #expect(image.layers == direct.layers)
      #expect(image.config.config == direct.config.config)
      try shell("gzip image.tar", in: directory)
      #expect(try load(directory.appending("image.tar.gz"), into: store) == [image])
    }
  }

  @Test func skopeoReadsTheStoreAsItStands() async throws {
    try await withTemporaryDirectory { directory in
      try makeImage(in: directory)
      let store = try ImageStore(directory.appending("store"))
      _ = try load(directory.appending("oci"), into: store)
      let image = try find("oci:t", in: store)
      let output = try shell("skopeo inspect oci:store:oci:t", in: directory)
      #expect(output.contains(image.manifestDigest.description))
      try shell("skopeo copy oci:store:oci:t oci:copy:t && umoci unpack --image copy:t again", in: directory)
      try shell("diff -r --no-dereference --exclude=fifo again/rootfs truth/rootfs", in: directory)
    }
  }

  @Test func whatSkopeoPutIntoTheStoreRuns() async throws {
    try await withTemporaryDirectory { directory in
      try makeImage(in: directory)
      let store = try ImageStore(directory.appending("store"))
      try shell("skopeo copy oci:oci:t oci:store:example/put:1", in: directory)
      let image = try find("example/put:1", in: store)
      #expect(try FileContents.text(image.layers[0].appending("bin/p")) == "program\n")
      #expect(try find("example/put:1", in: store) == image)
    }
  }

  @Test("A changed byte in an archive is found", arguments: ["docker-archive", "oci-archive"])
  func damagedArchive(kind: String) async throws {
    try await withTemporaryDirectory { directory in
      try makeImage(in: directory)
      try shell("skopeo copy oci:oci:t \(kind):image.tar:example/app:7 && mkdir x && tar xf image.tar -C x", in: directory)
      let found = try shell("find x -type f -size +100c '(' -name '*.tar' -o -path '*/blobs/*' ')' | sort", in: directory)
      let blob = try #require(found.split(separator: "\n").first)
      try shell("printf X | dd of='\(blob)' bs=1 seek=90 conv=notrunc status=none && tar cf image.tar -C x .", in: directory)
      let store = try ImageStore(directory.appending("store"))
      let error = #expect(throws: ContainrError.self) { try load(directory.appending("image.tar"), into: store) }
      #expect([.digestMismatch, .imageInvalid, .layerInvalid].contains(error?.code))
      #expect(try store.list().isEmpty)
    }
  }
}
