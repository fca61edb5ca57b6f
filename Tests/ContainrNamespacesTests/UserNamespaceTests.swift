import ContainrCore
import ContainrNamespaces
import ContainrTestSupport
import Glibc
import SystemPackage
import Testing

@Suite(.requires(.root)) struct UserNamespaceTests {
  /// A user without a line in any database.
  static let anybody: UInt32 = 54_321

  private func ownerOf(_ path: FilePath) throws -> (uid: UInt32, gid: UInt32) {
    var status = stat()
    guard stat(path.string, &status) == 0 else { throw Errno(rawValue: errno) }
    return (status.st_uid, status.st_gid)
  }

  private let maps: IDMaps
  init() throws {
    maps = IDMaps(users: try IDMap(hostID: 100_000, count: 65_536), groups: try IDMap(hostID: 200_000, count: 65_536))
  }

  @Test func rootInsideIsTheMappedUserOutside() async throws {
    try await withTemporaryDirectory { directory in
      chmod(directory.string, 0o777)
      let (text, status) = try await output(of: "id -u; id -g; id -G; touch made; chown 33:33 made; touch own; cat secret") {
        try FileContents.replace(directory.appending("secret"), with: Array("host".utf8), durable: false)
        chmod(directory.appending("secret").string, 0o600)
        $0.namespaces.create([.user, .pid, .mnt, .uts])
        $0.namespaces.idMaps = maps
        $0.workingDirectory = directory
      }
      #expect(text.hasPrefix("0\n0\n0\n"))
      #expect(text.contains("secret: Permission denied"))
      #expect(status == .exited(1))
      #expect(try ownerOf(directory.appending("made")) == (100_033, 200_033))
      #expect(try ownerOf(directory.appending("own")) == (100_000, 200_000))
    }
  }

  @Test func theCallerStaysDumpable() async throws {
    _ = try await output(of: "true") {
      $0.namespaces.create([.user, .pid, .mnt])
      $0.namespaces.idMaps = maps
    }
    #expect(try ownerOf("/proc/self/environ") == (geteuid(), getegid()))
    var status = stat()
    #expect(stat("/proc/self/mem", &status) == 0)
  }

  /// Runs the example as an ordinary user, in a mount namespace where /etc/subuid and /etc/subgid say what is given.
  private func asAnybody(_ script: String, grants: String? = nil) async throws -> (text: String, status: TerminationStatus) {
    try await withTemporaryDirectory { directory in
      chmod(directory.string, 0o777)
      // Copied by the shell: a copy that this program writes may be open in a process that another test starts just then, and
      // what is open for writing cannot be executed.
      let program = try builtProgram("namespace-shell")
      try FileContents.replace(directory.appending("grants"), with: Array((grants ?? "").utf8), durable: false)
      chmod(directory.appending("grants").string, 0o644)
      // newuidmap(1) finds its caller in the user database.
      let users = try FileContents.text("/etc/passwd") + "anybody:x:54321:54321::/:/bin/sh\n"
      try FileContents.replace(directory.appending("passwd"), with: Array(users.utf8), durable: false)
      chmod(directory.appending("passwd").string, 0o644)
      return try await output(
        of: """
          install -m 755 \(program) namespace-shell && touch /etc/subuid /etc/subgid
          mount --bind grants /etc/subuid && mount --bind grants /etc/subgid && mount --bind passwd /etc/passwd || exit 99
          exec setpriv --reuid \(Self.anybody) --regid \(Self.anybody) --clear-groups ./namespace-shell sh -c '\(script)'
          """
      ) {
        $0.namespaces.mnt = .new
        $0.workingDirectory = directory
        $0.environment.append("LD_LIBRARY_PATH=\(getenv("LD_LIBRARY_PATH").map { String(cString: $0) } ?? "")")
      }
    }
  }

  @Test(.requires(.program("setpriv"))) func anOrdinaryUserIsRootInside() async throws {
    let (text, status) = try await asAnybody(
      "id -u; echo $$; hostname; cat /proc/self/uid_map; touch made; stat -c %u made; cat /etc/shadow; exit 4")
    let lines = text.split(separator: "\n").map(String.init)
    #expect(lines.prefix(3) == ["0", "1", "namespace-shell"])
    #expect(lines[3].split(separator: " ").map(String.init) == ["0", "54321", "1"])
    #expect(lines[4] == "0")
    #expect(text.contains("/etc/shadow: Permission denied"))
    #expect(status == .exited(4))
  }

  @Test(.requires(.program("setpriv"), .program("newuidmap"))) func anOrdinaryUserMapsTheGrantedIds() async throws {
    let (text, status) = try await asAnybody(
      "cat /proc/self/uid_map /proc/self/gid_map; cat /proc/self/setgroups", grants: "anybody:300000:1000\n54321:400000:10\n")
    let lines = text.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
    let expected = [["0", "54321", "1"], ["1", "300000", "1000"], ["1001", "400000", "10"]]
    #expect(lines == expected + expected + [["allow"]])
    #expect(status == .exited(0))
  }

  @Test(.requires(.program("setpriv"))) func anOrdinaryUserIsToldThatAMalformedGrantIsOne() async throws {
    let (text, status) = try await asAnybody("true", grants: "anybody:300000\n")
    #expect(text.contains("[ID_MAPPING] reading line 1 of /etc/subuid"))
    #expect(status == .exited(125))
  }

  @Test(.requires(.program("setpriv"))) func aMissingPrivilegeIsNamedWithWhatToDo() async throws {
    let shell = try builtProgram("namespace-shell")
    let (text, status) = try await output(of: "exec setpriv --bounding-set=-sys_admin \(shell) true") { _ in }
    #expect(
      text.hasPrefix(
        """
        [PERMISSION_DENIED] cannot create namespace: clone3(2): EPERM (Operation not permitted)
          hint: run as root, or ask for a user namespace (rootless)

        """))
    #expect(status == .exited(125))
  }
}
