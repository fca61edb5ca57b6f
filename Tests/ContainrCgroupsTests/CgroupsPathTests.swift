import CContainrLinux
import ContainrCore
import ContainrTestSupport
import Glibc
import SystemPackage
import Testing

@testable import ContainrCgroups

@Suite("The OCI cgroupsPath")
struct CgroupsPathTests {
  @Test(
    "A unit is where systemd makes it",
    arguments: [
      ("system.slice:containr:web", "system.slice/containr-web.scope"),
      ("user-alice.slice:docker:4f1c", "user.slice/user-alice.slice/docker-4f1c.scope"),
      ("a-b-c.slice:x:y", "a.slice/a-b.slice/a-b-c.slice/x-y.scope"), (":cri:web", "system.slice/cri-web.scope"),
      ("-.slice:cri:web", "cri-web.scope"), ("m.slice::web", "m.slice/web.scope"),
      ("m.slice:cri:pod.slice", "m.slice/pod.slice"),
      ("/a/b", "a/b"), ("a/b", "a/b"), ("a:b", "a:b"), ("/a:b:c", "a:b:c"),
    ])
  func forms(_ text: String, _ path: String) throws {
    let parsed = try CgroupsPath(text)
    #expect(try parsed.path().description == path)
    #expect(parsed.description == text)
  }

  @Test("Without a slice a rootless unit goes to user.slice, and a base is put before all but absolute paths")
  func places() throws {
    let base = try CgroupPath("user.slice/user@1000.service")
    #expect(try CgroupsPath(":cri:web").path(isRootless: true).description == "user.slice/cri-web.scope")
    #expect(
      try CgroupsPath("app.slice:cri:web").path(below: base).description
        == "user.slice/user@1000.service/app.slice/cri-web.scope")
    #expect(try CgroupsPath("a").path(below: base).description == "user.slice/user@1000.service/a")
    #expect(try CgroupsPath("/a").path(below: base).description == "a")
  }

  @Test("A path that would leave the hierarchy is PATH_ESCAPE", arguments: ["..", "/..", "/a/../../b", "a/..", "../a:b:c"])
  func escapes(_ text: String) {
    let error = #expect(throws: ContainrError.self) { try CgroupsPath(text) }
    #expect(error?.code == .pathEscape)
  }

  @Test(
    "What is neither form is refused",
    arguments: [
      "", "/", "a//b", "/a/./b", "system:cri:web", "a--b.slice:x:y", "-a.slice:x:y", "a-.slice:x:y", ".slice:x:y",
      "a.b.slice:x:y", "a.slice:x:", "a.slice:x:b--c.slice", "a.slice:x y:z", "a.slice:x:\u{1}", "..:a:b", "a.slice:x:é",
    ])
  func refused(_ text: String) {
    let error = #expect(throws: ContainrError.self) { try CgroupsPath(text).path() }
    #expect(error?.code == .invalidArgument)
  }
}

@Suite("Delegation of cgroups")
struct CgroupDelegationTests {
  /// Looks as another user: setfsuid(2) changes this thread only, and takes its capabilities over files with it.
  private func asUser<Value>(_ user: uid_t, _ look: () throws -> Value) rethrows -> Value {
    setfsuid(user)
    defer {
      setfsuid(0)
      // The kernel takes it for a change of user, after which a program may not be inspected (PR_SET_DUMPABLE).
      _ = cl_prctl(4, 1, 0, 0, 0)
    }
    return try look()
  }

  private func layout(_ root: FilePath, _ own: String) throws -> CgroupLayout {
    var path = root.string
    for component in [""] + own.split(separator: "/").map({ "/\($0)" }) {
      path += component
      try FileTree.makeDirectories(FilePath(path))
      for (name, text) in [
        ("cgroup.procs", ""), ("cgroup.subtree_control", "memory\n"), ("cgroup.controllers", "memory pids\n"),
      ] {
        try FileContents.replace(FilePath("\(path)/\(name)"), with: text.utf8, durable: false)
        chmod("\(path)/\(name)", 0o644)
      }
      chmod(path, 0o755)
    }
    return CgroupLayout(
      unified: CgroupV2Hierarchy(mountPoint: root.string, controllers: [.cpu, .memory, .pids], isSimulated: true))
  }

  @Test("A directory is delegated where its files can be written, with the controllers that it was given")
  func writable() async throws {
    try await withTemporaryDirectory { root in
      let layout = try layout(root, "a/b")
      let root = try #require(try layout.delegations(of: "0::/a/b\n").first)
      #expect(root.path == nil)
      #expect(root.isDelegated && !root.isMarked)
      let below = try #require(try layout.delegation(of: try CgroupPath("a/b")))
      #expect(below.isDelegated)
      #expect(below.controllers == [.memory, .pids])
      #expect(below.enabled == .memory)
      #expect(below.owner == geteuid())
      #expect(throws: ContainrError.self) { try layout.delegation(of: try CgroupPath("c")) }
      #expect(try CgroupLayout().delegation() == nil)
      #expect(try CgroupLayout().delegations().isEmpty)
    }
  }

  @Test(
    "To another user the topmost directory that is theirs is the place, marked where the service manager marked it",
    .requires(.root))
  func handedOver() async throws {
    try await withTemporaryDirectory { root in
      let layout = try layout(root, "user/1000/app")
      for name in ["", "/cgroup.procs", "/cgroup.subtree_control"] { chown("\(root)/user/1000\(name)", 1000, 1000) }
      #expect(setxattr("\(root)/user/1000", "trusted.delegate", "1", 1, 0) == 0)
      let found: [CgroupDelegation] = try asUser(1000) { try layout.delegations(of: "0::/user/1000/app\n") }
      #expect(found.map { $0.path?.description } == ["user/1000"])
      #expect(found.first?.isDelegated == true && found.first?.owner == 1000)
      let marked = try #require(try layout.delegation(of: try CgroupPath("user/1000")))
      #expect(marked.isMarked)
      // Without the last file controllers cannot be given on: the caller's own cgroup is all that is left to report.
      chown("\(root)/user/1000/cgroup.subtree_control", 0, 0)
      let part: [CgroupDelegation] = try asUser(1000) { try layout.delegations(of: "0::/user/1000/app\n") }
      #expect(part.map { $0.path?.description } == ["user/1000/app"])
      #expect(part.first?.isDelegated == false)
    }
  }

  @Test("On this machine the place is where a cgroup can be made", .requires(.root))
  func real() throws {
    let layout = try CgroupLayout.detect()
    for place in try layout.delegations() where place.isDelegated {
      let path = "\(place.directory)/containr-test-delegation-\(getpid())"
      #expect(mkdir(path, 0o755) == 0)
      #expect(rmdir(path) == 0)
    }
    #expect(try layout.delegations().count == layout.hierarchies.count)
  }
}
