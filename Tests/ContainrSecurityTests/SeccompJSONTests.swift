import ContainrCore
import ContainrOCI
import ContainrTestSupport
import Testing

@testable import ContainrSecurity

@Suite struct SeccompJSONTests {
  static let docker = """
    {
      "defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 1,
      "archMap": [
        {"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86", "SCMP_ARCH_X32"]},
        {"architecture": "SCMP_ARCH_AARCH64", "subArchitectures": ["SCMP_ARCH_ARM"]},
        {"architecture": "SCMP_ARCH_S390X", "subArchitectures": ["SCMP_ARCH_S390"]}
      ],
      "syscalls": [
        {"names": ["read", "write", "no_such_call"], "action": "SCMP_ACT_ALLOW", "comment": "the plain ones"},
        {"name": "close", "action": "SCMP_ACT_ALLOW"},
        {"names": ["ptrace"], "action": "SCMP_ACT_ALLOW", "includes": {"minKernel": "4.8"}},
        {"names": ["clone"], "action": "SCMP_ACT_ALLOW",
         "args": [{"index": 0, "value": 2114060288, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}],
         "excludes": {"caps": ["CAP_SYS_ADMIN"], "arches": ["s390", "s390x"]}},
        {"names": ["clone", "mount"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_SYS_ADMIN"]}},
        {"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38, "excludes": {"caps": ["CAP_SYS_ADMIN"]}},
        {"names": ["arch_prctl"], "action": "SCMP_ACT_ALLOW", "includes": {"arches": ["amd64", "x32"]}},
        {"names": ["set_tls"], "action": "SCMP_ACT_ALLOW", "includes": {"arches": ["arm", "arm64"]}},
        {"names": ["personality"], "action": "SCMP_ACT_ALLOW", "x-note": {"kept": [1, 18446744073709551615]},
         "args": [{"index": 0, "value": 18446744073709551615, "op": "SCMP_CMP_EQ"}]}
      ],
      "$schema": "https://example.org/seccomp"
    }
    """

  static func read(_ text: String) throws(ContainrError) -> SeccompProfile {
    try SeccompProfile(json: JSON(parsing: Array(text.utf8), as: "the profile", code: .seccomp))
  }

  private func place(
    _ capabilities: CapabilitySet = [], _ architecture: SeccompArchitecture = .x86_64,
    _ kernel: KernelVersion = KernelVersion(6, 1)
  ) -> SeccompEnvironment {
    SeccompEnvironment(capabilities: capabilities, architecture: architecture, kernel: kernel)
  }

  private func action(_ profile: SeccompProfile, _ name: String, _ arguments: [UInt64] = [], in place: SeccompEnvironment)
    throws
    -> SeccompAction
  {
    let decision = try profile.explain(syscall: name, arguments: arguments, on: place.architecture, in: place)
    let number = try #require(SystemCallTable.number(of: name, on: place.architecture))
    let compiled = try FilterSimulator(SeccompFilter(compiling: profile, for: place)).run(place.architecture, number, arguments)
    #expect(compiled.value == decision.action.returnValue)
    return decision.action
  }

  @Test func dockersFormatIsReadWhole() throws {
    let profile = try Self.read(Self.docker)
    #expect(profile.unknownNames == ["no_such_call"])
    #expect(try action(profile, "read", in: place()) == .allow)
    #expect(try action(profile, "close", in: place()) == .allow)
    #expect(try action(profile, "clone", [17], in: place()) == .allow)
    #expect(try action(profile, "clone", [0x1000_0011], in: place()) == .errno(1))
    #expect(try action(profile, "clone", [0x1000_0011], in: place([.sysAdmin])) == .allow)
    #expect(try action(profile, "clone3", in: place()) == .errno(38))
    #expect(try action(profile, "clone3", in: place([.sysAdmin])) == .errno(38))
    #expect(try action(profile, "mount", in: place()) == .errno(1))
    #expect(try action(profile, "mount", in: place([.sysAdmin])) == .allow)
    #expect(try action(profile, "ptrace", in: place()) == .allow)
    #expect(try action(profile, "ptrace", in: place([], .x86_64, KernelVersion(4, 8))) == .allow)
    #expect(try action(profile, "ptrace", in: place([], .x86_64, KernelVersion(4, 7))) == .errno(1))
    #expect(try action(profile, "ptrace", in: place([], .x86_64, KernelVersion(3, 19))) == .errno(1))
    #expect(try action(profile, "arch_prctl", in: place()) == .allow)
    #expect(try action(profile, "personality", [.max], in: place()) == .allow)
    #expect(try action(profile, "personality", [0xffff_ffff], in: place()) == .errno(1))
    #expect(profile.newerCalls == .errno(38))
  }

  @Test func architecturesAreThoseOfTheMachine() throws {
    let profile = try Self.read(Self.docker)
    #expect(try profile.resolved(for: place()).architectures == [.x86_64, .x86, .x32])
    let arm = try profile.resolved(for: place([], .aarch64))
    #expect(arm.architectures == [.aarch64, .arm])
    #expect(arm.rules.contains { $0.names == ["set_tls"] } && !arm.rules.contains { $0.names == ["arch_prctl"] })
    #expect(arm.rules.allSatisfy { $0.includes == nil && $0.excludes == nil } && arm.architectureMap.isEmpty)
    let none = try Self.read(#"{"defaultAction":"SCMP_ACT_ALLOW"}"#)
    #expect(try none.resolved(for: place()).architectures == [.x86_64])
    let listed = try Self.read(
      #"{"defaultAction":"SCMP_ACT_ALLOW","architectures":["SCMP_ARCH_MIPS64","SCMP_ARCH_X86","SCMP_ARCH_X86_64"]}"#)
    #expect(try listed.resolved(for: place()).architectures == [.x86_64, .x86])
    expectError(.seccomp, mentioning: "SCMP_ARCH_AARCH64") { () throws(ContainrError) in
      _ = try listed.resolved(for: place([], .aarch64))
    }
  }

  @Test func whatIsReadIsWrittenAgain() throws {
    let text = """
      {"defaultAction":"SCMP_ACT_TRACE","defaultErrnoRet":12,"newerCalls":{"action":"SCMP_ACT_KILL_PROCESS"},
       "architectures":["SCMP_ARCH_X86_64"],
       "flags":["SECCOMP_FILTER_FLAG_LOG","SECCOMP_FILTER_FLAG_TSYNC","SECCOMP_FILTER_FLAG_SPEC_ALLOW",
                "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"],
       "listenerPath":"/run/agent.sock","listenerMetadata":"a=b",
       "syscalls":[{"names":["mknod"],"action":"SCMP_ACT_NOTIFY"},{"names":["a"],"action":"SCMP_ACT_KILL"},
                   {"names":["b"],"action":"SCMP_ACT_TRAP"},{"names":["c"],"action":"SCMP_ACT_LOG"},
                   {"names":["d"],"action":"SCMP_ACT_ERRNO","errnoRet":0}]}
      """
    for profile in try [
      Self.read(text), Self.read(Self.docker), SeccompProfile.containerDefault(), .containerDefault(for: .named),
      SeccompProfile(defaultAction: .errno(1)), SeccompProfile(defaultAction: .log, newerCalls: .errno(38)),
    ] {
      let json = try profile.json
      #expect(try SeccompProfile(json: json) == profile)
      #expect(try SeccompProfile(json: JSON(parsing: json.serialized(pretty: true), as: "it")).json == json)
    }
    let profile = try Self.read(text)
    #expect(profile.flags == [.log, .threadSynchronization, .speculationAllowed, .waitKillable])
    #expect(profile.listenerPath == "/run/agent.sock" && profile.listenerMetadata == "a=b" && profile.notifies)
    #expect(profile.newerCalls == .killProcess && profile.defaultAction == .trace(12))
    #expect(profile.rules.map(\.action) == [.notify, .killThread, .trap, .log, .errno(0)])
    #expect(try SeccompFilter(compiling: profile).flags.rawValue == 0x3f)
    let kept = try Self.read(Self.docker).json
    #expect(try kept.text().contains(#""x-note":{"kept":[1,18446744073709551615]}"#))
    #expect(try kept.text().contains(#""$schema":"https://example.org/seccomp""#))
  }

  @Test func filesAreLoadedAndSaved() async throws {
    try await withTemporaryDirectory { directory in
      let path = directory.appending("profile.json")
      try SeccompProfile.containerDefault().save(path)
      #expect(try SeccompProfile.load(path) == .containerDefault())
      try FileContents.replace(path, with: Array(#"{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[}"#.utf8), durable: false)
      expectError(.seccomp, mentioning: "profile.json") { () throws(ContainrError) in _ = try SeccompProfile.load(path) }
      expectError(.seccomp, mentioning: "absent") { () throws(ContainrError) in
        _ = try SeccompProfile.load(directory.appending("absent"))
      }
    }
  }

  @Test func repeatedArgumentsAreAlternatives() throws {
    let profile = try Self.read(
      """
      {"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["ioctl"],"action":"SCMP_ACT_ALLOW","args":[
        {"index":1,"value":3,"op":"SCMP_CMP_EQ"},{"index":1,"value":5,"op":"SCMP_CMP_EQ"}]}]}
      """)
    #expect(profile.rules.count == 2)
    for (value, expected) in [(3, .allow), (5, .allow), (4, .errno(1))] as [(UInt64, SeccompAction)] {
      #expect(try action(profile, "ioctl", [0, value], in: place()) == expected)
    }
    let both = [SeccompCondition(argument: 1, .greater, 3), SeccompCondition(argument: 1, .less, 9)]
    let typed = SeccompProfile(defaultAction: .errno(1), rules: [SeccompRule(.allow, ["ioctl"], when: both)])
    expectError(.unsupported, mentioning: "$.syscalls[0]") { () throws(ContainrError) in _ = try typed.json }
  }

  @Test(arguments: [
    (#"{}"#, "defaultAction"),
    (#"[]"#, "$: expected an object"),
    (#"{"defaultAction":"SCMP_ACT_MAYBE"}"#, "$.defaultAction"),
    (#"{"defaultAction":7}"#, "$.defaultAction: expected a string"),
    (#"{"defaultAction":"SCMP_ACT_ALLOW","defaultErrnoRet":1}"#, "$.defaultErrnoRet"),
    (#"{"defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":4096}"#, "$.defaultErrnoRet"),
    (#"{"defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":-1}"#, "$.defaultErrnoRet"),
    (#"{"defaultAction":"SCMP_ACT_ALLOW","architectures":["SCMP_ARCH_Z80"]}"#, "$.architectures[0]"),
    (#"{"defaultAction":"SCMP_ACT_ALLOW","architectures":"SCMP_ARCH_X86"}"#, "$.architectures: expected an array"),
    (
      #"{"defaultAction":"SCMP_ACT_ALLOW","architectures":["SCMP_ARCH_X86"],"archMap":[{"architecture":"SCMP_ARCH_X86"}]}"#,
      "$.archMap"
    ),
    (#"{"defaultAction":"SCMP_ACT_ALLOW","flags":["SECCOMP_FILTER_FLAG_NEW_LISTENER"]}"#, "$.flags[0]"),
    (#"{"defaultAction":"SCMP_ACT_ALLOW","listenerMetadata":"x"}"#, "$.listenerMetadata"),
    (#"{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"action":"SCMP_ACT_ALLOW"}]}"#, #""name" is missing"#),
    (#"{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["a"]}]}"#, "$.syscalls[0]"),
    (
      #"{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["a"],"name":"b","action":"SCMP_ACT_LOG"}]}"#,
      "$.syscalls[0].name"
    ),
    (#"{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":[3],"action":"SCMP_ACT_LOG"}]}"#, "$.syscalls[0].names[0]"),
    (
      #"{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["a"],"action":"SCMP_ACT_LOG","errnoRet":1}]}"#,
      "$.syscalls[0].errnoRet"
    ),
    (
      #"{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["a"],"action":"SCMP_ACT_LOG"},{"names":["a"],"action":"SCMP_ACT_LOG","args":[{"index":0,"value":1,"op":"SCMP_CMP_IS"}]}]}"#,
      "$.syscalls[1].args[0].op"
    ),
    (
      #"{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["a"],"action":"SCMP_ACT_LOG","args":[{"index":6,"value":1,"op":"SCMP_CMP_EQ"}]}]}"#,
      "$.syscalls[0].args[0].index"
    ),
    (
      #"{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["a"],"action":"SCMP_ACT_LOG","args":[{"index":0,"value":-1,"op":"SCMP_CMP_EQ"}]}]}"#,
      "$.syscalls[0].args[0].value"
    ),
    (
      #"{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["a"],"action":"SCMP_ACT_LOG","includes":{"caps":["CAP_NONSENSE"]}}]}"#,
      "$.syscalls[0].includes.caps[0]"
    ),
    (
      #"{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["a"],"action":"SCMP_ACT_LOG","excludes":{"minKernel":"4"}}]}"#,
      "$.syscalls[0].excludes.minKernel"
    ),
    (
      #"{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["a"],"action":"SCMP_ACT_LOG","excludes":{"uid":4}}]}"#,
      "$.syscalls[0].excludes.uid"
    ),
  ])
  func faultsAreNamedByTheirPath(text: String, path: String) {
    expectError(.seccomp, mentioning: path) { () throws(ContainrError) in _ = try Self.read(text) }
  }

  /// Changes bytes of good documents at random: each is read or refused with this code, and what is read is written again.
  @Test func mutatedDocumentsAreReadOrRefused() throws {
    var random = SeededGenerator(2024)
    let seeds = [Array(Self.docker.utf8), try SeccompProfile.containerDefault().json.serialized()]
    var counts = (read: 0, refused: 0)
    for round in 0..<600 {
      var bytes = seeds[round % 2]
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        let position = Int.random(in: 0..<bytes.count, using: &random)
        switch Int.random(in: 0..<4, using: &random) {
        case 0: bytes[position] = UInt8.random(in: 0...255, using: &random)
        case 1: bytes.remove(at: position)
        case 2: bytes.insert(Array("0123456789\"{}[],:".utf8).randomElement(using: &random)!, at: position)
        default:
          let end = min(bytes.count, position + Int.random(in: 1...40, using: &random))
          bytes.insert(contentsOf: bytes[position..<end], at: Int.random(in: 0..<bytes.count, using: &random))
        }
      }
      do throws(ContainrError) {
        let profile = try SeccompProfile(json: JSON(parsing: bytes, as: "it", code: .seccomp))
        #expect(try SeccompProfile(json: profile.json) == profile)
        counts.read += 1
      } catch {
        #expect(error.code == .seccomp, "round \(round): \(error)")
        counts.refused += 1
      }
    }
    #expect(counts.read > 10 && counts.refused > 100, "\(counts)")
  }
}
