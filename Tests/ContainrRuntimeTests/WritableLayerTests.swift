import CContainrLinux
import ContainrImage
import ContainrRuntime
import ContainrTestSupport
import Glibc
import SystemPackage
import Testing

@Suite(.requires(.root, .file("/bin/busybox"))) struct WritableLayerTests {
  /// What a layer holds, to tell whether somebody wrote to it.
  private func picture(_ path: FilePath) throws -> [String] {
    var lines: [String] = []
    for name in try FileTree.names(in: path) {
      let entry = path.appending(name)
      var status = stat()
      guard lstat(entry.string, &status) == 0 else { throw Errno.current }
      lines.append("\(entry) \(status.st_mode) \(status.st_size) \(status.st_mtim.tv_sec).\(status.st_mtim.tv_nsec)")
      if status.st_mode & S_IFMT == S_IFDIR { lines += try picture(entry) }
    }
    return lines.sorted()
  }

  @Test(arguments: [ContainerConfiguration.WritableLayer.disk, .memory(limit: .mebibytes(16)), .memory(limit: nil)])
  func changesAreTheContainersAndNoLayerChanges(_ layer: ContainerConfiguration.WritableLayer) async throws {
    try await Fixture.with {
      try write("lower", to: $0.appending("data/file"))
      try write("gone", to: $0.appending("data/gone"))
    } _: { fixture, lower in
      var configuration = fixture.configuration(
        layers: [lower], "sh", "-c",
        "echo upper > /data/file; rm /data/gone; mkdir /data/new; chmod 700 /data; rm -r /home; echo x > /etc/passwd; cat /data/file; ls /data"
      )
      configuration.writableLayer = layer
      let before = try picture(lower)
      let image = try fixture.image.layers.map { try picture($0) }
      let (output, _) = try await fixture.run(configuration)
      #expect(output == "upper\nfile\nnew\n")
      #expect(try picture(lower) == before)
      #expect(try fixture.image.layers.map { try picture($0) } == image)
      // The next container knows nothing of it.
      var second = fixture.configuration(layers: [lower], "cat", "/data/file", "/data/gone")
      second.writableLayer = layer
      let again = try await fixture.run(second)
      #expect(again.output == "lowergone")
    }
  }

  @Test func aLaterLayerHidesAnEarlierOneAndAWhiteoutHidesAFile() async throws {
    try await Fixture.with {
      try write("one", to: $0.appending("a/shared"))
      try write("one", to: $0.appending("a/one"))
      try write("one", to: $0.appending("a/hidden"))
      try write("one", to: $0.appending("opaque/below"))
    } _: { fixture, first in
      try await withTemporaryDirectory { second in
        try write("two", to: second.appending("a/shared"))
        try FileTree.makeDirectories(second.appending("opaque"), mode: 0o755)
        guard mknod(second.appending("a/hidden").string, S_IFCHR, 0) == 0,
          setxattr(second.appending("opaque").string, "trusted.overlay.opaque", "y", 1, 0) == 0
        else { throw Errno.current }
        let configuration = fixture.configuration(layers: [first, second], "sh", "-c", "cat /a/shared /a/one; ls /a /opaque")
        let (output, _) = try await fixture.run(configuration)
        #expect(output == "twoone/a:\none\nshared\n\n/opaque:\n")
      }
    }
  }

  @Test func withoutAWritableLayerWritesFail() async throws {
    try await Fixture.with {
      try write("one", to: $0.appending("data/file"))
    } _: { fixture, lower in
      for layers in [[], [lower]] {
        var configuration = fixture.configuration(
          layers: layers, "sh", "-c", "touch /x; touch /tmp/x; touch /dev/shm/x && echo shm")
        configuration.writableLayer = .none
        let (output, _) = try await fixture.run(configuration)
        #expect(output.components(of: "Read-only file system") == 2, "\(output)")
        #expect(output.contains("shm\n"))
      }
    }
  }

  @Test func aReadOnlyRootRefusesWritesAndItsMountsDoNot() async throws {
    try await Fixture.with { fixture in
      let (output, _) = try await fixture.shell(
        "touch /x; mount -o remount,rw / 2>/dev/null || echo stays; echo y > /tmp/y && cat /tmp/y"
      ) {
        $0.rootFS.isReadOnly = true
        $0.rootFS.mounts.append(.tmpfs(at: try RootedPath("/tmp")))
      }
      #expect(output.contains("touch: /x: Read-only file system"))
      #expect(output.contains("stays\n"))
      #expect(output.contains("y\n"))
    }
  }

  @Test func theMemoryLayerHasItsLimit() async throws {
    try await Fixture.with { fixture in
      let (output, _) = try await fixture.shell("head -c 8000000 /dev/zero > /big 2>/dev/null || echo full; stat -c %s /big") {
        $0.writableLayer = .memory(limit: .mebibytes(4))
      }
      #expect(output.hasPrefix("full\n"))
      let size = output.split(separator: "\n").last.flatMap { Int($0) } ?? 0
      #expect(size > 0 && size <= 4 << 20)
    }
  }

  // MARK: Volumes

  @Test func aVolumeIsTheHostsDirectory() async throws {
    try await withTemporaryDirectory { volume in
      try write("from the host", to: volume.appending("in"))
      try await Fixture.with { fixture in
        let (output, _) = try await fixture.shell("cat /made/volume/in; echo back > /made/volume/out") {
          $0.rootFS.mounts.append(.bind(from: volume, to: try RootedPath("/made/volume")))
        }
        #expect(output == "from the host")
        #expect(try FileContents.text(volume.appending("out")) == "back\n")
      }
    }
  }

  @Test func aReadOnlyVolumeIsReadOnlyAllTheWayDown() async throws {
    try await withTemporaryDirectory { volume in
      try FileTree.makeDirectories(volume.appending("below"))
      guard mount("none", volume.appending("below").string, "tmpfs", 0, nil) == 0 else { throw Errno.current }
      defer { umount(volume.appending("below").string) }
      try await Fixture.with { fixture in
        let (output, _) = try await fixture.shell("touch /v/x; touch /v/below/x; mount -o remount,rw /v") {
          $0.rootFS.mounts.append(.bind(from: volume, to: try RootedPath("/v"), readOnly: true))
        }
        #expect(output.components(of: "Read-only file system") == 2, "\(output)")
        #expect(try FileTree.names(in: volume.appending("below")).isEmpty)
      }
    }
  }

  @Test func aFileIsAVolumeToo() async throws {
    try await withTemporaryDirectory { directory in
      try write("configured\n", to: directory.appending("file"))
      try await Fixture.with { fixture in
        let (output, _) = try await fixture.shell("cat /etc/new/app.conf; echo more >> /etc/new/app.conf; cat /etc/passwd") {
          $0.rootFS.mounts.append(.bind(from: directory.appending("file"), to: try RootedPath("/etc/new/app.conf")))
          $0.rootFS.mounts.append(.bind(from: directory.appending("file"), to: try RootedPath("/etc/passwd"), readOnly: true))
        }
        #expect(output == "configured\nconfigured\nmore\n")
        #expect(try FileContents.text(directory.appending("file")) == "configured\nmore\n")
      }
    }
  }

  @Test func aVolumeThatIsNotThereIsNamed() async throws {
    try await Fixture.with { fixture in
      var configuration = fixture.configuration("true")
      configuration.rootFS.mounts.append(.bind(from: "/no/such/volume", to: try RootedPath("/v")))
      let error = try await fixture.refusal(configuration)
      #expect(error.code == .rootfsMount)
      #expect(error.activity.contains("/no/such/volume"))
      #expect(error.systemCall?.errno == .noSuchFileOrDirectory)
    }
  }

  @Test func aTmpfsIsEmptyLimitedAndWithoutPrograms() async throws {
    try await Fixture.with { fixture in
      let (output, _) = try await fixture.shell(
        "ls -A /var; stat -c %a /var; grep ' /var ' /proc/self/mountinfo | grep -c 'nosuid,nodev,noexec'; head -c 3000000 /dev/zero > /var/x 2>/dev/null || echo full"
      ) { $0.rootFS.mounts.append(.tmpfs(at: try RootedPath("/var"), size: .mebibytes(1), mode: 0o750)) }
      #expect(output == "750\n1\nfull\n")
    }
  }

  @Test func filesInEtcAreTheContainersOwnWhereAskedFor() async throws {
    try await Fixture.with { fixture in
      let (output, _) = try await fixture.shell(
        "cat /etc/hostname; ping -c1 -W1 web >/dev/null && echo reached; grep -c localhost /etc/hosts"
      ) {
        $0.hostFiles = .managed
        $0.hostname = "web"
      }
      #expect(output == "web\nreached\n2\n")
      for layer in fixture.image.layers {
        #expect(try FileContents.textIfPresent(layer.appending("etc/hostname")) ?? "" == "")
      }
    }
  }
}
