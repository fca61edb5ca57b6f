import CContainrLinux
import ContainrCore
import ContainrLaunch
import ContainrSecurity
import ContainrTestSupport
import Glibc
import Synchronization
import SystemPackage
import Testing

extension Requirement {
  static func landlock(_ version: Int) -> Requirement {
    Requirement("Landlock version \(version)") { (LandlockABI.ofKernel?.rawValue ?? 0) >= version }
  }
}

/// Runs a shell script under rules, with no-new-privileges, and gives what it printed.
private func shell(
  _ script: String, under rules: LandlockRuleset?, user: UInt32? = nil, paths: [String] = ["/bin/busybox"],
  arguments: [String]? = nil
) async throws -> String {
  try await run(
    { plan in
      if let user { plan.append(.ids(uid: user, gid: user)) }
      plan.append(.control(.noNewPrivileges))
      if let rules { try plan.append(landlock: rules) }
    }, paths: paths, arguments: arguments ?? ["sh", "-c", script]
  ).0
}

@Suite(.requires(.landlock(1), .file("/bin/busybox"))) struct LandlockFileTests {
  private func tree(_ body: (FilePath) async throws -> Void) async throws {
    try await withTemporaryDirectory { directory in
      for name in ["open", "shut"] {
        try FileTree.makeDirectories(directory.appending(name))
        try FileContents.replace(directory.appending(name).appending("file"), with: Array("text\n".utf8), durable: false)
        for path in [directory, directory.appending(name), directory.appending(name).appending("file")] {
          try #require(chmod(path.string, 0o777) == 0)
        }
      }
      try await body(directory)
    }
  }

  /// Everything may be read and executed; only `open` may be changed.
  private func rules(_ directory: FilePath) -> LandlockRuleset {
    var rules = LandlockRuleset(denying: .all.subtracting(.refer))
    rules.allow([.read, .execute], below: "/")
    rules.allow(.write, below: directory.appending("open").string)
    rules.allow(.write, below: "/dev/null")
    return rules
  }

  private func script(_ directory: FilePath) -> String {
    """
    cd \(directory)
    for place in open shut; do
      cat $place/file
      (echo more >>$place/file) 2>/dev/null && echo $place written
      (>$place/new) 2>/dev/null && echo $place made
      mkdir $place/sub 2>/dev/null && echo $place directory
      ln -s x $place/link 2>/dev/null && echo $place link
      rm $place/file 2>/dev/null && echo $place removed
    done
    """
  }

  @Test func changesArePossibleWhereARuleGrantsThemAndNowhereElse() async throws {
    let changes = { (place: String) in ["written", "made", "directory", "link", "removed"].map { "\(place) \($0)\n" }.joined() }
    try await tree { directory in
      let output = try await shell(script(directory), under: rules(directory))
      #expect(output == "text\n" + changes("open") + "text\n")
    }
    // The same without the wall, so that the test does not pass for another reason.
    try await tree { directory in
      let output = try await shell(script(directory), under: nil)
      #expect(output == "text\n" + changes("open") + "text\n" + changes("shut"))
    }
  }

  @Test(.requires(.root)) func anOrdinaryUserNeedsNoPrivilege() async throws {
    try await tree { directory in
      let output = try await shell(
        "cd \(directory); (>open/new) && echo made; (>shut/new) 2>/dev/null || echo refused; id -u", under: rules(directory),
        user: 65534)
      #expect(output == "made\nrefused\n65534\n")
    }
  }

  @Test func programsThatNoRuleGrantsAreNotExecuted() async throws {
    var rules = LandlockRuleset(denying: [.execute])
    rules.allow(.execute, below: "/bin/busybox")
    let output = try await shell("/bin/true && echo run || echo refused", under: rules)
    #expect(output.hasSuffix("refused\n"))
    #expect(try await shell("/bin/true && echo run || echo refused", under: nil) == "run\n")
  }

  /// Rights of directories are left out for a file, which the kernel would refuse.
  @Test func aRuleMayNameAFile() async throws {
    try await tree { directory in
      var rules = LandlockRuleset(denying: [.writeFile, .makeFile])
      rules.allow([.writeFile, .makeFile], below: directory.appending("shut/file").string)
      rules.allow(.writeFile, below: "/dev/null")
      let output = try await shell(
        "cd \(directory)/shut; echo x >>file && echo written; (>new) 2>/dev/null || echo refused", under: rules)
      #expect(output == "written\nrefused\n")
    }
  }

  @Test func aMissingPathIsPassedOverOrAnErrorAsTheRuleSays() async throws {
    var rules = LandlockRuleset(denying: [.writeFile])
    rules.allow(.writeFile, below: "/no/such/path", mayBeMissing: true)
    #expect(try await shell("echo here", under: rules) == "here\n")
    rules.rules = [.path("/no/such/path", .writeFile)]
    let error = await #expect(throws: ContainrError.self) { try await shell("echo here", under: rules) }
    #expect(error?.description.contains("/no/such/path") == true)
  }

  @Test(.requires(.root)) func aProcessUnderFileRulesMountsNoMore() async throws {
    func attempt(_ rules: LandlockRuleset?) async throws -> String {
      try await run(
        { plan in
          plan.namespaceFlags = UInt64(CL_CLONE_NEWNS)
          plan.append(.propagation(.private))
          if let rules { try plan.append(landlock: rules) }
        }, paths: ["/bin/busybox"],
        arguments: ["sh", "-c", "mount -t tmpfs none /mnt 2>/dev/null && echo mounted || echo refused"]
      ).0
    }
    #expect(try await attempt(LandlockRuleset(denying: [.makeBlockDevice])) == "refused\n")
    #expect(try await attempt(nil) == "mounted\n")
  }

  @Test func aThreadRestrictsItselfAndNoOther() async throws {
    try await tree { directory in
      let path = directory.appending("shut/file").string
      let mine = rules(directory)
      let inside = Mutex<(error: String?, result: CInt, errno: CInt)>((nil, 0, 0))
      try await blocking("restricted") {
        do {
          try mine.restrictCallingThread()
          let file = open(path, O_WRONLY)
          let number = errno
          inside.withLock { $0 = (nil, file, number) }
        } catch { inside.withLock { $0.error = "\(error)" } }
      }
      let found = inside.withLock { $0 }
      #expect(found.error == nil && found.result == -1 && found.errno == EACCES)
      let file = open(path, O_WRONLY)
      #expect(file >= 0)
      close(file)
    }
  }
}

/// A descriptor that stays open as long as this.
private final class Box {
  let descriptor: OwnedDescriptor
  init(_ descriptor: consuming OwnedDescriptor) { self.descriptor = descriptor }
}

@Suite struct LandlockNetworkTests {
  private static let program = """
    import errno, socket, sys
    def attempt(call):
        try:
            call(); return "ok"
        except OSError as error: return errno.errorcode[error.errno]
    kind, value, other = sys.argv[1:4]
    if kind == "tcp":
        print(attempt(lambda: socket.create_connection(("127.0.0.1", int(value)))),
              attempt(lambda: socket.create_connection(("127.0.0.1", int(other)))),
              attempt(lambda: socket.socket().bind(("127.0.0.1", 0))))
    else:
        peer = socket.socket(socket.AF_UNIX)
        print(attempt(lambda: peer.connect("\\0" + value)))
    """

  private func python(_ arguments: [String], under rules: LandlockRuleset?) async throws -> String {
    try await shell(
      "", under: rules, paths: ["/usr/bin/python3"], arguments: ["python3", "-c", Self.program] + arguments)
  }

  private func listener(_ port: inout UInt16) throws -> OwnedDescriptor {
    let socket = OwnedDescriptor(owning: socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0))
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let raw = socket.rawValue
    let ready = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        Glibc.bind(raw, $0, length) == 0 && listen(raw, 8) == 0 && getsockname(raw, $0, &length) == 0
      }
    }
    try #require(ready)
    port = UInt16(bigEndian: address.sin_port)
    return socket
  }

  @Test(.requires(.landlock(4), .file("/usr/bin/python3"))) func portsThatNoRuleGrantsAreOutOfReach() async throws {
    var granted: UInt16 = 0
    var other: UInt16 = 0
    let sockets = (try Box(listener(&granted)), try Box(listener(&other)))
    let ports = [String(granted), String(other)]
    var rules = LandlockRuleset(network: .all)
    rules.allow(.connectTCP, port: granted)
    #expect(try await python(["tcp"] + ports, under: rules) == "ok EACCES EACCES\n")
    rules.allow(.bindTCP, port: 0)
    #expect(try await python(["tcp"] + ports, under: rules) == "ok EACCES ok\n")
    #expect(try await python(["tcp"] + ports, under: nil) == "ok ok ok\n")
    withExtendedLifetime(sockets) {}
  }

  @Test("CVE-2020-15257: an abstract socket of the host is out of reach", .requires(.landlock(6), .file("/usr/bin/python3")))
  func abstractSockets() async throws {
    let name = "containr-test-\(UInt32.random(in: .min ... .max))"
    let server = OwnedDescriptor(owning: socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0))
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { path in
      for (index, byte) in name.utf8.enumerated() { path[index + 1] = byte }
    }
    let length = socklen_t(MemoryLayout<sa_family_t>.size + 1 + name.utf8.count)
    let raw = server.rawValue
    let ready = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { Glibc.bind(raw, $0, length) == 0 && listen(raw, 8) == 0 }
    }
    try #require(ready)
    let rules = LandlockConfiguration.automatic.ruleset(sharesNetwork: true, capabilities: .dockerDefault)
    #expect(try await python(["unix", name, ""], under: rules) == "EPERM\n")
    #expect(try await python(["unix", name, ""], under: nil) == "ok\n")
    withExtendedLifetime(server) {}
  }

  @Test(.requires(.landlock(6), .file("/bin/busybox"))) func processesOutsideCannotBeSignalled() async throws {
    let script = "kill -0 \(getpid()) 2>/dev/null && echo reached || echo refused; sleep 5 & kill $! && echo own"
    #expect(try await shell(script, under: LandlockRuleset(scope: .signal)) == "refused\nown\n")
    #expect(try await shell(script, under: nil) == "reached\nown\n")
  }
}

@Suite struct LandlockRulesetTests {
  private let everything = LandlockRuleset(
    denying: .all, network: .all, scope: .all,
    rules: [.path("/a", .all), .path("/b", .truncate), .port(80, .bindTCP)], logging: .newExecutableOn)

  @Test(arguments: [
    (0, 0, 0, 0, 0), (1, 13, 0, 0, 1), (2, 14, 0, 0, 1), (3, 15, 0, 0, 2), (4, 15, 2, 0, 3), (5, 16, 2, 0, 3), (6, 16, 2, 2, 3),
    (7, 16, 2, 2, 3), (99, 16, 2, 2, 3),
  ])
  func aKernelGetsTheRightsThatItKnows(version: Int, files: Int, network: Int, scopes: Int, rules: Int) {
    let (left, missing) = everything.supported(by: LandlockABI(rawValue: version))
    #expect(left.deniedFiles.rawValue.nonzeroBitCount == files)
    #expect(left.deniedNetwork.rawValue.nonzeroBitCount == network)
    #expect(left.scope.rawValue.nonzeroBitCount == scopes)
    #expect(left.rules.count == rules)
    #expect(missing.isEmpty == (version >= 7))
  }

  @Test func aRequiredRuleSetIsAnErrorWhereTheKernelLacksPartOfIt() throws {
    var rules = everything
    #expect(try rules.resolve(for: LandlockABI(rawValue: 5))?.scope.isEmpty == true)
    #expect(try rules.resolve(for: nil) == nil)
    rules.compatibility = .required
    for version in [nil, LandlockABI(rawValue: 5)] {
      do {
        _ = try rules.resolve(for: version)
        Issue.record("resolved")
      } catch { #expect(error.code == .unsupported && error.activity.contains("scope")) }
    }
    #expect(try rules.resolve(for: LandlockABI(rawValue: 7)) == rules)
  }

  @Test func anEmptyRuleSetIsNone() throws {
    #expect(try LandlockRuleset(rules: [.path("/", .all)]).resolve() == nil)
  }

  @Test func theDefaultIsInTheWayOfNoContainerThatMayMountOrHasItsOwnNetwork() {
    let automatic = LandlockConfiguration.automatic
    #expect(automatic.ruleset(sharesNetwork: false, capabilities: .dockerDefault) == nil)
    #expect(automatic.ruleset(sharesNetwork: true, capabilities: .named) == nil)
    let rules = automatic.ruleset(sharesNetwork: true, capabilities: .dockerDefault)
    #expect(rules?.scope == .abstractUnixSocket && rules?.deniedFiles.isEmpty == true)
    #expect(LandlockConfiguration.off.ruleset(sharesNetwork: true, capabilities: []) == nil)
  }

  @Test func rightsHaveTheKernelsNames() {
    #expect("\(LandlockFileAccess.read)" == "read_file read_dir")
    #expect(LandlockFileAccess.all.description.split(separator: " ").count == 16)
    #expect("\(LandlockNetworkAccess.all)" == "bind_tcp connect_tcp" && "\(LandlockScope.signal)" == "signal")
  }
}
