import ContainrCore
import Testing

@testable import ContainrSecurity

@Suite struct SeccompProfileTests {
  @Test func denyListProfileRefusesWhatItNames() throws {
    let profile = SeccompProfile(
      defaultAction: .allow,
      rules: [
        SeccompRule(.errno(13), ["mkdir", "mkdirat"]), SeccompRule(.killProcess, ["reboot"]), SeccompRule(.trap, ["acct"]),
      ])
    let simulator = FilterSimulator(try SeccompFilter(compiling: profile))
    #expect(try simulator.decide("mkdir") == 0x0005_000d)
    #expect(try simulator.decide("reboot") == Returned.killProcess)
    #expect(try simulator.decide("acct") == 0x0003_0000)
    #expect(try simulator.decide("read") == Returned.allow)
    #expect(try simulator.run(.native, 900).value == Returned.allow)
  }

  @Test(
    arguments: [
      (SeccompCondition.Comparison.equal, [5], [4, 6]), (.notEqual, [4, 6], [5]), (.less, [4], [5, 6]),
      (.lessOrEqual, [4, 5], [6]), (.greater, [6, 1 << 40], [4, 5]), (.greaterOrEqual, [5, 6], [4]),
      (.maskedEqual(mask: 7), [5, 13, 0xff00_0000_0000_0005], [4, 12]),
    ] as [(SeccompCondition.Comparison, [UInt64], [UInt64])])
  func conditionComparesWholeRegisters(comparison: SeccompCondition.Comparison, matching: [UInt64], other: [UInt64]) throws {
    let rule = SeccompRule(.allow, ["fchmod"], when: [SeccompCondition(argument: 1, comparison, 5)])
    let simulator = FilterSimulator(try SeccompFilter(compiling: SeccompProfile(defaultAction: .errno(1), rules: [rule])))
    for value in matching { #expect(try simulator.decide("fchmod", [0, value]) == Returned.allow, "\(value)") }
    for value in other { #expect(try simulator.decide("fchmod", [0, value]) == Returned.eperm, "\(value)") }
  }

  @Test func allConditionsOfARuleMustHold() throws {
    let rule = SeccompRule(.allow, ["fcntl"], when: [.low32(of: 0, equals: 1), .low32(of: 1, equals: 2)])
    let simulator = FilterSimulator(try SeccompFilter(compiling: SeccompProfile(defaultAction: .errno(1), rules: [rule])))
    #expect(try simulator.decide("fcntl", [1, 2]) == Returned.allow)
    #expect(try simulator.decide("fcntl", [1, 3]) == Returned.eperm)
    #expect(try simulator.decide("fcntl", [0, 2]) == Returned.eperm)
  }

  @Test func profileWithoutX32EndsAProcessThatUsesIt() throws {
    let profile = SeccompProfile(
      defaultAction: .errno(1), newerCalls: .errno(38), architectures: [.native],
      rules: [SeccompRule(.allow, ["read", "write"])])
    let simulator = FilterSimulator(try SeccompFilter(compiling: profile))
    #expect(try simulator.decide("read") == Returned.allow)
    #expect(try simulator.run(.x32, 0x4000_0001).value == Returned.killProcess)
    #expect(try simulator.run(.x86, 3).value == Returned.killProcess)
    #expect(try simulator.run(.native, 2).value == Returned.enosys)
  }

  /// So many ranges that jumps of 8 bits do not reach: every other call, with three answers.
  @Test func scatteredProfileIsDecidedExactly() throws {
    let names = (UInt32(0)..<450).compactMap { SeccompProfile.name(of: $0, on: .native) }
    var rules: [SeccompRule] = [SeccompRule(.allow, []), SeccompRule(.errno(7), []), SeccompRule(.errno(9), [])]
    for (index, name) in names.enumerated() { rules[index % 3].names.append(name) }
    let profile = SeccompProfile(defaultAction: .errno(1), newerCalls: .errno(38), rules: rules)
    let simulator = FilterSimulator(try SeccompFilter(compiling: profile))
    for architecture in SeccompArchitecture.ofMachine {
      let newest = profile.newest(on: architecture)
      let base: UInt32 = architecture == .x32 ? 0x4000_0000 : 0
      for number in base..<(base + 560) where !(architecture == .x86 && (number == 102 || number == 117)) {
        let expected = profile.expected(architecture, number, [0, 0, 0, 0, 0, 0], newest: newest)
        #expect(try simulator.run(architecture, number).value == expected.returnValue, "\(architecture.rawValue) \(number)")
      }
    }
  }

  @Test func ofRulesThatDisagreeTheFirstCounts() throws {
    let profile = SeccompProfile(
      defaultAction: .allow, rules: [SeccompRule(.errno(1), ["mkdir"]), SeccompRule(.errno(2), ["mkdir"])])
    #expect(try FilterSimulator(SeccompFilter(compiling: profile)).decide("mkdir") == 0x0005_0001)
  }

  @Test func conditionalRefusalOfASocketHoldsBehindSocketcall() throws {
    let rule = SeccompRule(.errno(97), ["socket"], when: [.low32(of: 0, equals: 40)])
    let simulator = FilterSimulator(try SeccompFilter(compiling: SeccompProfile(defaultAction: .allow, rules: [rule])))
    #expect(try simulator.decide("socket", [40]) == 0x0005_0061)
    #expect(try simulator.decide("socket", [2]) == Returned.allow)
    #expect(try simulator.run(.x86, 102, [1]).value == 0x0005_0061)
    #expect(try simulator.run(.x86, 102, [2]).value == Returned.allow)
  }

  @Test func ruleThatNamesSocketcallIsHonoured() throws {
    var profile = SeccompProfile.containerDefault()
    profile.rules.append(SeccompRule(.allow, ["socketcall"]))
    let simulator = FilterSimulator(try SeccompFilter(compiling: profile))
    #expect(try simulator.run(.x86, 102, [1]).value == Returned.allow)
  }

  @Test func unknownNamesArePassedOverAndReported() throws {
    let rules = [SeccompRule(.allow, ["read", "no_such_call", "read\0x"]), SeccompRule(.trap, ["also_none"])]
    let profile = SeccompProfile(defaultAction: .errno(1), rules: rules)
    #expect(try FilterSimulator(SeccompFilter(compiling: profile)).decide("read") == Returned.allow)
    #expect(profile.unknownNames == ["no_such_call", "read\0x", "also_none"])
    // Calls of other architectures and of kernels newer than libseccomp are known.
    #expect(SeccompProfile(defaultAction: .allow, rules: [SeccompRule(.trap, ["set_tls", "file_setattr"])]).unknownNames == [])
  }

  @Test func malformedProfilesAreRefused() {
    let condition = SeccompCondition(argument: 6, .equal, 0)
    expectSeccompError(
      SeccompProfile(defaultAction: .errno(1), rules: [SeccompRule(.allow, ["read"], when: [condition])]), mentioning: "not 6")
    expectSeccompError(SeccompProfile(defaultAction: .allow, rules: [SeccompRule(.errno(5000), ["read"])]), mentioning: "5000")
    expectSeccompError(SeccompProfile(defaultAction: .errno(65535)), mentioning: "error number")
    expectSeccompError(SeccompProfile(defaultAction: .errno(1), newerCalls: .errno(4096)), mentioning: "4096")
    expectSeccompError(SeccompProfile(defaultAction: .allow, architectures: [.x86]), mentioning: "architecture")
    expectSeccompError(SeccompProfile(defaultAction: .allow, flags: .waitKillable), mentioning: "WAIT_KILLABLE")
  }

  private func expectSeccompError(_ profile: SeccompProfile, mentioning text: String) {
    do {
      _ = try SeccompFilter(compiling: profile)
      Issue.record("compiled")
    } catch { #expect(error.code == .seccomp && error.description.contains(text), "\(error)") }
  }
}
