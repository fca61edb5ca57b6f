import ContainrCore
import ContainrTestSupport
import SystemPackage
import Testing

/// `containr run`: limits, mounts, rights.
@Suite(.requires(.root, .file("/bin/busybox"))) struct LimitTests {
  @Test(.requires(.cgroupV1("memory"), .cgroupV1("cpu"), .cgroupV1("pids"))) func limitsStandInTheContainersCgroup()
    async throws
  {
    try await Tool.with { tool in
      let outcome = try await tool.shell(
        "-m", "64m", "--cpus", "0.5", "--pids", "20",
        script: """
          cd /sys/fs/cgroup
          cat memory/memory.limit_in_bytes cpu/cpu.cfs_quota_us cpu/cpu.cfs_period_us pids/pids.max
          """)
      #expect(outcome.output == "67108864\n50000\n100000\n20\n")
    }
  }

  @Test(.requires(.cgroupV1("memory"))) func aContainerPastItsMemoryIsKilledAndSaysWhy() async throws {
    try await Tool.with { tool in
      let outcome = try await tool("run", "--memory", "16m", "containr/busybox", "tail", "/dev/zero")
      #expect(outcome.status == 137)
      outcome.expectFailure(mentioning: "memory limit")
    }
  }

  @Test(.requires(.cgroupV1("pids"))) func moreProcessesThanAllowedCannotBeMade() async throws {
    try await Tool.with { tool in
      let outcome = try await tool.shell(
        "--pids-limit", "5", script: "for i in 1 2 3 4 5 6 7 8; do sleep 5 & done; echo not reached; kill 0")
      #expect(outcome.status != 0)
      #expect(outcome.error.contains("can't fork"))
    }
  }

  @Test func resourceLimitsAreSet() async throws {
    try await Tool.with { tool in
      let outcome = try await tool.shell(
        "--ulimit", "nofile=64:128", "--ulimit", "core=0", script: "ulimit -Sn; ulimit -Hn; ulimit -c")
      #expect(outcome.output == "64\n128\n0\n")
    }
  }

  @Test func kernelParametersAreSet() async throws {
    try await Tool.with { tool in
      let outcome = try await tool.shell(
        "--sysctl", "net.ipv4.ip_forward=1", "--sysctl", "kernel.shmmni=77",
        script: "cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/shmmni")
      #expect(outcome.output == "1\n77\n", "\(outcome)")
    }
  }

  // MARK: Mounts

  @Test func directoriesFilesAndVolumesAreMounted() async throws {
    try await Tool.with { tool in
      let shared = tool.directory.appending("shared")
      try FileTree.makeDirectories(shared, mode: 0o755)
      try FileContents.replace(shared.appending("file"), with: "first\n".utf8, durable: false)
      let readable = try await tool.shell(
        "-v", "\(shared):/in:ro", script: "cat /in/file; touch /in/new; rm /in/file; mount -o remount,rw /in")
      #expect(readable.output == "first\n")
      #expect(readable.error.components(separatedBy: "Read-only file system").count == 3)
      #expect(try FileTree.names(in: shared) == ["file"])
      let writable = try await tool.shell("-v", "\(shared):/deep/in", script: "echo second > /deep/in/made")
      #expect(writable.status == 0)
      #expect(try FileContents.text(shared.appending("made")) == "second\n")
      let file = try await tool.shell("-v", "\(shared)/file:/etc/one:ro", script: "cat /etc/one; echo x > /etc/one")
      #expect(file.output == "first\n")
      #expect(file.error.contains("Read-only file system"))
    }
  }

  @Test func aNamedVolumeOutlivesItsContainers() async throws {
    try await Tool.with { tool async throws in
      #expect(try await tool.shell("-v", "keep:/data", script: "echo kept > /data/file").status == 0)
      #expect(try await tool.shell("-v", "keep:/elsewhere", script: "cat /elsewhere/file").output == "kept\n")
      #expect(try await tool.shell("-v", "other:/data", script: "ls /data").output == "")
    }
  }

  @Test func aMountOfMemoryHasTheSizeAskedFor() async throws {
    try await Tool.with { tool in
      let outcome = try await tool.shell(
        "--tmpfs", "/mem:size=1m,mode=700",
        script: "stat -c %a /mem; df -k /mem | tail -1 | awk '{print $1, $2}'; dd if=/dev/zero of=/mem/x bs=1k count=2000")
      #expect(outcome.output == "700\ntmpfs 1024\n")
      #expect(outcome.error.contains("No space left on device"))
    }
  }

  @Test func aReadOnlyRootTakesNoChanges() async throws {
    try await Tool.with { tool in
      let outcome = try await tool.shell("--read-only", "--tmpfs", "/tmp", script: "touch /tmp/fine && touch /no")
      #expect(outcome.status == 1)
      #expect(outcome.error.contains("Read-only file system"))
    }
  }

  @Test("Changes stay in the container", arguments: ["disk", "memory"])
  func changes(place: String) async throws {
    try await Tool.with { tool in
      let outcome = try await tool.shell("--writable-layer", place, script: "echo x > /etc/new && rm /bin/cat && ls /etc/new")
      #expect(outcome.output == "/etc/new\n")
      #expect(try await tool.shell(script: "ls /etc/new /bin/cat").output == "/bin/cat\n")
    }
  }

  // MARK: Rights

  /// The effective capabilities inside, as a number.
  private func capabilities(_ tool: Tool, _ options: [String]) async throws -> UInt64 {
    let outcome = try await tool(["run"] + options + ["containr/busybox", "grep", "CapEff", "/proc/self/status"])
    return try #require(UInt64(outcome.output.dropFirst(8).dropLast(), radix: 16), "\(outcome)")
  }

  @Test func capabilitiesAreAddedAndDropped() async throws {
    try await Tool.with { tool in
      let standard = try await capabilities(tool, [])
      #expect(standard == 0xa804_25fb)
      #expect(try await capabilities(tool, ["--cap-add", "NET_ADMIN"]) == standard | 1 << 12)
      #expect(try await capabilities(tool, ["--cap-add", "cap_net_admin", "--cap-drop", "CHOWN"]) == (standard | 1 << 12) & ~1)
      #expect(try await capabilities(tool, ["--cap-drop", "ALL"]) == 0)
      #expect(try await capabilities(tool, ["--cap-drop", "ALL", "--cap-add", "KILL"]) == 1 << 5)
    }
  }

  @Test func theFilterAndTheBanOnNewPrivilegesAreThereUntilTheyAreTakenAway() async throws {
    try await Tool.with { tool async throws in
      let script = "awk '/^(NoNewPrivs|Seccomp):/ {print $2}' /proc/self/status"
      #expect(try await tool.shell(script: script).output == "1\n2\n")
      #expect(try await tool.shell("--security-opt", "seccomp=unconfined", script: script).output == "1\n0\n")
      #expect(try await tool.shell("--security-opt", "no-new-privileges=false", script: script).output == "0\n2\n")
      #expect(try await tool.shell("--privileged", script: script).output == "0\n0\n")
    }
  }

  @Test func onlyAPrivilegedContainerMayMountAndSeesDevices() async throws {
    try await Tool.with { tool in
      let script = "mount -t tmpfs none /mnt 2>&1; mkdir -p /mnt && mount -t tmpfs none /mnt && echo mounted"
      let plain = try await tool.shell(script: script)
      #expect(plain.status != 0)
      #expect(!plain.output.contains("mounted"))
      #expect(try await tool.shell("--privileged", script: script).output.hasSuffix("mounted\n"))
    }
  }

  @Test func theNetworkIsOnlyTheLoopbackUnlessItIsTheHosts() async throws {
    try await Tool.with { tool in
      let script = "ip -o link | cut -d: -f2"
      #expect(try await tool.shell(script: script).output == " lo\n")
      #expect(try await tool.shell("--network", "none", script: "ping -c 1 127.0.0.1 >/dev/null && echo up").output == "up\n")
      let inside = try await tool.shell("--network", "host", script: "readlink /proc/self/ns/net").output
      #expect(try await host("readlink /proc/self/ns/net", in: tool.directory) == inside)
    }
  }
}
