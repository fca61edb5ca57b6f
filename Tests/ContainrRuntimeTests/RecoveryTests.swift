import CContainrLinux
import ContainrRuntime
import ContainrTestSupport
import Glibc
import SystemPackage
import Testing

/// What a start must not depend on, and what it must not leave in the program around it.
@Suite(.requires(.root, .file("/bin/busybox"))) struct RecoveryTests {
  @Test func repairMindsNoCgroupThatIsGoneAndGoesOnPastADamagedJournal() async throws {
    try await withTemporaryDirectory { directory in
      let state = try StateDirectory(directory)
      let profile = """
        {"environment":[],"workingDirectory":"/","uid":0,"gid":0,"groups":[0],"home":"/","bounding":0,"resourceLimits":[],\
        "noNewPrivileges":true,"seccomp":"unconfined","userNamespace":false,"setsGroups":true,"layers":[]}
        """
      let line = #"{"version":1,"cgroup":"containr/gone-since-a-reboot","controllers":0,"profile":"# + profile + "}\n"
      for (id, journal) in [("a-damaged", "{\n"), ("b-rebooted", line), ("c-empty", "")] {
        try FileTree.makeDirectories(directory.appending("containers/\(id)"))
        try write(journal, to: directory.appending("containers/\(id)/journal"))
      }
      #expect(throws: ContainrError.self) { try state.repair() }
      #expect(try state.list() == [try ContainerID("a-damaged")])
    }
  }

  @Test func aContainerWithoutACgroupCannotMakeDeviceNodes() async throws {
    try await Fixture.with { fixture in
      let (output, _) = try await fixture.shell("mknod /disk b 8 0; ls /disk") { $0.hasCgroup = false }
      #expect(output.contains("mknod: /disk: Operation not permitted"))
      #expect(output.contains("ls: /disk: No such file"))
    }
  }

  @Test func executedProgramsHaveTheLimitsOfTheFirst() async throws {
    try await Fixture.with { fixture in
      var configuration = fixture.configuration("sleep", "600")
      configuration.process.resourceLimits = [ResourceLimit(.nofile, soft: 64, hard: 128)]
      try await withContainer(configuration, in: fixture.state) { container in
        let output = try await fixture.execute("ulimit -Sn; ulimit -Hn", in: container).output
        #expect(output == "64\n128\n")
      }
    }
  }

  @Test func stopSendsTheStopSignalOfTheConfiguration() async throws {
    try await Fixture.with { fixture in
      var configuration = fixture.configuration("sh", "-c", "trap 'exit 7' QUIT; echo up; while :; do sleep 0.01; done")
      configuration.stopSignal = .quit
      try await withContainer(configuration, in: fixture.state) { container in
        _ = try await container.standardOutput!.read()
        let status = try await container.stop()
        #expect(status == .exited(7))
      }
    }
  }

  @Test func theProgramStaysInspectableAfterManyLaunchesAtOnce() async throws {
    // Other tests launch, too.
    try await eventually(within: .seconds(60), "the program may be inspected") { cl_prctl(3, 0, 0, 0, 0) == 1 }
    try await Fixture.with { fixture in
      try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 0..<8 {
          group.addTask {
            let (_, status) = try await fixture.shell("true") { $0.process.user = try UserSpecification(parsing: "1000") }
            #expect(status.isSuccess)
          }
        }
        try await group.waitForAll()
      }
      // The last of all launches puts it back.
      try await eventually(within: .seconds(60), "the program may be inspected") { cl_prctl(3, 0, 0, 0, 0) == 1 }
    }
  }
}
