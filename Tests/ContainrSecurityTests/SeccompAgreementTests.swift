import ContainrCore
import Testing

@testable import ContainrSecurity

/// Four readings of one profile must agree on every call: its rules (`explain`), our filter, libseccomp's filter, and an
/// independent evaluation of the rules in the test.
@Suite struct SeccompAgreementTests {
  enum Profile: String, CaseIterable {
    case containerDefault, allCapabilities, noCapabilities, denyList, everyComparison, severalActions, overlapping

    var profile: SeccompProfile {
      switch self {
      case .containerDefault: .containerDefault()
      case .allCapabilities: .containerDefault(for: .named)
      case .noCapabilities: .containerDefault(for: [])
      case .denyList:
        SeccompProfile(
          defaultAction: .allow,
          rules: [SeccompRule(.errno(13), ["mkdir", "mkdirat", "openat2"]), SeccompRule(.killProcess, ["reboot"])])
      case .everyComparison:
        SeccompProfile(
          defaultAction: .errno(1),
          rules: zip(
            ["read", "write", "lseek", "mmap", "fcntl", "prctl", "madvise", "kill"] as [String],
            [
              .equal, .notEqual, .less, .lessOrEqual, .greater, .greaterOrEqual, .maskedEqual(mask: 0xff00_0000_0f0f),
              .maskedEqual(mask: 0xffff_ffff),
            ] as [SeccompCondition.Comparison]
          ).map { name, comparison in
            let value: UInt64 =
              switch comparison {
              case .maskedEqual(let mask): 0x1200_0000_0304 & mask
              default: 0x1_0000_0005
              }
            return SeccompRule(.allow, [name], when: [SeccompCondition(argument: 1, comparison, value)])
          })
      case .severalActions:
        SeccompProfile(
          defaultAction: .errno(38),
          rules: [
            SeccompRule(.allow, ["read", "write"]), SeccompRule(.log, ["openat"]), SeccompRule(.trap, ["mount"]),
            SeccompRule(.trace(77), ["ptrace"]), SeccompRule(.killThread, ["bpf"]), SeccompRule(.killProcess, ["reboot"]),
            SeccompRule(.errno(0), ["chown"]), SeccompRule(.errno(4094), ["fchown"]),
            SeccompRule(.allow, ["ioctl"], when: [.low32(of: 1, equals: 5), SeccompCondition(argument: 0, .notEqual, 7)]),
            SeccompRule(.allow, ["ioctl"], when: [.low32(of: 1, equals: 9)]),
          ])
      case .overlapping:
        // libseccomp cannot have these: two conditions on one argument, and rules of which the first counts.
        SeccompProfile(
          defaultAction: .errno(1), newerCalls: .errno(38),
          rules: [
            SeccompRule(.trap, ["ioctl"], when: [SeccompCondition(argument: 1, .equal, 7)]),
            SeccompRule(
              .allow, ["ioctl"], when: [SeccompCondition(argument: 1, .greater, 4), SeccompCondition(argument: 1, .less, 12)]),
            SeccompRule(.log, ["ioctl", "fcntl"], when: [SeccompCondition(argument: 1, .less, 6)]),
            SeccompRule(.allow, ["fcntl"], when: [SeccompCondition(argument: 1, .maskedEqual(mask: 0xf0), 0x100)]),
          ])
      }
    }

    /// Where libseccomp knows all numbers and has no other opinion.
    var isOfLibseccomp: Bool { self != .overlapping }
  }

  static let edges: [UInt64] = [
    0, 1, 4, 5, 6, 7, 8, 9, 11, 12, 38, 40, 41, 47, 48, 0x304, 0x2_0008, 0x1000_0000, 0x7e02_0000, 0x7fff_ffff, 0x8000_0000,
    0xffff_ffff, 0x1_0000_0000, 0x1_0000_0004, 0x1_0000_0005, 0x1_0000_0006, 0x1_0000_0028, 0x1200_0000_0304,
    0xffff_ffff_0000_0005, 0xffff_ffff_0000_0028, .max,
  ]

  static let machines: [SeccompArchitecture] = [.x86_64, .aarch64]

  @Test(arguments: Profile.allCases, machines)
  func explanationAndFilterAgreeOnEveryCall(of kind: Profile, on machine: SeccompArchitecture) throws {
    var profile = kind.profile
    profile.architectures = machine.companions
    let place = SeccompEnvironment(capabilities: .dockerDefault, architecture: machine, kernel: KernelVersion(6, 1))
    let filter = FilterSimulator(try SeccompFilter(compiling: profile, for: place))
    let explanation = try SeccompExplanation(of: profile, in: place)
    var disagreements: [String] = []
    var count = 0
    for architecture in machine.companions {
      let newest = profile.newest(on: architecture)
      let base = architecture == .x32 ? SystemCallTable.x32Bit : 0
      let numbers = Array(base..<base + 600) + [base + 0xf_0001, base + 0xf_0005, base + 0x3fff_ffff]
      for number in numbers {
        let expected = profile.expected(architecture, number, newest: newest)
        for value in Self.edges {
          let arguments = [value, value, value, 0, 0, value]
          let compiled = try filter.run(architecture, number, arguments).value
          let decision = explanation.decide(number, arguments, on: architecture)
          count += 1
          var agree = compiled == decision.action.returnValue
          // Behind these are other calls, whose rules the test's own reading does not know.
          if agree, !(architecture == .x86 && (number == 102 || number == 117)), number < base + 600 {
            agree = compiled == expected(arguments).returnValue
          }
          if !agree { disagreements.append("\(architecture) \(number) \(value): \(compiled) but \(decision)") }
        }
      }
    }
    #expect(disagreements.isEmpty, "\(disagreements.count) of \(count): \(disagreements.prefix(5))")
  }

  #if arch(x86_64)
    @Test(arguments: Profile.allCases.filter(\.isOfLibseccomp), machines)
    func libseccompAgreesOnEveryCallThatItKnows(of kind: Profile, on machine: SeccompArchitecture) throws {
      var profile = kind.profile
      profile.architectures = machine.companions
      // libseccomp has no answer of its own for newer calls.
      profile.newerCalls = nil
      let place = SeccompEnvironment(capabilities: .dockerDefault, architecture: machine, kernel: KernelVersion(6, 1))
      let ours = FilterSimulator(try SeccompFilter(compiling: profile, for: place))
      let theirs = try LibseccompFilter.compile(profile, for: machine)
      var disagreements: [String] = []
      for architecture in machine.companions {
        let base = architecture == .x32 ? SystemCallTable.x32Bit : 0
        for number in base..<base + 448 {
          // libseccomp lets socketcall(2) and ipc(2) through for what is behind them, and knows their direct numbers partly.
          if architecture == .x86, number == 102 || number == 117 { continue }
          if SystemCallTable.isNewerThanLibseccomp(number, on: architecture) { continue }
          for value in Self.edges {
            // libseccomp compares the lower half only where it takes registers for 32 bits.
            let isNarrow = architecture == .x86 || architecture == .x32 || architecture == .arm
            if isNarrow, value > UInt32.max || kind == .everyComparison { continue }
            let arguments = [value, value, value, 0, 0, 0]
            let our = try ours.run(architecture, number, arguments).value
            let their = try theirs.run(architecture, number, arguments).value
            if our != their {
              let name = SystemCallTable.name(of: number, on: architecture) ?? "?"
              disagreements.append("\(architecture) \(name) \(number) \(value): \(our) and \(their)")
            }
          }
        }
      }
      #expect(disagreements.isEmpty, "\(disagreements.count): \(disagreements.prefix(5))")
    }
  #endif

  @Test func theRuleThatDecidesIsNamed() throws {
    let profile = Profile.overlapping.profile
    let first = try profile.explain(syscall: "ioctl", arguments: [0, 7])
    #expect(first == SeccompDecision(.trap, .rule(0, conditions: [SeccompCondition(argument: 1, .equal, 7)])))
    let second = try profile.explain(syscall: "ioctl", arguments: [0, 5])
    #expect(second.action == .allow && second.description == "allow by rule 1, argument 1 > 4, argument 1 < 12")
    #expect(try profile.explain(syscall: "ioctl", arguments: [0, 3]).action == .log)
    #expect(try profile.explain(syscall: "ioctl", arguments: [0, 12]) == SeccompDecision(.errno(1), .noRule))
    #expect(try profile.explain(syscall: "read") == SeccompDecision(.errno(1), .noRule))
    #expect(try profile.explain(number: 5000) == SeccompDecision(.errno(38), .newerCall))
    #expect(try profile.explain(number: 1, on: .arm).reason == .foreignArchitecture)
    expectError(.invalidArgument) { () throws(ContainrError) in _ = try profile.explain(syscall: "no_such_call") }
  }

  #if arch(x86_64)
    @Test func callsBehindSocketcallAreNamed() throws {
      let decision = try SeccompProfile.containerDefault().explain(number: 102, arguments: [1], on: .x86)
      #expect(decision == SeccompDecision(.errno(1), .multiplexed("socket", rule: nil)))
      #expect(decision.description == "errno 1 as socket, by default")
      let bind = try SeccompProfile.containerDefault().explain(number: 102, arguments: [2], on: .x86)
      #expect(bind == SeccompDecision(.allow, .multiplexed("bind", rule: 0)))
    }
  #endif

  /// Random profiles, from a seed that the failure names.
  @Test(arguments: 1...40 as ClosedRange<UInt64>) func randomProfilesAreCompiledAsTheyAreExplained(seed: UInt64) throws {
    var random = SeededGenerator(seed)
    let names = ["read", "write", "ioctl", "fcntl", "socket", "mmap", "sendmsg", "semop", "clone", "mseal", "getxattrat"]
    let actions: [SeccompAction] = [.allow, .errno(5), .trap, .log, .notify, .trace(3), .killThread]
    let values: [UInt64] = [0, 1, 5, 0xffff_ffff, 0x1_0000_0000, 0x1_0000_0005, 0x8000_0000_0000_0000, .max]
    var profile = SeccompProfile(
      defaultAction: actions.randomElement(using: &random)!, newerCalls: Bool.random(using: &random) ? .errno(38) : nil,
      architectures: Bool.random(using: &random) ? [] : SeccompArchitecture.ofMachine)
    for _ in 0..<Int.random(in: 0...40, using: &random) {
      let conditions = (0..<Int.random(in: 1...4, using: &random)).map { _ in
        let mask = values.randomElement(using: &random)!
        let comparison =
          ([
            .equal, .notEqual, .less, .lessOrEqual, .greater, .greaterOrEqual, .maskedEqual(mask: mask),
          ] as [SeccompCondition.Comparison]).randomElement(using: &random)!
        return SeccompCondition(
          argument: UInt8.random(in: 0...5, using: &random), comparison, values.randomElement(using: &random)!)
      }
      profile.rules.append(
        SeccompRule(
          actions.randomElement(using: &random)!, [names.randomElement(using: &random)!], when: conditions))
    }
    let filter = FilterSimulator(try SeccompFilter(compiling: profile))
    let explanation = try SeccompExplanation(of: profile, in: nil)
    for architecture in SeccompArchitecture.ofMachine {
      for name in names + ["socketcall", "ipc", "close"] {
        guard let number = SystemCallTable.number(of: name, on: architecture) else { continue }
        for _ in 0..<60 {
          let arguments = (0..<6).map { _ in values.randomElement(using: &random)! }
          let decision = explanation.decide(number, arguments, on: architecture)
          #expect(
            try filter.run(architecture, number, arguments).value == decision.action.returnValue,
            "\(architecture) \(name) \(arguments): \(decision)")
        }
      }
    }
  }

  @Test func listenerIsHandedOverWhateverTheProfileSaysOfSendmsg() throws {
    let filter = try SeccompFilter(compiling: SeccompProfile(defaultAction: .notify))
    let simulator = FilterSimulator(filter)
    #expect(filter.notifies && filter.mark != 0)
    #expect(try simulator.decide("sendmsg", [3, 0, 0, 0, 0, filter.mark]) == Returned.allow)
    #expect(try simulator.decide("sendmsg", [3, 0, 0, 0, 0, filter.mark ^ 1 << 40]) == SeccompAction.notify.returnValue)
    #expect(try simulator.decide("sendmsg", [3, 0, 0, 0, 0, filter.mark ^ 1]) == SeccompAction.notify.returnValue)
    #expect(try simulator.decide("read", [3, 0, 0, 0, 0, filter.mark]) == SeccompAction.notify.returnValue)
    #expect(try SeccompFilter(compiling: .containerDefault()).mark == 0)
  }
}

func expectError(
  _ code: ContainrError.Code, mentioning text: String = "", sourceLocation: SourceLocation = #_sourceLocation,
  _ body: () throws(ContainrError) -> Void
) {
  do throws(ContainrError) {
    try body()
    Issue.record("no error", sourceLocation: sourceLocation)
  } catch {
    #expect(error.code == code && error.description.contains(text), "\(error)", sourceLocation: sourceLocation)
  }
}

/// The same numbers for the same seed (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64
  init(_ seed: UInt64) { state = seed }
  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var value = state
    value = (value ^ value >> 30) &* 0xbf58_476d_1ce4_e5b9
    value = (value ^ value >> 27) &* 0x94d0_49bb_1331_11eb
    return value ^ value >> 31
  }
}
