import ContainrCore
import ContainrTestSupport
import SystemPackage
import Testing

/// A containerd of the test's own, with `ctr`, over `containr-oci`, and the same over runc.
@Suite(.requires(.root, .program("containerd"), .program("ctr"), .program("runc"), .file("/bin/busybox")), .serialized)
struct ContainerdTests {
  private func withContainerd(_ runtime: EngineRuntime, _ body: (Engine) async throws -> Void) async throws {
    try await Engine.withPlace { directory, name in
      let configuration = directory.appending("config.toml")
      try write(
        """
        version = 2
        disabled_plugins = ["io.containerd.grpc.v1.cri"]
        [plugins."io.containerd.internal.v1.opt"]
        path = "\(directory)/opt"
        """.utf8, to: configuration)
      let words = [
        "--mount", "--net", "/usr/bin/containerd", "--config", configuration.string, "--root", "\(directory)/root", "--state",
        "\(directory)/state", "--address", "\(directory)/socket",
      ]
      let daemon = try Invocation(program: "/usr/bin/unshare", words, in: directory, input: nil, environment: [])
      var ctr = Engine(directory: directory, name: name, runtime: runtime, program: "/usr/bin/ctr")
      // The namespace of containerd is the parent of the cgroups.
      ctr.options = ["--address", "\(directory)/socket", "--namespace", name]
      let result: Result<Void, any Error>
      do {
        try await eventually("containerd in \(directory)") { try await ctr("version").status == 0 }
        result = .success(try await body(ctr))
      } catch { result = .failure(error) }
      // Tasks outlive containerd.
      for id in try await ctr("container", "ls", "-q").output.split(separator: "\n") {
        try await ctr("task", "rm", "-f", String(id))
        try await ctr("container", "rm", String(id))
      }
      try daemon.process.send(.terminate)
      _ = try await daemon.wait()
      try result.get()
    }
  }

  @Test(arguments: EngineRuntime.allCases)
  func containersRunAndTasksObey(_ runtime: EngineRuntime) async throws {
    try await withContainerd(runtime) { ctr in
      let options = ["--runc-binary", try runtime.program, "--rootfs", "--env", "PATH=/bin"]
      let root = "\(ctr.directory)/image"
      func run(_ words: String...) async throws -> Tool.Outcome {
        try await ctr.run(["run", "--rm"] + options + [root, "once"] + words)
      }
      #expect(try await run("echo", "hi") == Tool.Outcome(status: 0, output: "hi\n", error: ""))
      #expect(try await run("sh", "-c", "exit 7").status == 7)
      #expect(try await run("nope").error.contains("exec: \"nope\": executable file not found in $PATH"))

      let script = "trap 'exit 3' TERM; while :; do sleep 0.1; done"
      let started = try await ctr.run(["run", "-d"] + options + [root, "c", "sh", "-c", script])
      try #require(started.status == 0, "\(started)")
      #expect(try await ctr.text("task", "exec", "--exec-id", "1", "c", "echo", "in") == "in")
      #expect(try await ctr("task", "exec", "--exec-id", "2", "c", "sh", "-c", "exit 5").status == 5)
      #expect(try await ctr("task", "exec", "--exec-id", "3", "c", "nope").status == 1)
      #expect(try await ctr.text("task", "exec", "--exec-id", "4", "--user", "1000", "c", "id", "-u") == "1000")
      try await ctr.text("task", "pause", "c")
      #expect(try await ctr.text("task", "ls").contains("PAUSED"))
      try await ctr.text("task", "resume", "c")
      #expect(try await ctr.text("task", "metrics", "c").contains("pids.current"))
      #expect(try await ctr.text("task", "ps", "c").split(separator: "\n").count >= 2)
      try await ctr.text("task", "kill", "-s", "TERM", "c")
      try await eventually("the end of the task") { try await ctr.text("task", "ls").contains("STOPPED") }
      #expect(try await ctr("task", "rm", "c").error.contains("exit code 3"))
      try await ctr.text("container", "rm", "c")

      let second = try await ctr.run(["run", "-d"] + options + [root, "d", "sleep", "600"])
      try #require(second.status == 0, "\(second)")
      try await ctr.text("task", "kill", "-a", "-s", "KILL", "d")
      try await eventually("the end of the task") { try await ctr.text("task", "ls").contains("STOPPED") }
      try await ctr("task", "rm", "d")
      try await ctr.text("container", "rm", "d")
    }
  }
}
