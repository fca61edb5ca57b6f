import ContainrCore
import ContainrOCI
import ContainrRuntime
import ContainrTestSupport
import Glibc
import SystemPackage
import Testing

@Suite("OCI hooks", .requires(.root, .file("/bin/busybox"))) struct OCIHookTests {
  /// A hook that appends its name, its namespaces and the state that it read to a file of the host.
  private func hook(_ name: String, _ fixture: OCIFixture, log: String) -> OCI.RuntimeSpec.Hook {
    .init(
      path: "/bin/sh",
      args: [
        "sh", "-c",
        "echo \"\(name) $(readlink /proc/self/ns/mnt) $(readlink /proc/self/ns/net) $X $(cat)\" >> \(log)",
      ], env: ["PATH=/bin:/usr/bin", "X=\(name)"])
  }

  @Test func eachOfTheSixKindsRunsAtItsMomentInItsNamespacesWithItsState() async throws {
    try await OCIFixture.with { fixture in
      let log = fixture.directory.appending("log").string
      var spec = fixture.spec("sleep", "1000")
      spec.annotations = ["a": "b"]
      var hooks = OCI.RuntimeSpec.Hooks()
      hooks.prestart = [hook("prestart", fixture, log: log)]
      hooks.createRuntime = [hook("createRuntime", fixture, log: log)]
      hooks.createContainer = [hook("createContainer", fixture, log: log)]
      hooks.startContainer = [hook("startContainer", fixture, log: "/tmp/log")]
      hooks.poststart = [hook("poststart", fixture, log: log)]
      hooks.poststop = [hook("poststop", fixture, log: log)]
      spec.hooks = hooks
      let inside = fixture.root.appending("tmp").appending("log")
      let host = try shell("readlink /proc/self/ns/mnt", in: "/").split(separator: "\n")[0]
      let id = try fixture.id()
      var pid: Int32 = 0
      try await fixture.withCreated(spec) { id in
        pid = try #require(try fixture.runtime.state(id).pid)
        let created = try FileContents.text(FilePath(log)).split(separator: "\n")
        #expect(created.map { $0.prefix { $0 != " " } } == ["prestart", "createRuntime", "createContainer"])
        #expect(try FileContents.textIfPresent(inside) == nil)
        let namespace = try shell("readlink /proc/\(pid)/ns/mnt", in: "/").split(separator: "\n")[0]
        for (line, expected) in zip(created, [host, host, namespace]) {
          let parts = line.split(separator: " ", maxSplits: 4)
          #expect(parts[1] == expected, "\(line)")
          #expect(parts[3] == parts[0], "the environment is the hook's own")
          let state = try OCI.State(parsing: Array(parts[4].utf8), as: "the state", code: .hook)
          #expect(state.id == id.description)
          #expect(state.status == .creating)
          #expect(parts[0] == "createContainer" ? state.pid == 1 || state.pid == pid : state.pid == pid, "\(line)")
          #expect(state.bundle == fixture.bundle.string)
          #expect(state.annotations == ["a": "b"])
        }
        try fixture.runtime.start(id)
        #expect(try FileContents.text(inside).contains("\"status\":\"created\""))
        let all = try FileContents.text(FilePath(log)).split(separator: "\n")
        #expect(all.count == 4)
        #expect(all.last?.hasPrefix("poststart \(host) ") == true)
        #expect(all.last?.contains("\"status\":\"running\"") == true)
      }
      let all = try FileContents.text(FilePath(log)).split(separator: "\n")
      #expect(all.count == 5)
      #expect(all.last?.hasPrefix("poststop \(host) ") == true)
      #expect(all.last?.contains("\"status\":\"stopped\"") == true)
      #expect(all.last?.contains("\"id\":\"\(id)\"") == true)
    }
  }

  @Test(arguments: ["prestart", "createRuntime", "createContainer"])
  func aHookThatFailsOrHangsRefusesTheContainer(kind: String) async throws {
    try await OCIFixture.with { fixture in
      for (arguments, timeout, code) in [
        (["sh", "-c", "exit 4"], nil, ContainrError.Code.hook), (["sh", "-c", "exec sleep 1000"], 1, .timeout),
      ] {
        var spec = fixture.spec("sleep", "1000")
        let hook = OCI.RuntimeSpec.Hook(path: "/bin/sh", args: arguments, env: ["PATH=/bin:/usr/bin"], timeout: timeout)
        spec.hooks = .init()
        switch kind {
        case "prestart": spec.hooks?.prestart = [hook]
        case "createRuntime": spec.hooks?.createRuntime = [hook]
        default: spec.hooks?.createContainer = [hook]
        }
        let error = try await fixture.refusal(spec)
        #expect(error.code == code || error.code == .hook, "\(error)")
      }
    }
  }

  @Test func aFailingPoststartHookKillsTheContainerAndAFailingPoststopHookIsToldOnly() async throws {
    try await OCIFixture.with { fixture in
      var spec = fixture.spec("sleep", "1000")
      spec.hooks = .init()
      spec.hooks?.poststart = [.init(path: "/bin/false")]
      spec.hooks?.poststop = [.init(path: "/bin/false")]
      let id = try fixture.id()
      let process = try fixture.runtime.create(id, Bundle(fixture.bundle, spec: spec))
      let error = #expect(throws: ContainrError.self) { try fixture.runtime.start(id) }
      #expect(error?.code == .hook)
      #expect(try process.process.reap() == .signaled(.kill))
      try fixture.runtime.delete(id)
      #expect(try fixture.runtime.list().isEmpty)
    }
  }

  @Test func aFailingStartContainerHookStopsTheContainerBeforeItsProgram() async throws {
    try await OCIFixture.with { fixture in
      var spec = fixture.spec("sh", "-c", "echo ran > /tmp/ran")
      spec.hooks = .init()
      spec.hooks?.startContainer = [.init(path: "/bin/false")]
      try await fixture.withCreated(spec) { id in
        let error = #expect(throws: ContainrError.self) { try fixture.runtime.start(id) }
        #expect(error?.code == .hook)
        try await eventually("stopped") { try fixture.runtime.state(id).status == .stopped }
        #expect(status(fixture.root.appending("tmp").appending("ran")) == nil)
      }
    }
  }
}

@Suite("Refused OCI configurations", .requires(.root, .file("/bin/busybox"))) struct OCIRefusalTests {
  @Test func whatIsWrongLeavesNothing() async throws {
    try await OCIFixture.with { fixture in
      func refuse(_ code: ContainrError.Code, _ change: (inout OCI.RuntimeSpec) -> Void) async throws {
        var spec = fixture.spec("sleep", "1000")
        change(&spec)
        let error = try await fixture.refusal(spec)
        #expect(error.code == code, "\(error)")
      }
      try await refuse(.invalidConfiguration) { $0.process = nil }
      try await refuse(.rootfsNotFound) { $0.root = .init(path: "nothing") }
      try await refuse(.commandNotFound) { $0.process?.args = ["nothing-here"] }
      try await refuse(.pathEscape) { $0.linux?.cgroupsPath = "/a/../../b" }
      try await refuse(.invalidArgument) { $0.process?.terminal = true }
      try await refuse(.namespaceJoin) { $0.linux?.namespaces = [.init(.mount), .init(.pid, path: "/etc/passwd")] }
      try await refuse(.invalidConfiguration) { $0.process?.rlimits = [.init(type: "RLIMIT_NOTHING", hard: 1, soft: 1)] }
      try await refuse(.unsupported) { $0.linux?.intelRdt = .init() }
    }
  }
}
