import ContainrCore
import ContainrLaunch
import ContainrNamespaces
import ContainrTestSupport
import Glibc
import SystemPackage
import Testing

/// A process that rests in new namespaces while a closure runs.
func withResting(_ kinds: NamespaceSet, idMaps: IDMaps? = nil, _ body: (NamespacedProcess) async throws -> Void) async throws {
  let configuration = SpawnConfiguration {
    $0.arguments = ["sleep", "1000"]
    $0.namespaces.create(kinds)
    $0.namespaces.idMaps = idMaps
    if kinds.contains(.uts) { $0.hostname = "resting" }
    if kinds.contains(.time) { $0.namespaces.timeOffsets = TimeOffsets(boottime: .seconds(10_000_000)) }
  }
  let ended = try await withNamespacedProcess(configuration) { process in try await body(process) }
  #expect(ended.status == .signaled(.kill))
}

@Suite(.requires(.root)) struct JoinTests {
  @Test func joinsByPathByProcessAndByDescriptor() async throws {
    try await withResting([.uts, .net]) { process in
      let held = try await process.namespace(.uts)
      let pidfd = try await process.duplicateDescriptor()
      let sources: [NamespaceSource] = [
        .path(FilePath("/proc/\(process.pid)/ns/uts")), .process(process.pid), .descriptor(held.descriptor.rawValue),
        .processDescriptor(pidfd.rawValue),
      ]
      for source in sources {
        let (text, _) = try await output(of: "hostname; readlink /proc/self/ns/net") { $0.namespaces.uts = source }
        #expect(text == "resting\n\(try ownNamespace(.net))\n")
      }
    }
  }

  @Test func aPinnedNamespaceOutlivesItsProcess() async throws {
    try await withTemporaryDirectory { directory in
      let path = directory.appending("uts")
      var identity: NamespaceIdentity?
      try await withResting(.uts) { process in
        let namespace = try await process.namespace(.uts)
        identity = try namespace.identity
        try namespace.pin(to: path)
      }
      #expect(try Namespace(path: path, kind: .uts).identity == identity)
      let (text, _) = try await output(of: "hostname") { $0.namespaces.uts = .path(path) }
      #expect(text == "resting\n")
      try Namespace.unpin(path)
      try Namespace.unpin(path)
      #expect(access(path.string, F_OK) == -1)
    }
  }

  @Test func refusesToUnpinWhatIsNoNamespace() async throws {
    try await withTemporaryDirectory { directory in
      let path = directory.appending("file")
      try FileContents.replace(path, with: Array("text".utf8), durable: false)
      #expect(throws: ContainrError.self) { try Namespace.unpin(path) }
      #expect(access(path.string, F_OK) == 0)
    }
  }

  @Test func refusesPathsThatAreNoNamespaceOfTheKind() async throws {
    for path in ["/etc/passwd", "/dev/zero", "/proc/self/ns/uts"] as [FilePath] {
      let error = #expect(throws: ContainrError.self) { _ = try Namespace(path: path, kind: .net) }
      #expect(error?.code == .namespaceJoin)
    }
  }

  @Test func joinsAPidNamespaceAsAChildInside() async throws {
    try await withResting([.pid, .mnt, .uts]) { process in
      // The joined /proc knows two processes and the pipe's.
      let (text, status) = try await output(of: "cat /proc/1/comm; test $$ -gt 1 && hostname; exit 5") {
        $0.namespaces.pid = .process(process.pid)
        $0.namespaces.mnt = .process(process.pid)
        $0.namespaces.uts = .process(process.pid)
      }
      #expect(text == "sleep\nresting\n")
      #expect(status == .exited(5))
    }
  }

  /// What `exec` does: one setns(2) by pidfd for everything, a user and a time namespace included.
  @Test(
    .requires(.kernel(6, 3)),
    arguments: [
      NamespaceSet.all.subtracting([.time, .user]), NamespaceSet.all.subtracting(.user), NamespaceSet.all,
    ]) func executesInAllNamespacesOfAProcess(kinds: NamespaceSet) async throws
  {
    let maps = IDMaps(users: try IDMap(hostID: 100_000, count: 10), groups: try IDMap(hostID: 100_000, count: 10))
    try await withResting(kinds, idMaps: kinds.contains(.user) ? maps : nil) { process in
      let target = try ProcessDescriptor(pid: process.pid)
      var plan = LaunchPlan()
      var pipe = try OwnedDescriptor.pipe()
      let reader = pipe.takeFirst()
      let output = plan.inherit(owning: pipe.takeSecond())
      try plan.join(target, kinds: kinds)
      if kinds.contains(.user) { plan.append(.ids(uid: 0, gid: 0)) }
      plan.append(.standardStreams(nil, output, output))
      plan.append(.closeFrom(3, onExec: true))
      let script = "cd /proc/self/ns; readlink mnt uts ipc pid net user cgroup time; cut -d. -f1 /proc/uptime"
      plan.append(.execute(paths: ["/bin/sh"], arguments: ["sh", "-c", script], environment: ["PATH=/usr/bin:/bin"]))
      let result = try plan.spawn(traced: true)
      let durations = result.durations ?? []
      #expect(durations.count == plan.operations.count)
      let timed = zip(plan.operations, durations).filter { $0.0 != .fork }
      #expect(timed.dropLast().allSatisfy { $0.1 > .zero })
      plan = LaunchPlan()
      let text = String(decoding: try FileContents.read(reader, "reading"), as: UTF8.self)
      #expect(try await result.takeProcess().wait() == .exited(0))
      let lines = text.split(separator: "\n").map(String.init)
      for kind in kinds.kinds {
        let identity = try Namespace.of(process: process.pid, kind).identity
        #expect(lines.contains("\(kind.rawValue):[\(identity)]"), "\(kind)")
      }
      if kinds.contains(.time) { #expect(try #require(Int(lines.last ?? "")) >= 10_000_000) }
    }
  }

  /// New mounts and processes belong to the user namespace that was joined, so that its root may change them.
  @Test func newNamespacesBelongToTheJoinedUserNamespace() async throws {
    let maps = IDMaps(users: try IDMap(hostID: 100_000, count: 10), groups: try IDMap(hostID: 100_000, count: 10))
    try await withResting([.user, .net], idMaps: maps) { process in
      let (text, status) = try await output(
        of: "echo $$; hostname inner && hostname; mount -t tmpfs none /mnt && echo mounted; readlink /proc/self/ns/net"
      ) {
        $0.namespaces.user = .process(process.pid)
        $0.namespaces.net = .process(process.pid)
        $0.namespaces.create([.pid, .mnt, .uts])
        $0.hostname = "outer"
      }
      #expect(text == "1\ninner\nmounted\nnet:[\(try Namespace.of(process: process.pid, .net).identity)]\n")
      #expect(status == .exited(0))
    }
  }

  /// A pod's network is the host root's; the container that joins it has a user namespace of its own.
  @Test func joinsTheHostsNetworkNamespaceBeforeANewUserNamespace() async throws {
    try await withResting(.net) { process in
      let (text, status) = try await output(of: "echo $$; id -u; readlink /proc/self/ns/net; cat /proc/self/uid_map") {
        $0.namespaces.net = .process(process.pid)
        $0.namespaces.create([.user, .pid, .mnt])
        $0.namespaces.idMaps = IDMaps(
          users: try IDMap(hostID: 100_000, count: 10), groups: try IDMap(hostID: 100_000, count: 10))
      }
      let lines = text.split(separator: "\n").map(String.init)
      #expect(lines.prefix(3) == ["1", "0", "net:[\(try Namespace.of(process: process.pid, .net).identity)]"])
      #expect(lines.last?.split(separator: " ").map(String.init) == ["0", "100000", "10"])
      #expect(status == .exited(0))
    }
  }

  /// At a barrier after the second clone, the parent serves the process that will be the program.
  @Test func aSessionKnowsTheProcessBehindAFork() async throws {
    try await withResting(.pid) { process in
      var plan = LaunchPlan()
      try plan.join(try ProcessDescriptor(pid: process.pid), kinds: .pid)
      plan.append(.barrier(.start, socket: plan.makeParentSocket()))
      plan.append(.closeFrom(3, onExec: true))
      plan.append(.execute(paths: ["/bin/true"], arguments: ["true"], environment: []))
      let session = try LaunchSession(plan)
      #expect(try session.next() == .start)
      let pid = session.pid
      #expect(try FileContents.text(FilePath("/proc/\(pid)/status")).contains("NSpid:\t\(pid)\t2\n"))
      try session.pass()
      let result = try session.finish()
      let launched = result.takeProcess()
      #expect(launched.pid == pid)
      #expect(try await launched.wait() == .exited(0))
    }
  }

  /// Kills the first of two processes while the second stands at a barrier: nothing may be left of either.
  @Test func aKilledMakerTakesTheSecondProcessWithIt() async throws {
    try await withResting(.pid) { process in
      var plan = LaunchPlan()
      plan.append(.barrier(.cgroups, socket: plan.makeParentSocket()))
      try plan.join(try ProcessDescriptor(pid: process.pid), kinds: .pid)
      plan.append(.barrier(.start, socket: plan.makeParentSocket()))
      plan.append(.execute(paths: ["/bin/true"], arguments: ["true"], environment: []))
      let session = try LaunchSession(plan)
      #expect(try session.next() == .cgroups)
      let maker = session.pid
      try session.pass()
      #expect(try session.next() == .start)
      let second = session.pid
      #expect(second != maker)
      #expect(kill(maker, SIGKILL) == 0)
      let error = #expect(throws: ContainrError.self) { _ = try session.finish() }
      #expect(error?.systemCall?.errno == .canceled)
      #expect(kill(second, 0) == -1)
      #expect(kill(maker, 0) == -1)
    }
  }
}
