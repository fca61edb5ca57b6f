import ContainrCore
import Testing

@testable import ContainrCgroups

@Suite("Values of limits")
struct ResourceValueTests {
  @Test("A number of CPUs is a quota for 100 ms")
  func quota() throws {
    #expect(try CPUQuota(cpus: 0.5).quota == .value(.milliseconds(50)))
    #expect(try CPUQuota(cpus: 2.25).quota == .value(.milliseconds(225)))
    #expect(try CPUQuota(cpus: 0.5).cpus == 0.5)
  }

  @Test("Quotas that the kernel would refuse are refused", arguments: [0, -1, 0.001, .nan, .infinity, 1e9])
  func badQuota(_ cpus: Double) {
    #expect(throws: ContainrError.self) { try CPUQuota(cpus: cpus) }
  }

  @Test(
    "Shares become weights so that least, default and most meet",
    arguments: [(0, 1), (2, 1), (256, 35), (512, 59), (1024, 100), (2048, 174), (262_144, 10_000), (UInt64.max, 10_000)]
      as [(UInt64, UInt64)])
  func weight(_ shares: UInt64, _ weight: UInt64) {
    #expect(CPUWeight(shares: shares).value == weight)
  }

  @Test("The default weight is the default of shares")
  func shares() throws {
    #expect(try CPUWeight(100).shares == 1024)
    #expect(throws: ContainrError.self) { try CPUWeight(0) }
  }

  @Test("No limit needs no controller, each limit needs its own")
  func controllers() throws {
    #expect(CgroupResources().controllers.isEmpty)
    #expect(CgroupResources { $0.memory.limit = 1 }.controllers == .memory)
    #expect(CgroupResources { $0.devices = [] }.controllers == .devices)
  }
}

@Suite("Device rules")
struct DeviceRuleTests {
  static let cases: [[DeviceRule]] = [
    [], DeviceRule.containerDefaults, DeviceRule.everything,
    [DeviceRule(allow: true), DeviceRule(allow: false, .character, 1, 3)],
    [
      DeviceRule(allow: true, .character, 1, access: [.read, .mknod]),
      DeviceRule(allow: true, .character, 1, 3, access: .write),
    ],
    [DeviceRule(allow: true, .all, 1, nil, access: .read), DeviceRule(allow: false, .block, 1, nil, access: .read)],
    [
      DeviceRule(allow: true), DeviceRule(allow: false, .all, access: .mknod),
      DeviceRule(allow: true, .block, 8, 0, access: .mknod),
    ],
    [
      DeviceRule(allow: false), DeviceRule(allow: true, .character, 5, 1),
      DeviceRule(allow: false, .character, 5, 1, access: .write),
    ],
  ]

  /// What the rules say, by the definition: for each bit the last rule that names it.
  static func allowed(_ rules: [DeviceRule], _ kind: DeviceRule.Kind, _ major: UInt32, _ minor: UInt32, _ wanted: UInt32)
    -> Bool
  {
    for bit: UInt32 in [1, 2, 4] where wanted & bit != 0 {
      let last = rules.last {
        ($0.kind == .all || $0.kind == kind) && ($0.major == nil || $0.major == major)
          && ($0.minor == nil || $0.minor == minor) && $0.access.rawValue & bit != 0
      }
      if last?.allow != true { return false }
    }
    return true
  }

  /// Runs a program as the kernel would.
  static func run(_ program: [BPFInstruction], accessType: UInt32, major: UInt32, minor: UInt32) -> UInt32? {
    var registers = [UInt32](repeating: 0, count: 16)
    let context: [Int: UInt32] = [0: accessType, 4: major, 8: minor]
    var index = 0
    while index < program.count {
      let word = program[index].encoded
      let destination = Int(word >> 8 & 15), source = Int(word >> 12 & 15)
      let offset = Int(Int16(truncatingIfNeeded: word >> 16)), immediate = UInt32(truncatingIfNeeded: word >> 32)
      index += 1
      switch UInt8(truncatingIfNeeded: word) {
      case 0x61: registers[destination] = context[offset] ?? 0
      case 0xbc: registers[destination] = registers[source]
      case 0xb4: registers[destination] = immediate
      case 0x54: registers[destination] &= immediate
      case 0x74: registers[destination] >>= immediate
      case 0x16: if registers[destination] == immediate { index += offset }
      case 0x56: if registers[destination] != immediate { index += offset }
      case 0x95: return registers[0]
      default: return nil
      }
    }
    return nil
  }

  @Test("The program decides as the rules say, for every kind, device and access", arguments: cases.indices)
  func program(_ index: Int) {
    let rules = Self.cases[index]
    let program = DeviceProgram(rules).instructions
    for kind in [DeviceRule.Kind.block, .character] {
      for (major, minor) in [(1, 3), (1, 5), (5, 1), (8, 0), (136, 7), (10, 200)] as [(UInt32, UInt32)] {
        for wanted: UInt32 in 1...7 {
          let result = Self.run(program, accessType: wanted << 16 | (kind == .block ? 1 : 2), major: major, minor: minor)
          #expect(result == (Self.allowed(rules, kind, major, minor, wanted) ? 1 : 0), "\(kind) \(major):\(minor) \(wanted)")
        }
      }
    }
  }

  @Test("Rules for all kinds of one device become one for each kind: the kernel reads nothing after an a")
  func partialAll() throws {
    let writes = try DeviceList([DeviceRule(allow: true, .all, 1, 3, access: .read)]).writes
    #expect(writes.map(\.entry) == ["a", "c 1:3 r", "b 1:3 r"])
    #expect(writes.map(\.allow) == [false, true, true])
  }

  @Test("A hole in a wider rule, which version 1 would take and not keep, is refused")
  func hole() throws {
    let error = #expect(throws: ContainrError.self) {
      try DeviceList([DeviceRule(allow: true, .character, 1), DeviceRule(allow: false, .character, 1, 3)])
    }
    #expect(error?.code == .unsupported)
    // From everything a device can be taken.
    let writes = try DeviceList([DeviceRule(allow: true), DeviceRule(allow: false, .character, 1, 3)]).writes
    #expect(writes.map(\.entry) == ["a", "a", "c 1:3 rwm"])
    #expect(writes.map(\.allow) == [false, true, false])
  }
}
