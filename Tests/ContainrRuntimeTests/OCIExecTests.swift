import CContainrLinux
import ContainrCore
import ContainrOCI
import ContainrRuntime
import ContainrTestSupport
import Glibc
import SystemPackage
import Testing

@Suite("OCI containers", .requires(.root, .file("/bin/busybox"))) struct OCIExecTests {
  @Test func aContainerGoesFromCreatedToRunningToStoppedAndGone() async throws {
    try await OCIFixture.with { fixture in
      let id = try fixture.id()
      let (_, left) = try await withoutLeaks(marks: [fixture.directory.lastComponent!.string]) {
        let runtime = fixture.runtime
        let process = try runtime.create(id, Bundle(fixture.bundle, spec: fixture.spec("sleep", "1000")))
        #expect(try runtime.state(id).status == .created)
        #expect(try runtime.state(id).pid == process.pid)
        #expect(try fixture.run("echo hello", in: id) == "hello\n")
        try runtime.start(id)
        #expect(try runtime.state(id).status == .running)
        try await eventually("sleep runs") { try FileContents.text(FilePath("/proc/\(process.pid)/comm")) == "sleep\n" }
        #expect(throws: ContainrError.self) { try runtime.start(id) }
        #expect(throws: ContainrError.self) { try runtime.delete(id) }
        try runtime.pause(id)
        #expect(try runtime.state(id).status == .paused)
        let refusal = #expect(throws: ContainrError.self) {
          _ = try runtime.exec(id, .init(args: ["/bin/true"])).process.reap()
        }
        #expect(refusal?.hint?.contains("cannot exec in a paused container") == true)
        try runtime.resume(id)
        #expect(try runtime.state(id).status == .running)
        try runtime.kill(id, .kill)
        #expect(try process.process.reap() == .signaled(.kill))
        #expect(try runtime.state(id).status == .stopped)
        let stopped = #expect(throws: ContainrError.self) {
          _ = try runtime.exec(id, .init(args: ["/bin/true"])).process.reap()
        }
        #expect(stopped?.hint == "cannot exec in a stopped container")
        try runtime.delete(id)
        #expect(throws: ContainrError.self) { try runtime.state(id) }
      }
      #expect(left.isEmpty, "\(left)")
    }
  }

  @Test func aFurtherProcessHasTheNamespacesCgroupAndRightsOfTheFirst() async throws {
    try await OCIFixture.with { fixture in
      try await fixture.withRunning({ $0.process?.rlimits = [.init(type: "RLIMIT_NOFILE", hard: 77, soft: 66)] }) { id in
        let pid = try #require(try fixture.runtime.state(id).pid)
        let output = try fixture.run("for n in pid mnt net uts ipc cgroup; do readlink /proc/self/ns/$n; done", in: id)
        var expected = ""
        for kind in ["pid", "mnt", "net", "uts", "ipc", "cgroup"] {
          expected += try shell("readlink /proc/\(pid)/ns/\(kind)", in: "/")
        }
        #expect(output == expected)
        #expect(try fixture.run("cat /proc/self/cgroup", in: id) == fixture.run("cat /proc/1/cgroup", in: id))
        let status = try fixture.run("cat /proc/self/status; ulimit -n; ulimit -Hn; ls /proc/self/fd", in: id)
        #expect(field("CapBnd", of: status) == "0000000000000021")
        #expect(field("CapEff", of: status) == "0000000000000021")
        #expect(field("NoNewPrivs", of: status) == "0")
        #expect(status.hasSuffix("\n66\n77\n0\n1\n2\n3\n"), "\(status.suffix(30))")
      }
    }
  }

  @Test func aFurtherProcessIsWhatItsDocumentSays() async throws {
    try await OCIFixture.with { fixture in
      try await fixture.withRunning { id in
        let output = try fixture.run("id; pwd; env; umask; cat /proc/self/status; ulimit -n", in: id) {
          $0.user = .init(uid: 1000, gid: 1000, umask: 0o027, additionalGids: [5, 6])
          $0.cwd = "/etc"
          $0.env = ["PATH=/bin", "A=b"]
          $0.noNewPrivileges = true
          $0.capabilities = OCIFixture.capabilities(["CAP_KILL"])
          $0.rlimits = [.init(type: "RLIMIT_NOFILE", hard: 50, soft: 50)]
        }
        let lines = output.split(separator: "\n").map(String.init)
        #expect(
          lines.first == "uid=1000(web) gid=1000(web) groups=1000(web),5,6"
            || lines.first == "uid=1000(web) gid=1000(web) groups=5,6")
        #expect(lines.contains("/etc"))
        #expect(lines.contains("A=b"))
        #expect(lines.contains("HOME=/home/web"))
        #expect(lines.contains("0027"))
        #expect(lines.last == "50")
        #expect(field("NoNewPrivs", of: output) == "1")
        #expect(field("CapBnd", of: output) == "0000000000000020")
        #expect(field("CapEff", of: output) == "0000000000000000", "the kernel takes them from another user at exec")
      }
    }
  }

  @Test func aProgramThatIsMissingIsNamedAndLeavesNoProcess() async throws {
    try await OCIFixture.with { fixture in
      try await fixture.withRunning { id in
        let error = #expect(throws: ContainrError.self) {
          _ = try fixture.runtime.exec(id, .init(args: ["nothing-here"])).process.reap()
        }
        #expect(error?.code == .commandNotFound)
        let processes = try fixture.runtime.processes(id)
        #expect(processes.count == 1)
        let missing = #expect(throws: ContainrError.self) {
          _ = try fixture.runtime.exec(id, .init(args: ["/bin/true"], cwd: "/not/there")).process.reap()
        }
        #expect(missing?.activity.contains("/not/there") == true)
      }
    }
  }

  @Test func theTerminalOfAFurtherProcessGoesToTheConsoleSocketOrTheCaller() async throws {
    try await OCIFixture.with { fixture in
      try await fixture.withRunning { id in
        var process = OCI.RuntimeSpec.Process(args: ["/bin/sh", "-c", "tty; stty size; test -t 0 && echo input"])
        process.terminal = true
        process.consoleSize = .init(height: 30, width: 90)
        var options = ExecOptions()
        options.consoleSocket = fixture.directory.appending("console")
        options.pidFile = fixture.directory.appending("pid")
        let socket = try ListeningSocket(options.consoleSocket!)
        let started = try fixture.runtime.exec(id, process, options: options)
        #expect(try FileContents.text(options.pidFile!) == String(started.pid))
        let terminal = try socket.receive()
        #expect(everything(of: terminal) == "/dev/pts/0\r\n30 90\r\ninput\r\n")
        #expect(try started.process.reap().isSuccess)

        var own = try fixture.runtime.exec(id, process)
        guard let mine = own.terminal.take() else { throw Unexpected("the caller gets no terminal") }
        #expect(everything(of: mine).hasSuffix("\r\n30 90\r\ninput\r\n"))
        #expect(try own.process.reap().isSuccess)
      }
    }
  }

  @Test func aFurtherProcessMayHaveASubCgroup() async throws {
    try await OCIFixture.with { fixture in
      try await fixture.withRunning { id in
        let layout = try CgroupLayout.detect()
        let cgroup = try Cgroup.adopt(CgroupPath(id), layout: layout)
        for directory in cgroup.directories {
          mkdir(directory.appending("inner").string, 0o755)
          // Version 1 takes no process before these have a value.
          for name in ["cpuset.cpus", "cpuset.mems"] {
            guard let value = try FileContents.textIfPresent(directory.appending(name)) else { continue }
            try shell("echo \(value.filter { !$0.isWhitespace }) > inner/\(name)", in: directory)
          }
        }
        var options = ExecOptions()
        options.cgroups = ["inner"]
        let output = try fixture.run("cat /proc/self/cgroup", in: id, options: options)
        let own = output.split(separator: "\n").filter { $0.hasSuffix(":/inner") }
        #expect(own.count == cgroup.directories.count, "\(output)")
        for bad in ["../..", "not-there", "nothing:inner"] {
          options.cgroups = [bad]
          #expect(throws: ContainrError.self) {
            _ = try fixture.runtime.exec(id, .init(args: ["/bin/true"]), options: options).process.reap()
          }
        }
      }
    }
  }

  @Test func theCPUsOfAFurtherProcessAreItsDocuments() async throws {
    try await OCIFixture.with { fixture in
      try await fixture.withRunning { id in
        let before = field("Cpus_allowed_list", of: try FileContents.text("/proc/thread-self/status"))
        for affinity in [
          OCI.RuntimeSpec.Process.ExecCPUAffinity(initial: "0"), OCI.RuntimeSpec.Process.ExecCPUAffinity(final: "0"),
        ] {
          let status = try fixture.run("cat /proc/self/status", in: id) { $0.execCPUAffinity = affinity }
          #expect(field("Cpus_allowed_list", of: status) == "0")
        }
        let after = field("Cpus_allowed_list", of: try FileContents.text("/proc/thread-self/status"))
        #expect(after == before)
      }
    }
  }

  @Test(.requires(.kernel(6, 3))) func aContainerWithAUserAndATimeNamespaceTakesFurtherProcesses() async throws {
    try await OCIFixture.with { fixture in
      var spec = fixture.spec("sleep", "1000")
      spec.linux?.namespaces? += [.init(.user), .init(.time)]
      spec.linux?.uidMappings = [.init(containerID: 0, hostID: 0, size: 65536)]
      spec.linux?.gidMappings = [.init(containerID: 0, hostID: 0, size: 65536)]
      spec.linux?.timeOffsets = ["boottime": .init(secs: 1_000_000)]
      try await fixture.withCreated(spec) { id in
        for _ in 0..<2 {
          let output = try fixture.run("cat /proc/self/uid_map /proc/uptime; id -u", in: id)
          let lines = output.split(separator: "\n")
          #expect(lines[0].split(separator: " ") == ["0", "0", "65536"])
          #expect(try #require(Double(lines[1].prefix { $0 != " " })) > 1_000_000)
          #expect(lines[2] == "0")
          if try fixture.runtime.state(id).status == .created { try fixture.runtime.start(id) }
        }
      }
    }
  }

  @Test func theForegroundGivesTheExitCodeOfItsProcess() async throws {
    try await OCIFixture.with { fixture in
      try await fixture.withRunning { id in
        let runtime = fixture.runtime
        let codes = try await blocking("foreground") {
          var codes: [Int32] = []
          for script in ["exit 7", "kill -9 $$"] {
            let foreground = try Foreground()
            codes.append(try foreground.wait(for: try runtime.exec(id, .init(args: ["/bin/sh", "-c", script]))).code)
          }
          return codes
        }
        #expect(codes == [7, 137])
      }
      let (spec, runtime, bundle, id) = (
        fixture.spec("sh", "-c", "exit 3"), fixture.runtime, fixture.bundle, try fixture.id("run")
      )
      let status = try await blocking("foreground") { try runtime.run(id, Bundle(bundle, spec: spec), isSubreaper: false) }
      #expect(status == .exited(3))
      #expect(try runtime.list().isEmpty)
    }
  }

  @Test func theStatisticsEventHasTheNumbersOfTheCgroup() async throws {
    try await OCIFixture.with { fixture in
      try await fixture.withRunning { id in
        let text = try fixture.runtime.event(id).json.text()
        #expect(text.hasPrefix("{\"type\":\"stats\",\"id\":\"\(id)\",\"data\":{\"cpu\":{\"usage\":{\"total\":"), "\(text)")
        #expect(text.contains("\"pids\":{\"current\":1,"), "\(text)")
      }
    }
  }

  @Test func theContainersFilterHoldsForFurtherProcesses() async throws {
    try await OCIFixture.with { fixture in
      let rule: JSON = ["names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO"]
      try await fixture.withRunning({ $0.linux?.seccomp = ["defaultAction": "SCMP_ACT_ALLOW", "syscalls": [rule]] }) { id in
        for gainsNothing in [true, false] {
          let output = try fixture.run("mkdir /tmp/x || echo refused; cat /proc/self/status", in: id) {
            $0.noNewPrivileges = gainsNothing
          }
          #expect(output.contains("\nrefused\n"), "\(output)")
          #expect(field("Seccomp", of: output) == "2")
        }
      }
    }
  }
}
