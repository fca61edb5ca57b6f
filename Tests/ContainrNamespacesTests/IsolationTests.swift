import ContainrCore
import ContainrNamespaces
import ContainrTestSupport
import Glibc
import SystemPackage
import Testing

@Suite(.requires(.root)) struct IsolationTests {
  @Test func aHostNameSetInsideLeavesTheHostsAlone() async throws {
    let before = hostName()
    let (text, _) = try await output(of: "hostname") {
      $0.namespaces.uts = .new
      $0.hostname = "inside"
    }
    #expect(text == "inside\n")
    #expect(hostName() == before)
  }

  @Test func theProgramIsProcessOneAndSeesNoOther() async throws {
    let (text, status) = try await output(of: "echo $$ /proc/[0-9]*; exit 3") {
      $0.namespaces.create([.pid, .mnt])
    }
    #expect(text == "1 /proc/1\n")
    #expect(status == .exited(3))
  }

  @Test func killingProcessOneEndsAllOthers() async throws {
    var pipe = try OwnedDescriptor.pipe()
    let reader = pipe.takeFirst()
    let writer = pipe.takeSecond()
    let process = try await NamespacedProcess.spawn(
      SpawnConfiguration {
        $0.arguments = ["sh", "-c", "setsid sleep 1000 & setsid sleep 1000 & echo ready; wait"]
        $0.namespaces.create([.pid, .mnt])
        $0.standardOutput = .descriptor(writer.rawValue)
      })
    close(writer.release())
    var byte: UInt8 = 0
    #expect(read(reader.rawValue, &byte, 1) == 1)
    try await process.send(.kill)
    // All of them hold the pipe: its end comes when the last one is gone.
    _ = try FileContents.read(reader, "waiting for the last process")
    #expect(try await process.wait() == .signaled(.kill))
    #expect(try await process.wait() == .signaled(.kill))
  }

  @Test func mountsMadeInsideNeverAppearOutside() async throws {
    try await withTemporaryDirectory { directory in
      // Shared on purpose: without a change of propagation the mount would travel.
      let (text, _) = try await output(
        of: """
          mount --bind \(directory) \(directory) && mount --make-shared \(directory)
          mount -t tmpfs containr-inside \(directory) && grep -c containr-inside /proc/self/mountinfo
          """
      ) { $0.namespaces.mnt = .new }
      #expect(text == "1\n")
      #expect(!(try FileContents.text("/proc/self/mountinfo").contains("containr-inside")))
    }
  }

  @Test func ipcObjectsMadeInsideAreNotVisibleOutside() async throws {
    let id = msgget(key_t(0x6361_6e74), CInt(IPC_CREAT) | 0o600)
    #expect(id >= 0)
    defer { msgctl(id, CInt(IPC_RMID), nil) }
    let (inside, _) = try await output(
      of: "tail -n +2 /proc/sysvipc/msg | wc -l; ipcmk -S 1 >/dev/null; tail -n +2 /proc/sysvipc/sem | wc -l"
    ) {
      $0.namespaces.create([.ipc, .mnt])
    }
    #expect(inside.split(separator: "\n").map { $0.trimmed } == ["0", "1"])
    let (outside, _) = try await output(of: "tail -n +2 /proc/sysvipc/msg | awk '{print $1}'") { _ in }
    #expect(outside.contains(String(0x6361_6e74)))
  }

  @Test func aNewNetworkNamespaceHasOnlyALoopbackThatIsDown() async throws {
    let (text, _) = try await output(of: "tail -n +3 /proc/net/dev | cut -d: -f1; cat /proc/net/route | tail -n +2") {
      $0.namespaces.create([.net, .mnt, .pid])
    }
    #expect(text.trimmed == "lo")
  }

  @Test func aCgroupNamespaceShowsItsOwnRoot() async throws {
    let (text, _) = try await output(of: "cut -d: -f3 /proc/self/cgroup | sort -u; readlink /proc/self/ns/cgroup") {
      $0.namespaces.cgroup = .new
    }
    let lines = text.split(separator: "\n").map(String.init)
    #expect(lines.first == "/")
    #expect(lines.last != (try ownNamespace(.cgroup)))
  }

  @Test(.requires(.kernel(6, 3))) func aTimeNamespaceMovesTheClocks() async throws {
    let (text, _) = try await output(of: "cut -d. -f1 /proc/uptime; cat /proc/self/timens_offsets; readlink /proc/self/ns/time")
    {
      $0.namespaces.create([.time, .pid, .mnt])
      $0.namespaces.timeOffsets = TimeOffsets(monotonic: .seconds(5), boottime: .seconds(10_000_000))
    }
    let lines = text.split(separator: "\n")
    #expect(try #require(Int(lines[0])) >= 10_000_000)
    #expect(lines[1].split(separator: " ").map(String.init) == ["monotonic", "5", "0"])
    #expect(String(lines[3]) != (try ownNamespace(.time)))
  }

  @Test(.requires(.kernel(6, 3))) func everyKindAtOnceIsNew() async throws {
    let (text, _) = try await output(of: "cd /proc/self/ns; readlink mnt uts ipc pid net user cgroup time") {
      $0.namespaces.create(.all)
      $0.namespaces.idMaps = IDMaps(
        users: try IDMap(hostID: 100_000, count: 65_536), groups: try IDMap(hostID: 100_000, count: 65_536))
    }
    let inside = text.split(separator: "\n").map(String.init)
    #expect(inside.count == 8)
    for kind in NamespaceKind.allCases {
      #expect(inside.contains { $0.hasPrefix("\(kind.rawValue):") })
      #expect(!inside.contains(try ownNamespace(kind)))
    }
  }

  @Test func errorsOfTheProgramNameIt() async throws {
    let error = await #expect(throws: ContainrError.self) {
      _ = try await NamespacedProcess.spawn(
        SpawnConfiguration {
          $0.arguments = ["no-such-command"]
          $0.namespaces.create([.pid, .mnt])
        })
    }
    #expect(error?.code == .commandNotFound)
  }

  @Test func aCancelledScopeKillsItsProcess() async throws {
    let configuration = SpawnConfiguration {
      $0.arguments = ["sleep", "1000"]
      $0.namespaces.create([.pid, .mnt])
    }
    let (stream, continuation) = AsyncStream<Int32>.makeStream()
    let task = Task {
      try await withNamespacedProcess(configuration) { process in
        continuation.yield(process.pid)
        return try await process.wait()
      }
    }
    var pids = stream.makeAsyncIterator()
    let pid = try #require(await pids.next())
    task.cancel()
    await #expect(throws: CancellationError.self) { try await task.value }
    #expect(kill(pid, 0) == -1)
  }
}

extension StringProtocol {
  /// Without spaces and newlines around it.
  var trimmed: String {
    var text = self[...]
    while let first = text.first, first.isWhitespace { text.removeFirst() }
    while let last = text.last, last.isWhitespace { text.removeLast() }
    return String(text)
  }
}
