import ContainrCore
import ContainrTestSupport
import SystemPackage
import Testing

/// Debian's podman over `containr-oci`, and the same over runc.
@Suite(.requires(.root, .program("podman"), .program("runc"), .file("/bin/busybox")), .serialized)
struct PodmanTests {
  /// A podman with storage of its own and the image `box`.
  fileprivate func withPodman(
    _ runtime: EngineRuntime, asRoot: Bool = true, _ body: (Engine) async throws -> Void
  ) async throws {
    try await Engine.withPlace { directory, name in
      let configuration = directory.appending("containers.conf")
      // Without the capability SYS_RESOURCE limits can only be lowered.
      try write(
        """
        [containers]
        default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
        [engine]
        events_logger = "file"
        runtime_supports_json = ["runc", "containr-oci"]
        runtime_supports_nocgroups = ["containr-oci"]
        [engine.runtimes]
        containr-oci = ["\(try EngineRuntime.containr.program)"]
        runc = ["\(try EngineRuntime.runc.program)"]
        """.utf8, to: configuration)
      var podman = Engine(directory: directory, name: name, runtime: runtime, program: "/usr/bin/podman")
      podman.options = [
        "--root", "\(directory)/root", "--runroot", "\(directory)/run", "--tmpdir", "\(directory)/tmp",
        "--cgroup-manager", "cgroupfs", "--runtime", runtime == .containr ? "containr-oci" : "runc",
      ]
      podman.environment = ["CONTAINERS_CONF=\(configuration)"]
      if !asRoot {
        try await host("mkdir home session && chown -R 65534:65534 . && chmod 755 .", in: directory)
        podman.options =
          [
            "--reuid", "65534", "--regid", "65534", "--clear-groups", "/usr/bin/env", "HOME=\(directory)/home",
            "XDG_RUNTIME_DIR=\(directory)/session", "USER=nobody", podman.program, "--storage-driver", "vfs",
          ] + podman.options
        podman.program = "/usr/bin/setpriv"
      }
      try await podman.text("import", "--change", "ENV PATH=/bin", "\(directory)/image.tar", "box")
      let result: Result<Void, any Error>
      do { result = .success(try await body(podman)) } catch { result = .failure(error) }
      try await podman.text("pod", "rm", "-fa", "-t", "0")
      try await podman.text("rm", "-fa", "-t", "0")
      if !asRoot { try await podman.endPause() }
      try result.get()
    }
  }

  @Test(arguments: EngineRuntime.allCases)
  func runGivesOutputAndStatus(_ runtime: EngineRuntime) async throws {
    try await withPodman(runtime) { podman in
      #expect(try await podman.running(["echo", "hi"]) == Tool.Outcome(status: 0, output: "hi\n", error: ""))
      #expect(try await podman.running(["sh", "-c", "exit 7"]).status == 7)
      let missing = try await podman.running(["nope"])
      #expect(missing.status == 127)
      #expect(missing.error.contains("exec: \"nope\": executable file not found in $PATH"))
      let refused = try await podman.running(["/etc"])
      #expect(refused.status == 126)
      #expect(refused.error.contains("exec: \"/etc\": permission denied"))
      #expect(try await podman.running(["-t"], ["tty"]).output == "/dev/pts/0\r\n")
    }
  }

  @Test(arguments: EngineRuntime.allCases)
  func containerInTheBackgroundLivesItsLife(_ runtime: EngineRuntime) async throws {
    try await withPodman(runtime) { podman in
      let script = "trap 'echo bye; exit 3' TERM; echo up; while :; do sleep 0.1; done"
      try await podman.text(
        "run", "-d", "--name", "c", "--network", "none", "--cgroup-parent", podman.name, "box", "sh", "-c", script)
      try await eventually("the container's first line") { try await podman.text("logs", "c") == "up" }

      #expect(try await podman.text("exec", "-i", "c", "cat", input: "in") == "in")
      #expect(try await podman("exec", "c", "sh", "-c", "exit 5").status == 5)
      #expect(try await podman("exec", "c", "nope").status == 127)
      #expect(try await podman("exec", "c", "/etc").status == 126)
      let own = try await podman.text("exec", "-u", "1000", "-w", "/tmp", "-e", "A=B", "c", "sh", "-c", "id -u; pwd; echo $A")
      #expect(own == "1000\n/tmp\nB")
      #expect(try await podman.text("exec", "-t", "c", "tty") == "/dev/pts/0")
      #expect(try await podman.text("top", "c", "pid", "args").contains("sleep 0.1"))
      #expect(try await podman.text("stats", "--no-stream", "--format", "{{.PIDs}}", "c") != "0")

      try await podman.text("pause", "c")
      #expect(try await podman.text("inspect", "c", "--format", "{{.State.Status}}") == "paused")
      try await podman.text("unpause", "c")

      try await podman.text("cp", "\(podman.directory)/containers.conf", "c:/root/file")
      #expect(try await podman.text("exec", "c", "cat", "/root/file").hasPrefix("[containers]"))
      try await podman.text("commit", "-q", "c", "copy")
      #expect(try await podman.running(["cat", "/root/file"], of: "copy").output.hasPrefix("[containers]"))

      try await podman.text("stop", "c")
      #expect(try await podman.text("inspect", "c", "--format", "{{.State.Status}} {{.State.ExitCode}}") == "exited 3")
      #expect(try await podman.text("logs", "c") == "up\nbye")
      try await podman.text("start", "c")
      try await podman.text("kill", "c")
      #expect(try await podman.text("wait", "c") == "137")
      try await podman.text("rm", "c")
    }
  }

  @Test(arguments: EngineRuntime.allCases)
  func flagsForLimitsAndRightsTakeEffect(_ runtime: EngineRuntime) async throws {
    try await withPodman(runtime) { podman in
      let limits = try await podman.running(
        ["--memory", "32m", "--pids-limit", "50", "--cpus", "0.5"],
        [
          "sh", "-c",
          "cd /sys/fs/cgroup && cat memory/memory.limit_in_bytes pids/pids.max cpu/cpu.cfs_quota_us || cat memory.max pids.max cpu.max",
        ])
      #expect(limits.output == "33554432\n50\n50000\n" || limits.output == "33554432\n50\n50000 100000\n", "\(limits)")
      #expect(try await podman.running(["--memory", "16m"], ["sh", "-c", "exec tail /dev/zero"]).status == 137)
      let rights = try await podman.running(
        ["--user", "1000", "--cap-drop", "all", "--cap-add", "net_raw", "--security-opt", "no-new-privileges"],
        ["grep", "-E", "^(Uid|CapEff|NoNewPrivs|Seccomp):", "/proc/self/status"])
      #expect(rights.output == "Uid:\t1000\t1000\t1000\t1000\nCapEff:\t0000000000002000\nNoNewPrivs:\t1\nSeccomp:\t2\n")
      let open = try await podman.running(
        ["--security-opt", "seccomp=unconfined", "--privileged"], ["grep", "Seccomp:", "/proc/self/status"])
      #expect(open.output == "Seccomp:\t0\n")
      #expect(try await podman.running(["--read-only"], ["sh", "-c", "touch /x || touch /tmp/x"]).status == 0)
      #expect(try await podman.running(["--read-only"], ["touch", "/x"]).status == 1)
      let volume = try await podman.running(
        ["-v", "\(podman.directory)/image:/v:ro"], ["sh", "-c", "cat /v/etc/group; touch /v/x"])
      #expect(volume.output == "root:x:0:\n" && volume.status == 1)
      let mapped = try await podman.running(
        ["--uidmap", "0:100000:1000", "--gidmap", "0:200000:1000"], ["sh", "-c", "cat /proc/self/uid_map; touch /x; ls -ln /x"])
      #expect(mapped.output.split(whereSeparator: \.isWhitespace).prefix(7).suffix(4).joined(separator: " ").hasSuffix("1 0 0"))
      #expect(
        try await podman.running(["--sysctl", "net.ipv4.ip_forward=1"], ["cat", "/proc/sys/net/ipv4/ip_forward"]).output
          == "1\n")
      #expect(try await podman.running(["--device", "/dev/null:/dev/other"], ["test", "-c", "/dev/other"]).status == 0)
      #expect(try await podman.running(["--pid", "host"], ["sh", "-c", "test $$ != 1"]).status == 0)
      #expect(try await podman.running(["--oom-score-adj", "500"], ["cat", "/proc/self/oom_score_adj"]).output == "500\n")
    }
  }

  @Test(.requires(.file("/usr/bin/catatonit")), arguments: EngineRuntime.allCases)
  func initReapsAndPassesTheStatusOn(_ runtime: EngineRuntime) async throws {
    try await withPodman(runtime) { podman in
      let outcome = try await podman.running(
        ["--init", "--init-path", "/usr/bin/catatonit"], ["sh", "-c", "cat /proc/1/comm; exit 4"])
      #expect(outcome == Tool.Outcome(status: 4, output: "podman-init\n", error: ""))
    }
  }

  @Test(arguments: EngineRuntime.allCases)
  func podSharesNamespacesAndHealthIsProbed(_ runtime: EngineRuntime) async throws {
    try await withPodman(runtime) { podman in
      try await podman.text(
        "pod", "create", "--name", "p", "--network", "none", "--infra-image", "box", "--infra-command", "sleep 600", "--share",
        "ipc,net,uts,pid", "--cgroup-parent", podman.name)
      try await podman.text(
        "run", "-d", "--pod", "p", "--name", "member", "--health-cmd", "test -f /ok", "--health-interval", "disable",
        "--health-retries", "1", "box", "sleep", "601")
      let seen = try await podman.text("run", "--rm", "--pod", "p", "box", "sh", "-c", "ps; hostname")
      #expect(seen.contains("sleep 600") && seen.contains("sleep 601") && seen.hasSuffix("\np"))
      #expect(try await podman("healthcheck", "run", "member").status == 1)
      try await podman.text("exec", "member", "touch", "/ok")
      #expect(try await podman("healthcheck", "run", "member").status == 0)
      try await podman.text("pod", "pause", "p")
      try await podman.text("pod", "unpause", "p")
      try await podman.text("pod", "stop", "-t", "0", "p")
    }
  }

  @Test(.requires(.program("buildah")), arguments: EngineRuntime.allCases)
  func buildsRunTheirSteps(_ runtime: EngineRuntime) async throws {
    try await withPodman(runtime) { podman in
      let file = podman.directory.appending("Containerfile")
      try write("FROM box\nRUN echo built >/built\nCMD cat /built\n".utf8, to: file)
      // The parent is the cgroup of the step itself: it must have no children.
      let arguments = [
        "--isolation", "oci", "--network", "none", "--cgroup-parent", podman.name + "-build", "-q", "-f", file.string,
      ]
      let built = try await podman.run(["build", "-t", "one"] + arguments + ["\(podman.directory)/image"])
      try #require(built.status == 0, "\(built)")
      #expect(try await podman.running([], of: "one").output == "built\n")

      var buildah = Engine(directory: podman.directory, name: podman.name, runtime: runtime, program: "/usr/bin/buildah")
      buildah.options = ["--root", "\(podman.directory)/root", "--runroot", "\(podman.directory)/run"]
      buildah.environment = podman.environment
      let outcome = try await buildah.run(
        ["bud", "--runtime", try runtime.program, "-t", "two"] + arguments + ["\(podman.directory)/image"])
      try #require(outcome.status == 0, "\(outcome)")
      #expect(try await podman.running([], of: "two").output == "built\n")
    }
  }
}

extension PodmanTests {
  /// The user 65534 has no subordinate ids: podman makes a user namespace with one, and calls the runtime in there.
  @Test(.requires(.file("/usr/bin/setpriv")), arguments: EngineRuntime.allCases)
  func ordinaryUserRunsContainers(_ runtime: EngineRuntime) async throws {
    try await withPodman(runtime, asRoot: false) { podman in
      let outcome = try await podman.run(["run", "--rm", "--network", "none", "box", "cat", "/proc/self/uid_map"])
      #expect(outcome.output.split(whereSeparator: \.isWhitespace) == ["0", "65534", "1"], "\(outcome)")
      #expect(try await podman("run", "--rm", "--network", "none", "box", "sh", "-c", "exit 7").status == 7)
      #expect(try await podman("run", "--rm", "--network", "none", "box", "nope").status == 127)
      try await podman.text("run", "-d", "--name", "c", "--network", "none", "box", "sleep", "600")
      #expect(try await podman.text("exec", "c", "id", "-u") == "0")
      #expect(try await podman("exec", "c", "sh", "-c", "exit 5").status == 5)
      try await podman.text("kill", "c")
      #expect(try await podman.text("wait", "c") == "137")
    }
  }
}

extension Engine {
  /// Runs a container to its end that is removed then.
  fileprivate func running(_ options: [String], _ command: [String]) async throws -> Tool.Outcome {
    try await run(["run", "--rm", "--network", "none", "--cgroup-parent", name] + options + ["box"] + command)
  }

  /// Ends the process that keeps the user namespace of a podman without root.
  fileprivate func endPause() async throws {
    for file in ["session/libpod/tmp/pause.pid", "tmp/pause.pid"].map({ directory.pushing(FilePath($0)) })
    where file.existing != nil {
      try await host("kill \(try FileContents.text(file))", in: directory)
    }
  }

  fileprivate func running(_ command: [String], of image: String = "box") async throws -> Tool.Outcome {
    try await run(["run", "--rm", "--network", "none", "--cgroup-parent", name, image] + command)
  }
}
