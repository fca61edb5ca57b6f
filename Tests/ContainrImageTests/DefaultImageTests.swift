import CContainrLinux
import ContainrCore
import ContainrImage
import ContainrTestSupport
import Glibc
import SystemPackage
import Testing

private func resolve(_ image: DefaultImage, in store: ImageStore) throws -> ResolvedImage { try image.resolve(in: store) }

@Suite(.requires(.root, .file("/bin/busybox"))) struct DefaultImageTests {
  @Test func runsItsProgramsFromItsOwnRoot() async throws {
    try await withTemporaryDirectory { directory in
      let image = try resolve(DefaultImage(), in: ImageStore(directory.appending("store")))
      #expect(image.reference.description == "containr/busybox:latest")
      #expect(image.commandLine == ["sh"])
      #expect(image.layers.count == 1)
      #expect(
        try shell("chroot '\(image.layers[0])' /bin/sh -c 'id -un; ls /; cat /etc/group | wc -l'", in: directory).hasPrefix(
          "root\nbin\ndev\n"))
      #expect(status(image.layers[0].appending("tmp"))?.st_mode == S_IFDIR | 0o1777)
      #expect(status(image.layers[0].appending("etc/passwd"))?.st_mtim.tv_sec == 0)
    }
  }

  @Test func isTheSameOnEachMachineWithThatBusybox() async throws {
    try await withTemporaryDirectory { directory in
      let first = try resolve(DefaultImage(), in: ImageStore(directory.appending("one")))
      let second = try resolve(DefaultImage(), in: ImageStore(directory.appending("two")))
      #expect(first.manifestDigest == second.manifestDigest)
    }
  }

  @Test func isMadeOnce() async throws {
    try await withTemporaryDirectory { directory in
      let store = try ImageStore(directory.appending("store"))
      let image = try resolve(DefaultImage(), in: store)
      // The busybox is not even looked for any more.
      #expect(try resolve(DefaultImage(busybox: "/nonexistent"), in: store) == image)
    }
  }

  @Test(
    arguments: [("/nonexistent", .imageNotFound), ("/usr/bin/env", .unsupported), ("/etc/passwd", .unsupported)]
      as [(String, ContainrError.Code)])
  func saysWhatIsMissing(path: String, code: ContainrError.Code) async throws {
    try await withTemporaryDirectory { directory in
      let store = try ImageStore(directory.appending("store"))
      let error = #expect(throws: ContainrError.self) { try resolve(DefaultImage(busybox: FilePath(path)), in: store) }
      #expect(error?.code == code)
      #expect(error?.hint?.contains("busybox-static") == true)
      #expect(try store.list().isEmpty)
    }
  }
}
