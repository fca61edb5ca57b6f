import ContainrCore
import ContainrRuntime
import ContainrRuntimeTestSupport
import ContainrTestSupport
import Glibc
import SystemPackage
import Testing

/// Attacks from end to end, by programs of this machine in a container.
@Suite(.requires(.root, .file("/usr/bin/perl"))) struct MachineAttackTests {
  @Test func cve_2019_5736_noProgramInsideGetsAtTheRuntimeWhileItExecutesAnother() async throws {
    try await MachineFixture.with { fixture in
      var runtime = stat()
      try #require(stat("/proc/self/exe", &runtime) == 0)
      // Looks at every process there is, as fast as it can, for one that still runs the host's program.
      let watcher = """
        while (1) {
          for my $exe (glob "/proc/[0-9]*/exe") {
            my @found = stat $exe or next;
            $found[1] == \(runtime.st_ino) && $found[7] == \(runtime.st_size) or next;
            open my $file, "+<", $exe;
            syswrite STDOUT, "found\\n";
          }
        }
        """
      var configuration = fixture.configuration(["perl", "-e", "$| = 1; print qq(up\\n); \(watcher)"])
      configuration.process.streams = .captured
      try await withContainer(configuration, in: fixture.state) { container in
        let output = await container.standardOutput!
        #expect(try await output.read() == Array("up\n".utf8))
        for _ in 0..<200 { _ = try await fixture.execute(["true"], in: container) }
        try await container.signal(.kill)
        #expect(try await output.text() == "")
      }
      var after = stat()
      try #require(stat("/proc/self/exe", &after) == 0)
      // The time of the last change cannot be set back.
      #expect(after.st_ctim.tv_sec == runtime.st_ctim.tv_sec && after.st_ctim.tv_nsec == runtime.st_ctim.tv_nsec)
    }
  }

  @Test func cve_2022_31030_endlessOutputOfAnExecutedProgramEndsAtTheLimit() async throws {
    try await MachineFixture.with { fixture in
      try await withContainer(fixture.configuration(["sleep", "1000"]), in: fixture.state) { container in
        var process = ProcessConfiguration()
        process.arguments = ["cat", "/dev/zero"]
        process.streams = StandardStreams(input: .null, output: .pipe, error: .null)
        let executed = try await container.execute(process)
        let error = await #expect(throws: ContainrError.self) {
          try await executed.standardOutput!.collect(limit: .mebibytes(1))
        }
        #expect(error?.code == .resourceExhausted)
        try executed.signal(.kill)
        _ = try await executed.wait()
      }
    }
  }

  @Test func cve_2021_41091_cve_2024_25621_directoriesThatOthersCouldEnterAreClosedAtTheStart() async throws {
    try await MachineFixture.with { fixture in
      let path = fixture.directory.appending("state")
      chmod(path.string, 0o777)
      let state = try StateDirectory(path)
      #expect(status(path)?.st_mode == S_IFDIR | 0o700)
      try await withContainer(fixture.configuration(["sleep", "1000"]), in: state) { container in
        // Whatever is in there is behind that door; the container's own directory has one of its own.
        let own = path.appending("containers").appending(container.id.description)
        #expect(status(own)?.st_mode == S_IFDIR | 0o700)
      }
    }
  }

  @Test func cve_2022_0492_noCgroupIsMountedOrGivenAReleaseAgent() async throws {
    try await MachineFixture.with { fixture in
      let (output, _) = try await fixture.shell(
        """
        mkdir /tmp/cgroup
        for type in cgroup cgroup2; do mount -t $type none /tmp/cgroup 2>/dev/null && echo mounted; done
        for file in $(find /sys/fs/cgroup -name release_agent -o -name notify_on_release -o -name cgroup.procs); do
          (echo /tmp/x >$file) 2>/dev/null && echo wrote $file
        done
        echo end
        """)
      #expect(output == "end\n")
    }
  }
}
