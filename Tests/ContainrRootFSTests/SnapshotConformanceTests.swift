import CContainrLinux
import ContainrCore
import ContainrRootFS
import ContainrTestSupport
import Glibc
import SystemPackage
import Testing

/// What every driver must do.
@Suite(.serialized, .enabled(if: geteuid() == 0, "needs user id 0")) struct SnapshotConformanceTests {
  @Test(arguments: TestedDriver.here)
  func aChildShowsItsParentWithItsOwnChangesAndTheParentStaysAsItWas(tested: TestedDriver) async throws {
    try await withStore(tested) { fixture in
      try await fixture.layer("base") { root in
        try fixture.fixture.tree("place", ["a": "base", "dir/x": "base", "dir/y": "base", "gone/z": "base"])
      }
      let base = try await fixture.contents("base")
      #expect(base == ["a": "base", "dir/": "", "dir/x": "base", "dir/y": "base", "gone/": "", "gone/z": "base"])
      try await fixture.layer("sha256:0/1", on: "base") { root in
        try fixture.fixture.tree("place", ["a": "child", "new/n": "child"])
        #expect(unlink("\(root)/dir/y") == 0)
        try FileTree.remove(root.appending("gone"))
      }
      try await fixture.layer("third", on: "sha256:0/1") { root in
        try fixture.fixture.tree("place", ["dir/y": "third", "gone/w": "third"])
      }
      #expect(try await fixture.contents("base") == base)
      #expect(
        try await fixture.contents("sha256:0/1") == ["a": "child", "dir/": "", "dir/x": "base", "new/": "", "new/n": "child"])
      #expect(
        try await fixture.contents("third") == [
          "a": "child", "dir/": "", "dir/x": "base", "dir/y": "third", "gone/": "", "gone/w": "third", "new/": "",
          "new/n": "child",
        ])
      // Two children of one parent know nothing of each other.
      let left = try await fixture.store.prepare(SnapshotKey("left"), from: SnapshotKey("base"))
      let right = try await fixture.store.prepare(SnapshotKey("right"), from: SnapshotKey("base"))
      try await fixture.mounted(left) { try FileContents.replace($0.appending("a"), with: "left".utf8, durable: false) }
      try await fixture.mounted(right) { root throws in
        #expect(try fixture.fixture.text(root.appending("a")) == "base")
      }
    }
  }

  @Test(arguments: TestedDriver.here)
  func whatTheStatesForbidIsRefusedWithTypedCodes(tested: TestedDriver) async throws {
    try await withStore(tested) { fixture in
      let store = fixture.store
      func refused(_ code: ContainrError.Code, _ body: () async throws -> Void) async {
        let error = await #expect(throws: ContainrError.self) { try await body() }
        #expect(error?.code == code)
      }
      let key = try SnapshotKey("key")
      let name = try SnapshotKey("name")
      let other = try SnapshotKey("other")
      try await store.prepare(key)
      await refused(.snapshotAlreadyExists) { try await store.prepare(key) }
      await refused(.snapshotAlreadyExists) { try await store.view(key, of: nil) }
      await refused(.snapshotAlreadyExists) { try await store.commit(key, as: key) }
      await refused(.snapshotState) { try await store.prepare(other, from: key) }
      await refused(.snapshotNotFound) { try await store.prepare(other, from: name) }
      await refused(.snapshotNotFound) { try await store.commit(other, as: name) }
      await refused(.snapshotNotFound) { _ = try await store.stat(other) }
      await refused(.snapshotNotFound) { _ = try await store.usage(of: other) }
      await refused(.snapshotNotFound) { _ = try await store.mounts(of: other) }
      await refused(.snapshotNotFound) { try await store.remove(other) }
      await refused(.snapshotNotFound) { _ = try await store.updateLabels(of: other, [:]) }

      try await store.commit(key, as: name)
      await refused(.snapshotNotFound) { _ = try await store.stat(key) }
      await refused(.snapshotState) { try await store.commit(name, as: other) }
      await refused(.snapshotState) { _ = try await store.mounts(of: name) }
      // The key is free again, and what is taken by a commit is not.
      try await store.prepare(key, from: name)
      await refused(.snapshotAlreadyExists) { try await store.commit(key, as: name) }
      await refused(.snapshotState) { try await store.remove(name) }
      try await store.view(other, of: name)
      await refused(.snapshotState) { try await store.commit(other, as: SnapshotKey("from a view")) }
      try await store.remove(key)
      await refused(.snapshotState) { try await store.remove(name) }
      try await store.remove(other)
      try await store.remove(name)
      #expect(try await store.walk() == [])
      for text in ["", "a\nb", "\u{0}", String(repeating: "/", count: 84)] {
        #expect(throws: ContainrError.self) { try SnapshotKey(text) }
      }
    }
  }

  @Test(arguments: TestedDriver.here)
  func recordsLabelsAndFiltersSurviveAReopening(tested: TestedDriver) async throws {
    try await withStore(tested) { fixture in
      try await fixture.layer("../base", labels: ["arch": "arm64", "note": "\"quoted\"\n"]) { _ in }
      let base = try SnapshotKey("../base")
      _ = try await fixture.store.prepare(SnapshotKey("%2F/."), from: base, labels: ["arch": "amd64"], isEphemeral: true)
      try await fixture.store.view(SnapshotKey("view"), of: base)
      let updated = try await fixture.store.updateLabels(of: base, ["note": nil as String?, "more": "1"])
      #expect(updated.labels == ["arch": "arm64", "more": "1"])
      #expect(updated.updated > updated.created)
      await #expect(throws: ContainrError.self) {
        _ = try await fixture.store.updateLabels(of: base, ["x": String(repeating: "x", count: 4096)])
      }

      let store = try await SnapshotStore(tested.driver, at: fixture.store.path)
      let all = try await store.walk()
      #expect(all.map(\.name.description) == ["%2F/.", "../base", "view"])
      #expect(all.map(\.kind) == [.active, .committed, .view])
      #expect(all.map(\.parent) == [base, nil, base])
      #expect(try await store.stat(base) == updated)
      let cases: [(SnapshotFilter, [String])] = [
        (.kind(.is("committed")), ["../base"]), (.kind(.isNot("committed")), ["%2F/.", "view"]),
        (.parent(.is("../base")), ["%2F/.", "view"]), (.parent(.isPresent), ["%2F/.", "view"]),
        (.label("arch", .begins("a")), ["%2F/.", "../base"]), (.label("arch", .isNot("arm64")), ["%2F/.", "view"]),
        (.name(.begins("v")), ["view"]), (.allOf([.label("arch", .isPresent), .kind(.is("active"))]), ["%2F/."]),
        (.anyOf([.name(.is("view")), .label("more", .is("1"))]), ["../base", "view"]), (.anyOf([]), []),
      ]
      for (filter, names) in cases { #expect(try await store.walk(filter).map(\.name.description) == names, "\(filter)") }
    }
  }

  @Test(.requires(.userAttributes), arguments: TestedDriver.here)
  func everythingThatAFileIsComesAlong(tested: TestedDriver) async throws {
    try await withStore(tested) { fixture in
      let long = String(repeating: "n", count: 200)
      try await fixture.layer("base") { root in
        try fixture.fixture.tree("place", ["file": "text", "d/e/": ""])
        try #require(chown("\(root)/file", 1000, 1001) == 0 && chmod("\(root)/file", 0o4751) == 0)
        try #require(setxattr("\(root)/file", "user.one", "value", 5, 0) == 0)
        try #require(setxattr("\(root)/d/e", "trusted.two", "", 0, 0) == 0)
        try #require(link("\(root)/file", "\(root)/d/twin") == 0)
        try #require(symlink("/nowhere/\(long)", "\(root)/link") == 0 && lchown("\(root)/link", 5, 6) == 0)
        try #require(mknod("\(root)/null", S_IFCHR | 0o640, dev_t(cl_makedev(1, 3))) == 0)
        try #require(mknod("\(root)/fifo", S_IFIFO | 0o600, 0) == 0 && mknod("\(root)/socket", S_IFSOCK | 0o700, 0) == 0)
        let sparse = try OwnedDescriptor.open(root.appending("sparse"), flags: O_RDWR | O_CREAT, mode: 0o600)
        try #require(pwrite(sparse.rawValue, "x", 1, 8 << 20) == 1 && ftruncate(sparse.rawValue, 16 << 20) == 0)
        try #require(chmod(root.string, 0o1770) == 0 && chown(root.string, 7, 8) == 0)
        var times = [timespec(tv_sec: 1, tv_nsec: 2), timespec(tv_sec: 1_000_000_000, tv_nsec: 123_456_789)]
        try #require(utimensat(AT_FDCWD, "\(root)/file", &times, 0) == 0)
        try #require(utimensat(AT_FDCWD, "\(root)/d", &times, 0) == 0)
        // Deeper than descriptors are kept, and than one path may be long.
        var deep = try OwnedDescriptor.open(root, flags: O_RDONLY | O_DIRECTORY)
        for _ in 0..<40 {
          try #require(mkdirat(deep.rawValue, long, 0o755) == 0)
          deep = OwnedDescriptor(owning: cl_openat(deep.rawValue, long, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0))
        }
        try #require(symlinkat("bottom", deep.rawValue, "bottom") == 0)
      }
      let child = try await fixture.store.prepare(SnapshotKey("child"), from: SnapshotKey("base"))
      try await fixture.mounted(child) { root in
        func status(_ path: String) throws -> stat {
          var status = stat()
          try #require(lstat("\(root)/\(path)", &status) == 0)
          return status
        }
        let file = try status("file")
        #expect((file.st_uid, file.st_gid, file.st_mode) == (1000, 1001, S_IFREG | 0o4751))
        #expect((file.st_mtim.tv_sec, file.st_mtim.tv_nsec) == (1_000_000_000, 123_456_789))
        #expect(try status("d").st_mtim.tv_nsec == 123_456_789)
        #expect(try status("d/twin").st_ino == file.st_ino && file.st_nlink == 2)
        var value = [UInt8](repeating: 0, count: 8)
        #expect(getxattr("\(root)/file", "user.one", &value, 8) == 5 && value.starts(with: "value".utf8))
        #expect(getxattr("\(root)/d/e", "trusted.two", &value, 8) == 0)
        let link = try status("link")
        #expect((link.st_uid, link.st_gid, link.st_size) == (5, 6, 209))
        let null = try status("null")
        #expect((null.st_mode, null.st_rdev) == (S_IFCHR | 0o640, dev_t(cl_makedev(1, 3))))
        #expect(try status("fifo").st_mode == S_IFIFO | 0o600)
        #expect(try status("socket").st_mode == S_IFSOCK | 0o700)
        let sparse = try status("sparse")
        #expect(sparse.st_size == 16 << 20 && sparse.st_blocks * 512 < 1 << 20)
        let data = try FileContents.read(root.appending("sparse"), limit: 17 << 20)
        #expect(data[8 << 20] == UInt8(ascii: "x") && data.reduce(0) { $0 + Int($1) } == 120)
        let top = try status(".")
        #expect((top.st_uid, top.st_gid, top.st_mode) == (7, 8, S_IFDIR | 0o1770))
        var deep = try OwnedDescriptor.open(root, flags: O_RDONLY | O_DIRECTORY)
        for _ in 0..<40 {
          deep = OwnedDescriptor(
            owning: try check(
              cl_openat(deep.rawValue, long, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0), .ioFailure, "openat(2)", "descending"))
        }
        #expect(faccessat(deep.rawValue, "bottom", F_OK, AT_SYMLINK_NOFOLLOW) == 0)
      }
    }
  }

  @Test(arguments: TestedDriver.here) func aViewCannotBeWritten(tested: TestedDriver) async throws {
    try await withStore(tested) { fixture in
      try await fixture.layer("base") { root in try fixture.fixture.tree("place", ["a": "1"]) }
      for parent in ["base", nil] {
        let key = try SnapshotKey("view")
        let mount = try await fixture.store.view(key, of: try parent.map { try SnapshotKey($0) })
        #expect(mount.isReadOnly)
        #expect(try await fixture.store.mounts(of: key) == mount)
        try await fixture.mounted(mount) { root in
          let error = #expect(throws: ContainrError.self) {
            try FileContents.replace(root.appending("b"), with: [UInt8](), durable: false)
          }
          #expect(error?.systemCall?.errno == .readOnlyFileSystem)
        }
        #expect(try await fixture.store.usage(of: key) == SnapshotUsage())
        try await fixture.store.remove(key)
      }
    }
  }

  @Test(arguments: TestedDriver.here) func usageCountsWhatWasWrittenOnceAndHolesNot(tested: TestedDriver) async throws {
    try await withStore(tested) { fixture in
      try await fixture.layer("base") { root in try writeRandom(4 << 20, to: root.appending("big")) }
      let base = try await fixture.store.usage(of: SnapshotKey("base"))
      #expect(base.inodes == 2 || tested == .zfs)
      #expect((4 << 20..<5 << 20).contains(base.size.bytes))
      #expect(try await fixture.store.stat(SnapshotKey("base")).usage == base)
      let key = try SnapshotKey("child")
      let mount = try await fixture.store.prepare(key, from: SnapshotKey("base"))
      let before = try await fixture.store.usage(of: key)
      #expect(!tested.sharesData || before.size.bytes < 1 << 18)
      try await fixture.mounted(mount) { root in
        try writeRandom(1 << 20, to: root.appending("new"))
        try #require(link("\(root)/new", "\(root)/twin") == 0)
        let sparse = try OwnedDescriptor.open(root.appending("sparse"), flags: O_RDWR | O_CREAT, mode: 0o600)
        try #require(ftruncate(sparse.rawValue, 64 << 20) == 0)
      }
      let after = try await fixture.store.usage(of: key)
      #expect((1 << 20..<(1 << 20) + (1 << 18)).contains(after.size.bytes - before.size.bytes))
      // The root directory changes with what is in it: drivers that count changes count it now.
      #expect((2...3).contains(after.inodes - before.inodes))
    }
  }

  @Test(arguments: TestedDriver.here) func chainsMayBeLong(tested: TestedDriver) async throws {
    try await withStore(tested) { fixture in
      let count = tested.isOverlay ? 120 : 12
      var parent: String?
      for number in 0..<count {
        try await fixture.layer("layer-\(number)", on: parent) { root in
          try FileContents.replace(root.appending("number"), with: "\(number)".utf8, durable: false)
          try FileContents.replace(root.appending("only-\(number)"), with: "".utf8, durable: false)
        }
        parent = "layer-\(number)"
      }
      let contents = try await fixture.contents("layer-\(count - 1)")
      #expect(contents.count == count + 1 && contents["number"] == "\(count - 1)" && contents["only-0"] == "")
      let middle = try await fixture.store.stat(SnapshotKey("layer-5"))
      #expect(middle.parent?.description == "layer-4")
      for number in (0..<count).reversed() { try await fixture.store.remove(SnapshotKey("layer-\(number)")) }
    }
  }

  @Test(arguments: TestedDriver.here) func manyTasksAndStoresWorkAtOnce(tested: TestedDriver) async throws {
    try await withStore(tested) { fixture in
      try await fixture.layer("base") { root in try fixture.fixture.tree("place", ["a": "1"]) }
      let stores = [fixture.store, try await SnapshotStore(tested.driver, at: fixture.store.path)]
      let winners = try await withThrowingTaskGroup(of: Int.self) { group in
        for task in 0..<16 {
          group.addTask {
            let store = stores[task % 2]
            var won = 0
            for round in 0..<4 {
              let own = try SnapshotKey("own \(task)")
              try await store.prepare(own, from: SnapshotKey("base"))
              do {
                try await store.prepare(SnapshotKey("contested \(round)"), from: SnapshotKey("base"))
                won += 1
              } catch let error as ContainrError where error.code == .snapshotAlreadyExists {}
              try await store.remove(own)
            }
            return won
          }
        }
        return try await group.reduce(0, +)
      }
      #expect(winners == 4)
      #expect(try await fixture.store.walk().count == 5)
    }
  }

  @Test(arguments: TestedDriver.here.filter(\.sharesData))
  func twentyChildrenTakeOnlyWhatTheyWrite(tested: TestedDriver) async throws {
    try await withStore(tested) { fixture in
      try await fixture.layer("base") { root in
        for number in 0..<8 { try writeRandom(1 << 20, to: root.appending("big-\(number)")) }
      }
      func used() throws -> UInt64 {
        let file = try OwnedDescriptor.open(fixture.store.path, flags: O_RDONLY | O_DIRECTORY)
        try #require(cl_syncfs(file.rawValue) == 0)
        guard !tested.isOverlay else { return try diskUse(of: fixture.store.path) }
        var status = statvfs()
        try #require(statvfs(fixture.store.path.string, &status) == 0)
        return UInt64(status.f_blocks - status.f_bfree) * UInt64(status.f_frsize)
      }
      let before = try used()
      for number in 0..<20 {
        let mount = try await fixture.store.prepare(SnapshotKey("child \(number)"), from: SnapshotKey("base"))
        try await fixture.mounted(mount) { root in
          try writeRandom(100 << 10, to: root.appending("own"))
          #expect(try FileContents.read(root.appending("big-3")).count == 1 << 20)
        }
      }
      let grown = try used() - before
      // 2 MB were written; twenty copies would be 160.
      #expect((2000 << 10..<6 << 20).contains(grown))
    }
  }
}

/// The blocks of a tree.
private func diskUse(of path: FilePath) throws -> UInt64 {
  var total: UInt64 = 0
  for name in try FileTree.names(in: path) {
    var status = stat()
    try #require(lstat("\(path)/\(name)", &status) == 0)
    total += UInt64(status.st_blocks) * 512
    if status.st_mode & S_IFMT == S_IFDIR { total += try diskUse(of: path.appending(name)) }
  }
  return total
}
