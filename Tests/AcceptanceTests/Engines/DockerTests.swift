import ContainrCore
import ContainrTestSupport
import SystemPackage
import Testing

/// A Docker daemon of the test's own over `containr-oci`, and the same over runc.
@Suite(
  .requires(.root, .file("/usr/sbin/dockerd"), .file("/usr/bin/docker"), .program("runc"), .file("/bin/busybox")), .serialized)
struct DockerTests {
  private func withDocker(_ runtime: EngineRuntime, _ body: (Engine) async throws -> Void) async throws {
    try await Engine.withPlace { directory, name in
      // In namespaces of its own the daemon changes neither the host's network nor its mounts.
      let words = [
        "--mount", "--net", "/usr/sbin/dockerd", "--data-root", "\(directory)/data", "--exec-root", "\(directory)/exec",
        "--host", "unix://\(directory)/socket", "--pidfile", "\(directory)/pid", "--bridge", "none", "--iptables=false",
        "--ip-forward=false", "--ip-masq=false", "--cgroup-parent", "/\(name)", "--add-runtime",
        "containr=\(try EngineRuntime.containr.program)", "--default-runtime", runtime.rawValue,
      ]
      let daemon = try Invocation(program: "/usr/bin/unshare", words, in: directory, input: nil, environment: [])
      var docker = Engine(directory: directory, name: name, runtime: runtime, program: "/usr/bin/docker")
      docker.options = ["--host", "unix://\(directory)/socket"]
      docker.environment = ["DOCKER_CONFIG=\(directory)/client", "DOCKER_BUILDKIT=0"]
      let result: Result<Void, any Error>
      do {
        try await eventually("dockerd in \(directory)") { try await docker("version").status == 0 }
        try await docker.text("import", "--change", "ENV PATH=/bin", "\(directory)/image.tar", "box")
        try await body(docker)
        for id in try await docker.text("ps", "-aq").split(separator: "\n") { try await docker.text("rm", "-f", String(id)) }
        result = .success(())
      } catch { result = .failure(error) }
      try daemon.process.send(.terminate)
      _ = try await daemon.wait()
      try result.get()
    }
  }

  @Test(arguments: EngineRuntime.allCases)
  func runGivesOutputAndStatus(_ runtime: EngineRuntime) async throws {
    try await withDocker(runtime) { docker in
      func run(_ words: String...) async throws -> Tool.Outcome {
        try await docker.run(["run", "--rm", "--network", "none"] + words)
      }
      #expect(try await run("box", "echo", "hi") == Tool.Outcome(status: 0, output: "hi\n", error: ""))
      #expect(try await run("box", "sh", "-c", "exit 7").status == 7)
      #expect(try await run("box", "nope").status == 127)
      #expect(try await run("box", "/nope").status == 127)
      #expect(try await run("box", "/etc").status == 126)
      let rights = try await run(
        "--user", "1000", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--memory", "32m", "--pids-limit", "50",
        "box",
        "grep", "-E", "^(Uid|CapEff|NoNewPrivs|Seccomp):", "/proc/self/status")
      #expect(rights.output == "Uid:\t1000\t1000\t1000\t1000\nCapEff:\t0000000000000000\nNoNewPrivs:\t1\nSeccomp:\t2\n")
      #expect(try await run("--memory", "16m", "box", "sh", "-c", "exec tail /dev/zero").status == 137)
      #expect(try await run("-w", "/new/place", "box", "pwd").output == "/new/place\n")
    }
  }

  @Test(arguments: EngineRuntime.allCases)
  func containerInTheBackgroundLivesItsLife(_ runtime: EngineRuntime) async throws {
    try await withDocker(runtime) { docker in
      let script = "trap 'echo bye; exit 3' TERM; echo up; while :; do sleep 0.1; done"
      try await docker.text("run", "-d", "--name", "life", "--network", "none", "box", "sh", "-c", script)
      try await eventually("the container's first line") { try await docker.text("logs", "life") == "up" }
      #expect(try await docker.text("exec", "-i", "life", "cat", input: "in") == "in")
      #expect(try await docker("exec", "life", "sh", "-c", "exit 5").status == 5)
      #expect(try await docker("exec", "life", "nope").status == 126)
      #expect(try await docker.text("exec", "-t", "life", "tty") == "/dev/pts/0")
      #expect(try await docker.text("top", "life").contains("sleep 0.1"))
      try await docker.text("pause", "life")
      #expect(try await docker.text("inspect", "life", "--format", "{{.State.Status}}") == "paused")
      try await docker.text("unpause", "life")
      try await docker.text("update", "life", "--pids-limit", "77")
      #expect(
        try await docker.text("exec", "life", "sh", "-c", "cat /sys/fs/cgroup/pids/pids.max || cat /sys/fs/cgroup/pids.max")
          == "77")
      try await docker.text("stop", "life")
      #expect(try await docker.text("inspect", "life", "--format", "{{.State.Status}} {{.State.ExitCode}}") == "exited 3")
      #expect(try await docker.text("logs", "life") == "up\nbye")
      try await docker.text("restart", "life")
      try await docker.text("kill", "life")
      #expect(try await docker.text("wait", "life") == "137")
    }
  }

  @Test(arguments: EngineRuntime.allCases)
  func restartPolicyAndBuildWork(_ runtime: EngineRuntime) async throws {
    try await withDocker(runtime) { docker in
      try await docker.text(
        "run", "-d", "--name", "again", "--network", "none", "--restart", "on-failure:2", "box", "sh", "-c", "echo run; exit 1")
      try await eventually("two restarts") {
        try await docker.text("inspect", "again", "--format", "{{.State.Status}} {{.RestartCount}}") == "exited 2"
      }
      #expect(try await docker.text("logs", "again") == "run\nrun\nrun")

      let file = "FROM box\nRUN echo built >/built\nCMD cat /built\n"
      try await docker.text("build", "--network", "none", "-q", "-t", "one", "-", input: file)
      #expect(try await docker.text("run", "--rm", "--network", "none", "one") == "built")
    }
  }
}
