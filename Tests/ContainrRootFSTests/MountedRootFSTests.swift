import ContainrCore
import ContainrRootFS
import ContainrTestSupport
import Glibc
import SystemPackage
import Testing

@Suite(.enabled(if: geteuid() == 0, "needs user id 0")) struct MountedRootFSTests {
  private func overlay(_ fixture: Fixture, durable: Bool = false) throws -> RootFS.Source {
    .overlay(
      OverlayRoot(
        layers: [try fixture.tree("base", ["n": "base", "m": "base"]), try fixture.tree("top", ["n": "top"])],
        writableLayer: .directories(upper: try fixture.tree("upper"), work: try fixture.tree("work"), durable: durable)))
  }

  @Test(arguments: waysToStack)
  func anOverlayIsMountedOnceAndLeavesNothingBehind(appendsLayers: Bool) async throws {
    try await withFixture { fixture in
      let place = fixture.directory.appending("made/for/it")
      let root = MountedRootFS(try overlay(fixture), at: place, appendsLayers: appendsLayers)
      try await root.setUp()
      try await root.setUp()
      #expect(try fixture.mounts().count == 1)
      #expect(try fixture.text(place.appending("n")) == "top")
      #expect(try fixture.text(place.appending("m")) == "base")
      try FileContents.replace(place.appending("new"), with: "1".utf8, durable: false)
      try await root.tearDown()
      try await root.tearDown()
      #expect(try fixture.mounts() == [])
      #expect(try fixture.contents(fixture.directory.appending("upper")) == ["new": "1"])
      // The same directories again: the mark of a volatile mount is gone.
      try await root.setUp()
      #expect(try fixture.text(place.appending("new")) == "1")
      try await root.tearDown()
    }
  }

  @Test func anotherValueOfTheSameConfigurationFindsTheMount() async throws {
    try await withFixture { fixture in
      let place = try fixture.tree("place")
      for source in [try overlay(fixture), .directory(try fixture.tree("directory", ["n": "x"]))] {
        try await MountedRootFS(source, at: place).setUp()
        let second = MountedRootFS(source, at: place)
        #expect(try await second.isMounted())
        try await second.setUp()
        #expect(try fixture.mounts().count == 1)
        try await second.tearDown()
        #expect(try await !second.isMounted())
      }
    }
  }

  @Test func aDirectoryIsBoundWithWhatIsBelowAndTheSourceKeepsIts() async throws {
    try await withFixture { fixture in
      let directory = try fixture.tree("directory", ["n": "x", "below/": ""])
      let below = directory.appending("below")
      try #require(mount("memory", below.string, "tmpfs", 0, nil) == 0)
      try fixture.tree("directory/below", ["m": "y"])
      let place = try fixture.tree("place")
      try await withMountedRootFS(.directory(directory), at: place, isReadOnly: true) { place in
        let text = try fixture.text(place.appending("below/m"))
        #expect(text == "y")
        for name in ["new", "below/new"] {
          let file = FilePath(place.string + "/" + name)
          let error = #expect(throws: ContainrError.self) { try FileContents.replace(file, with: [UInt8](), durable: false) }
          #expect(error?.systemCall?.errno == .readOnlyFileSystem)
        }
      }
      #expect(try fixture.text(below.appending("m")) == "y")
      #expect(try fixture.mounts().count == 1)
      #expect(umount2(below.string, 0) == 0)
    }
  }

  @Test func anOverlayInUseIsNotTakenAway() async throws {
    try await withFixture { fixture in
      let root = MountedRootFS(try overlay(fixture), at: try fixture.tree("place"))
      try await root.setUp()
      do {
        let file = try OwnedDescriptor.open(fixture.directory.appending("place/n"))
        let error = await #expect(throws: ContainrError.self) { try await root.tearDown() }
        #expect(error?.code == .rootfsUnmount)
        #expect(error?.systemCall == SystemCall("umount2(2)", .resourceBusy))
        #expect(try FileContents.read(file, "reading") == Array("top".utf8))
      }
      try await root.tearDown()
    }
  }

  @Test func memoryIsGoneWithTheMount() async throws {
    try await withFixture { fixture in
      let source = RootFS.Source.overlay(
        OverlayRoot(
          layers: [try fixture.tree("base", ["n": "base"])],
          writableLayer: .memory(staging: try fixture.tree("staging"), limit: .mebibytes(1))))
      let root = MountedRootFS(source, at: try fixture.tree("place"))
      try await root.setUp()
      try await root.setUp()
      try FileContents.replace(fixture.directory.appending("place/new"), with: "1".utf8, durable: false)
      #expect(try fixture.mounts().count == 2)
      try await root.tearDown()
      #expect(try fixture.contents(fixture.directory.appending("staging")) == [:])
      #expect(try fixture.contents(fixture.directory.appending("base")) == ["n": "base"])
    }
  }

  @Test(arguments: waysToStack) func pathsPastTheKernelsLimitAreMounted(appendsLayers: Bool) async throws {
    try await withFixture { fixture in
      let long = String(repeating: "x", count: 200)
      let inner = Fixture(directory: try fixture.tree("\(long)/\(long)"))
      guard case .overlay(var stack) = try overlay(inner) else { return }
      for number in 0..<20 { stack.layers.append(try inner.tree("l\(number)", ["n": "\(number)"])) }
      let root = MountedRootFS(.overlay(stack), at: try fixture.tree("place"), appendsLayers: appendsLayers)
      try await root.setUp()
      #expect(try fixture.text(fixture.directory.appending("place/n")) == "19")
      try await root.tearDown()
    }
  }

  @Test func theScopeUnmountsAfterAThrowToo() async throws {
    struct Failure: Error {}
    try await withFixture { fixture in
      let source = try overlay(fixture)
      await #expect(throws: Failure.self) {
        try await withMountedRootFS(source, at: fixture.directory.appending("place")) { _ in throw Failure() }
      }
      #expect(try fixture.mounts() == [])
    }
  }

  @Test func whatIsMissingOrContradictoryIsNamed() async throws {
    try await withFixture { fixture in
      let place = try fixture.tree("place")
      let cases: [(RootFS.Source, FilePath, ContainrError.Code)] = [
        (.directory(fixture.directory.appending("missing")), place, .rootfsNotFound),
        (
          .overlay(OverlayRoot(layers: [place, fixture.directory.appending("missing")], writableLayer: .none)), place,
          .rootfsNotFound
        ),
        (.overlay(OverlayRoot(layers: [], writableLayer: .none)), place, .invalidConfiguration),
        (.directory(place), place, .invalidConfiguration),
        (.directory(place), "relative", .invalidConfiguration),
      ]
      for (source, place, code) in cases {
        let error = await #expect(throws: ContainrError.self) { try await MountedRootFS(source, at: place).setUp() }
        #expect(error?.code == code)
      }
    }
  }
}
