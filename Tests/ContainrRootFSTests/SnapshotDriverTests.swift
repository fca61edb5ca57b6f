import CContainrLinux
import ContainrCore
import ContainrTestSupport
import Glibc
import SystemPackage
import Testing

@testable import ContainrRootFS

/// What one driver does and others do not.
@Suite(.enabled(if: geteuid() == 0, "needs user id 0")) struct SnapshotDriverTests {
  @Test func withMetacopyAChangeOfModeCopiesNoDataAndALaterOpeningReadsItRight() async throws {
    try await withStore(.overlayMetacopy) { fixture in
      try await fixture.layer("base") { root in
        try writeRandom(4 << 20, to: root.appending("big"))
        try fixture.fixture.tree("place", ["dir/file": "x"])
      }
      let wanted = try await fixture.view("base") { try FileContents.read($0.appending("big")) }
      try await fixture.layer("child", on: "base") { root in
        try #require(chmod("\(root)/big", 0o600) == 0)
        try #require(rename("\(root)/dir", "\(root)/renamed") == 0)
      }
      let usage = try await fixture.store.stat(SnapshotKey("child")).usage
      #expect(usage.size.bytes < 1 << 16)
      // Without the option, the layers that were written with it still are mounted with it, and those above them too.
      let plain = StoreFixture(
        fixture: fixture.fixture, tested: .overlay, store: try await SnapshotStore(.overlay(), at: fixture.store.path))
      try await plain.layer("above", on: "child") { root in try fixture.fixture.tree("place", ["top": "x"]) }
      for name in ["child", "above"] {
        try await plain.view(name) { root throws in
          #expect(try FileContents.read(root.appending("big")) == wanted)
          #expect(try fixture.fixture.text(root.appending("renamed/file")) == "x")
        }
      }
      // A layer that needs none is mounted with none, and there a directory cannot be renamed.
      let mount = try await plain.store.prepare(SnapshotKey("plain"), from: SnapshotKey("base"))
      guard case .overlay(let overlay) = mount.source else { throw ContainrError(.internalError, "reading the mount") }
      #expect(overlay.features == [])
      try await plain.mounted(mount) { root in #expect(rename("\(root)/dir", "\(root)/renamed") == -1 && errno == EXDEV) }
    }
  }

  @Test func aLayerWithMarksThatNobodyCommittedShowsNoOtherLayersFiles() async throws {
    try await withStore(.overlay) { fixture in
      try await fixture.layer("base") { root in try fixture.fixture.tree("place", ["secret/file": "secret"]) }
      try await fixture.layer("child", on: "base") { root in try fixture.fixture.tree("place", ["open/": ""]) }
      let mount = try await fixture.store.prepare(SnapshotKey("top"), from: SnapshotKey("child"))
      guard case .overlay(let overlay) = mount.source else { throw ContainrError(.internalError, "reading the mount") }
      try #require(setxattr("\(overlay.layers[1])/open", "trusted.overlay.redirect", "/secret", 7, 0) == 0)
      try await fixture.mounted(mount) { root in #expect(access("\(root)/open/file", F_OK) == -1) }
    }
  }

  @Test func ephemeralSnapshotsAreVolatileAndCanBeMountedAgain() async throws {
    try await withStore(.overlay) { fixture in
      try await fixture.layer("base") { root in try fixture.fixture.tree("place", ["a": "1"]) }
      let base = try SnapshotKey("base")
      for isEphemeral in [true, false] {
        let key = try SnapshotKey("key \(isEphemeral)")
        let mount = try await fixture.store.prepare(key, from: base, labels: [:], isEphemeral: isEphemeral)
        for round in 0..<2 {
          try await fixture.mounted(mount) { root in
            #expect(access("\(root)/r-0", F_OK) == (round == 0 ? -1 : 0))
            try fixture.fixture.tree("place", ["r-\(round)": ""])
            let mounted = try fixture.fixture.mounts().contains { $0.contains("volatile") }
            #expect(mounted == isEphemeral)
          }
        }
        try await fixture.store.commit(key, as: SnapshotKey("name \(isEphemeral)"))
      }
    }
  }

  @Test(.requires(.program("unshare"), .file("/proc/sys/user/max_user_namespaces")))
  func overlayWorksInAUserNamespace() async throws {
    try await withFixture { fixture in
      let store = fixture.directory.appending("store")
      let output = fixture.directory.appending("output")
      let file = try OwnedDescriptor.open(output, flags: O_RDWR | O_CREAT, mode: 0o600)
      // An ordinary user with a user namespace in which it is root.
      try #require(chmod(fixture.directory.string, 0o777) == 0)
      let worker = try snapshotWorker()
      let copy = fixture.directory.appending("worker")
      // By another program: a process that this one starts meanwhile would hold the file open for writing (ETXTBSY).
      try execute(["/bin/cp", worker, copy.string])
      try #require(chmod(copy.string, 0o755) == 0)
      let pid = try start(
        [
          "/usr/bin/setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "/usr/bin/unshare", "--user",
          "--map-root-user", "--mount", copy.string, "stack", store.string, "\(fixture.directory)/place",
        ], output: file.rawValue)
      var status: CInt = 0
      while waitpid(pid, &status, 0) < 0, errno == EINTR {}
      #expect(status == 0)
      #expect(try fixture.text(output) == "shared 2\nonly-0 \nonly-1 1\nonly-2 2\n")
      let description = try fixture.text(store.appending("store.json"))
      #expect(description.contains("user"))
      // Its layers have other marks: they are not stacked without saying so.
      let error = await #expect(throws: ContainrError.self) { _ = try await SnapshotStore(.overlay(features: []), at: store) }
      #expect(error?.code == .invalidConfiguration)
      try execute(["/bin/rm", "-rf", store.string])
    }
  }

  @Test(arguments: [TestedDriver.overlay, .copy]) func usageIsCountedWhileOthersWrite(tested: TestedDriver) async throws {
    try await withStore(tested) { fixture in
      let key = try SnapshotKey("key")
      guard case .directory(let files) = try await fixture.store.prepare(key).source else { return }
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
          while !Task.isCancelled {
            // Swift's pool has as many threads as the machine has processors: two of these would take both.
            await Task.yield()
            for number in 0..<20 {
              try FileTree.makeDirectories(files.appending("d-\(number)"))
              try FileContents.replace(files.appending("d-\(number)/f"), with: "x".utf8, durable: false)
            }
            for number in 0..<20 { try FileTree.remove(files.appending("d-\(number)")) }
          }
        }
        for _ in 0..<300 {
          let inodes = try await fixture.store.usage(of: key).inodes
          #expect(inodes <= 61)
        }
        group.cancelAll()
      }
    }
  }

  @Test func aStoreKeepsItsDriver() async throws {
    try await withStore(.copy) { fixture in
      for driver in [SnapshotDriver.overlay(), .zfs(dataset: "tank/x")] {
        let error = await #expect(throws: ContainrError.self) { _ = try await SnapshotStore(driver, at: fixture.store.path) }
        #expect(error?.code == .invalidConfiguration)
      }
    }
  }

  @Test func whatTheMachineLacksIsATypedError() async throws {
    try await withFixture { fixture in
      let memory = try fixture.tree("memory")
      try #require(mount("memory", memory.string, "tmpfs", 0, nil) == 0)
      defer { umount2(memory.string, 0) }
      let btrfs = await #expect(throws: ContainrError.self) { _ = try await SnapshotStore(.btrfs, at: memory.appending("s")) }
      #expect(btrfs?.code == .unsupported)
      let features = await #expect(throws: ContainrError.self) {
        _ = try await SnapshotStore(.overlay(features: [.userAttributes, .metacopy]), at: memory.appending("o"))
      }
      #expect(features?.code == .invalidConfiguration)
    }
  }

  @Test(.enabled(if: access("/usr/sbin/zfs", X_OK) != 0 && access("/sbin/zfs", X_OK) != 0, "there is a zfs(8)"))
  func withoutZFSTheErrorSaysSo() async throws {
    try await withFixture { fixture in
      let error = await #expect(throws: ContainrError.self) {
        _ = try await SnapshotStore(.zfs(dataset: "tank"), at: fixture.directory.appending("z"))
      }
      #expect(error?.code == .unsupported)
    }
  }

  /// A program in the place of zfs(8) writes down what it is asked for.
  @Test func zfsIsCalledWithArgumentsThatNoShellReads() async throws {
    try await withFixture { fixture in
      let log = fixture.directory.appending("log")
      let program = fixture.directory.appending("zfs")
      let script = """
        #!/bin/sh
        for word in "$@"; do printf '[%s]' "$word" >>'\(log)'; done; echo >>'\(log)'
        case "$*" in *missing*|*@containr*) echo 'cannot open: dataset does not exist' >&2; exit 1;; esac
        case "$*" in *refused*) echo 'permission denied' >&2; exit 1;; esac
        echo 1234
        """
      try FileContents.replace(program, with: script.utf8, mode: 0o755, durable: false)
      let root = try fixture.tree("a b;$(c)")
      let places = SnapshotPlaces(root: root)
      let command = ZFSCommand(path: program)
      #expect(try command.exists("tank/missing") == false)
      #expect(try command.exists("tank") == true)
      let error = #expect(throws: ContainrError.self) { try command.exists("refused") }
      #expect(error?.hint?.contains("permission denied") == true)
      for name in ["", "/a", "a/", "a//b", "-o", "a/-b", "a b", "a@b", "a;b", "..", "ä"] {
        let error = #expect(throws: ContainrError.self) { _ = try ZFSBackend(dataset: name, zfs: command) }
        #expect(error?.code == .invalidArgument, "\(name)")
      }
      let missing = #expect(throws: ContainrError.self) { _ = try ZFSBackend(dataset: "missing", zfs: command) }
      #expect(missing?.code == .unsupported)
      let backend = try ZFSBackend(dataset: "tank/c", zfs: command)
      let base = SnapshotRecord(id: 1, name: try SnapshotKey("base"), chain: [], kind: .active, created: 0, updated: 0)
      let child = SnapshotRecord(
        id: 2, name: try SnapshotKey("child"), parent: base.name, chain: [1], kind: .view, created: 0, updated: 0)
      try #require(truncate(log.string, 0) == 0)
      try backend.build(base, from: nil, at: root, places)
      // Here the program says that there is no snapshot yet, and refuses to make one.
      #expect(throws: ContainrError.self) { try backend.build(child, from: base, at: root, places) }
      try backend.delete(2, at: root.appending("staging"), places)
      #expect(
        try fixture.text(log).split(separator: "\n") == [
          "[create][-o][mountpoint=\(root)/volumes/1][tank/c/1]",
          "[list][-H][-o][name][-t][filesystem,snapshot][tank/c/1@containr]", "[set][readonly=on][tank/c/1]",
          "[snapshot][tank/c/1@containr]", "[list][-H][-o][name][-t][filesystem,snapshot][tank/c/2]",
          "[destroy][-r][tank/c/2]",
        ])
    }
  }
}
