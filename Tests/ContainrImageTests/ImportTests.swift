import ContainrCore
import ContainrImage
import ContainrTestSupport
import Glibc
import SystemPackage
import Testing

@Suite(.requires(.root)) struct ImportTests {
  @Test func aRefusedLayerLeavesNothingInTheStore() async throws {
    try await withTemporaryDirectory { directory in
      var tar = Tar()
      tar.add("f", "x")
      tar.add("../canary", "overwritten")
      try write(tar.finished, to: directory.appending("layer.tar"))
      let store = try ImageStore(directory.appending("store"))
      let error = #expect(throws: ContainrError.self) { try importLayer(directory.appending("layer.tar"), into: store) }
      #expect(error?.code == .layerInvalid)
      #expect(try shell("find store -mindepth 2 ! -path store/blobs/sha256", in: directory).isEmpty)
    }
  }

  @Test func refusesAnEmptyFile() async throws {
    try await withTemporaryDirectory { directory in
      try write([], to: directory.appending("layer.tar"))
      let store = try ImageStore(directory.appending("store"))
      let error = #expect(throws: ContainrError.self) { try importLayer(directory.appending("layer.tar"), into: store) }
      #expect(error?.code == .layerInvalid)
    }
  }

  @Test(
    "What GNU tar packs is what is unpacked", .requires(.program("tar"), .program("zstd")),
    arguments: [("", "-cf"), ("gz", "-czf"), ("zst", "--zstd -cf"), ("xz", "-cJf"), ("bz2", "-cjf")])
  func roundTrip(suffix: String, flags: String) async throws {
    try await withTemporaryDirectory { directory in
      try shell(
        """
        mkdir -p r/a/b r/long && cd r && echo x > a/f && ln a/f a/b/hard && ln -s ../f a/b/soft && mkfifo -m 600 p && \
        chmod 6711 a/f && chown 1:2 p && touch -d @12345.5 a/b a/f && head -c 3000000 /dev/urandom > big && \
        touch "long/$(printf '%0200d' 7)" && chmod 1777 long && cd .. && tar --format=posix \(flags) t -C r .
        """, in: directory)
      let store = try ImageStore(directory.appending("store"))
      let image = try importLayer(directory.appending("t"), into: store)
      #expect(try listing(image.layers[0]) == listing(directory.appending("r")))
      try shell("diff -r --no-dereference --exclude=p r '\(image.layers[0])'", in: directory)
      #expect(try importLayer(directory.appending("t"), into: store) == image)
      if ["", "gz", "zst"].contains(suffix) {
        // Kept verbatim: the blob is the very file.
        let digest = try Digest(of: FileContents.read(directory.appending("t")))
        #expect(status(directory.appending("store/blobs/sha256/\(digest.hexadecimal)")) != nil)
      }
    }
  }
}
