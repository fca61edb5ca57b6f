import CContainrLinux
import ContainrImage
import ContainrRuntime
import ContainrTestSupport
import Glibc
import SystemPackage
import Testing

@Suite(.requires(.root, .file("/bin/busybox"))) struct LimitTests {
  @Test(.requires(.cgroupV1("memory"))) func aProgramPastItsMemoryIsKilledAndThatIsReported() async throws {
    try await Fixture.with { fixture in
      var configuration = fixture.configuration("sh", "-c", "exec tail /dev/zero")
      configuration.resources.memory.limit = .mebibytes(16)
      try await withContainer(configuration, in: fixture.state) { container in
        let status = try await container.wait()
        #expect(status == .signaled(.kill))
        #expect(status.code == 137)
        let isCounted = try await container.oomKills() > 0
        #expect(isCounted)
        let isLimited = try await container.statistics().memory?.limit == .mebibytes(16)
        #expect(isLimited)
      }
    }
  }

  @Test(.requires(.cgroupV1("memory"))) func aProgramWithinItsMemoryHasNoOOMKill() async throws {
    try await Fixture.with { fixture in
      try await fixture.withShell {
        $0.resources.memory.limit = .mebibytes(32)
      } _: { container in
        let kills = try await container.oomKills()
        #expect(kills == 0)
        let statistics = try await container.statistics()
        #expect((statistics.memory?.usage.bytes ?? 0) > 0)
      }
    }
  }

  @Test(.requires(.cgroupV1("pids"))) func pastTheLimitOfProcessesForkFails() async throws {
    try await Fixture.with { fixture in
      let (output, status) = try await fixture.shell(
        "for i in 1 2 3 4 5 6 7 8 9; do sleep 5 & done; echo all"
      ) { $0.resources.pids.limit = 5 }
      #expect(output.contains("Resource temporarily unavailable") || output.contains("can't fork"))
      #expect(!output.contains("all"))
      #expect(!status.isSuccess)
    }
  }

  @Test(.requires(.cgroupV1("cpu"))) func theQuotaOfCPUTimeIsTheContainersAndBites() async throws {
    try await Fixture.with { fixture in
      try await fixture.withShell {
        $0.resources.cpu.quota = try CPUQuota(cpus: 0.1)
        $0.process.arguments = ["sh", "-c", "while :; do :; done"]
      } _: { container in
        let (output, _) = try await fixture.execute(
          "cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us /sys/fs/cgroup/cpu/cpu.cfs_period_us", in: container)
        #expect(output == "10000\n100000\n")
        try await eventually("throttled") { try await (container.statistics().cpu?.throttledPeriods ?? 0) > 0 }
      }
    }
  }

  @Test func executedProgramsCountInTheContainersCgroup() async throws {
    try await Fixture.with { fixture in
      try await fixture.withShell { container in
        let (output, _) = try await fixture.execute(
          "cat /proc/self/cgroup | grep -v ':/$'; cat /proc/1/cgroup | cmp - /proc/self/cgroup && echo same", in: container)
        #expect(output == "same\n")
      }
    }
  }

  @Test func resourceLimitsOfTheProcessAreSet() async throws {
    try await Fixture.with { fixture in
      let (output, _) = try await fixture.shell("ulimit -Sn; ulimit -Hn; ulimit -Sc; cat /proc/self/oom_score_adj; umask") {
        $0.process.resourceLimits = [
          try ResourceLimit(parsing: "nofile=100:200"), ResourceLimit(.core, soft: 0, hard: 0),
        ]
        $0.process.oomScoreAdjustment = 500
        $0.process.fileModeMask = 0o077
      }
      #expect(output == "100\n200\n0\n500\n0077\n")
    }
  }

  @Test func aContainerWithoutACgroupRunsAndRefusesLimits() async throws {
    try await Fixture.with { fixture in
      let (output, status) = try await fixture.shell("echo fine") { $0.hasCgroup = false }
      #expect(output == "fine\n" && status.isSuccess)
      var configuration = fixture.configuration("true")
      configuration.hasCgroup = false
      configuration.resources.pids.limit = 10
      let error = try await fixture.refusal(configuration)
      #expect(error.code == .invalidConfiguration)
    }
  }
}
