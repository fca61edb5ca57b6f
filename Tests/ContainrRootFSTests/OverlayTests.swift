import ContainrCore
import ContainrRootFS
import ContainrTestSupport
import Glibc
import SystemPackage
import Testing

@Suite(.enabled(if: geteuid() == 0, "needs user id 0")) struct OverlayTests {
  private func overlay(_ fixture: Fixture, _ layers: [FilePath], durable: Bool = false) throws -> RootFS {
    RootFS(
      .overlay(
        OverlayRoot(
          layers: layers,
          writableLayer: .directories(
            upper: try fixture.tree("upper"), work: try fixture.tree("work"), durable: durable))))
  }

  @Test(.requires(.file("/bin/busybox")), arguments: waysToStack)
  func aLaterLayerHidesAnEarlierOneAndWritesLandOnTopOnly(appendsLayers: Bool) async throws {
    try await withFixture { fixture in
      let layers = [
        try fixture.tree("base", ["etc/a": "base", "etc/b": "base", "etc/gone": "base", "dir/x": "base"], program: true),
        try fixture.tree("middle", ["etc/a": "middle", "dir/y": "middle"]),
        try fixture.tree("top", ["etc/b": "top"]),
      ]
      let before = try layers.map(fixture.contents)
      let (output, status) = try await run(
        "cat /etc/a /etc/b; echo; rm /etc/gone; echo -n new >/etc/a; mkdir /made; echo -n 1 >/made/file; echo /etc/* /dir/*",
        in: try overlay(fixture, layers), appendsLayers: appendsLayers)
      #expect(output == "middletop\n/etc/a /etc/b /dir/x /dir/y\n")
      #expect(status.isSuccess)
      #expect(try layers.map(fixture.contents) == before)
      let upper = try fixture.contents(fixture.directory.appending("upper"))
      #expect(upper["etc/a"] == "new")
      #expect(upper["made/file"] == "1")
      #expect(upper["etc/gone"] == "type \(S_IFCHR) device 0")
      #expect(upper["etc/b"] == nil)
    }
  }

  @Test(.requires(.file("/bin/busybox")), arguments: waysToStack)
  func stacksTwoHundredLayers(appendsLayers: Bool) async throws {
    try await withFixture { fixture in
      var layers = [try fixture.tree("base", ["n": "base"], program: true)]
      for number in 0..<199 { layers.append(try fixture.tree("l\(number)", ["n": "\(number)", "only\(number)": ""])) }
      let (output, _) = try await run(
        "cat /n; echo; echo /only* | wc -w", in: try overlay(fixture, layers), appendsLayers: appendsLayers)
      #expect(output == "198\n199\n")
    }
  }

  @Test(.requires(.file("/bin/busybox")), arguments: waysToStack)
  func takesAnyCharacterInThePathOfALayer(appendsLayers: Bool) async throws {
    try await withFixture { fixture in
      let inner = Fixture(directory: try fixture.tree("a:b,c=d\\e lowerdir+,:\\:"))
      let layers = [try inner.tree("ba:se", ["n": "base"], program: true), try inner.tree("t,op\\", ["n": "top"])]
      let (output, _) = try await run(
        "cat /n; echo -n 1 >/made", in: try overlay(inner, layers), appendsLayers: appendsLayers)
      #expect(output == "top")
      #expect(try inner.text(inner.directory.appending("upper").appending("made")) == "1")
    }
  }

  @Test(.requires(.file("/bin/busybox")), arguments: waysToStack)
  func takesPathsPastTheKernelsLimit(appendsLayers: Bool) async throws {
    try await withFixture { fixture in
      let long = String(repeating: "x", count: 200)
      let inner = Fixture(directory: try fixture.tree("\(long)/\(long)/\(long)"))
      var layers = [try inner.tree("base", ["n": "base"], program: true)]
      for number in 0..<20 { layers.append(try inner.tree("l\(number)", ["n": "\(number)"])) }
      let (output, _) = try await run(
        "cat /n; echo -n 1 >/made", in: try overlay(inner, layers), appendsLayers: appendsLayers)
      #expect(output == "19")
      #expect(try inner.text(inner.directory.appending("upper").appending("made")) == "1")
    }
  }

  @Test(.requires(.file("/bin/busybox")), arguments: waysToStack)
  func keepsHostPathsReachableForWhatIsMountedAfterTheOverlay(appendsLayers: Bool) async throws {
    try await withFixture { fixture in
      var root = try overlay(fixture, [try fixture.tree("base", program: true), try fixture.tree("top")])
      root.mounts.append(.bind(from: "/proc/version", to: try RootedPath("/host-version"), readOnly: true))
      let (output, _) = try await run("cat /host-version; cat /proc/1/comm; true", in: root, appendsLayers: appendsLayers)
      #expect(output == (try FileContents.text("/proc/version")) + "busybox\n")
    }
  }

  @Test(.requires(.file("/bin/busybox"))) func aMemoryLayerHasItsLimitAndTheHostSeesNothingOfIt() async throws {
    try await withFixture { fixture in
      let staging = try fixture.tree("staging")
      let root = RootFS(
        .overlay(
          OverlayRoot(
            layers: [try fixture.tree("base", ["n": "base"], program: true)],
            writableLayer: .memory(staging: staging, limit: .mebibytes(1)))))
      let (output, _) = try await run(
        "echo changed >/n; cat /n; dd if=/dev/zero of=/big bs=1M count=2 2>&1 | grep -o 'No space'", in: root)
      #expect(output == "changed\nNo space\n")
      #expect(try fixture.contents(staging) == [:])
      #expect(try fixture.text(fixture.directory.appending("base").appending("n")) == "base")
    }
  }

  @Test(.requires(.file("/bin/busybox")), arguments: [1, 2])
  func layersAloneRefuseWrites(count: Int) async throws {
    try await withFixture { fixture in
      let places = ["proc/": "", "dev/": "", "sys/fs/cgroup/": "", "n": "base"]
      let layers = [try fixture.tree("base", places, program: true), try fixture.tree("top")]
      let root = RootFS(.overlay(OverlayRoot(layers: Array(layers.prefix(count)), writableLayer: .none)))
      let (output, _) = try await run("(echo x >/n) 2>&1 | grep -o 'Read-only'; cat /n", in: root)
      #expect(output == "Read-only\nbase")
    }
  }

  @Test func refusesAStackOfNothing() async throws {
    let root = RootFS(.overlay(OverlayRoot(layers: [], writableLayer: .none)))
    let error = await #expect(throws: ContainrError.self) { try await run("true", in: root) }
    #expect(error?.code == .invalidConfiguration)
  }
}
