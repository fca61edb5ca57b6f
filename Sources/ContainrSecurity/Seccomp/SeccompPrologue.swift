import CSeccomp

/// The instructions before those of libseccomp: what libseccomp has no means for.
///
/// - Calls newer than the profile get ``SeccompProfile/newerCalls``.
/// - 32-bit x86 can reach the socket calls through `socketcall(2)`, whose arguments lie in memory where no filter sees them.
///   libseccomp lets `socketcall` through for a call whose rule has conditions, without looking at them. Here it gets the
///   profile's default, unless a rule names `socketcall` itself.
///
/// Both look at the architecture and the number only, but for that one call, so the kernel's table of calls that are always
/// allowed (Linux 5.11) works as without.
struct SeccompPrologue {
  private(set) var bytes: [UInt8] = []

  private struct Block {
    var token: UInt32
    var instructions: [Instruction]
  }

  private struct Instruction {
    var code: UInt16
    var whenTrue: UInt8 = 0
    var whenFalse: UInt8 = 0
    var operand: UInt32
  }

  /// `known` holds the names of the profile that libseccomp knows.
  init(of profile: SeccompProfile, known: Set<String>) {
    let blocks = Self.blocks(of: profile, known: known)
    guard !blocks.isEmpty else { return }
    var program = [Self.load(offset: 4)]
    var left = blocks.reduce(0) { $0 + $1.instructions.count + 1 }
    for block in blocks {
      program.append(Self.jump(0x15, block.token, otherwise: UInt8(block.instructions.count)))
      left -= 1
      for instruction in block.instructions {
        left -= 1
        var instruction = instruction
        // "Go on with libseccomp's program": how far that is, is known only here.
        if instruction.code == 0x05 { instruction.operand = UInt32(left) }
        program.append(instruction)
      }
    }
    for instruction in program {
      withUnsafeBytes(of: instruction.code) { bytes.append(contentsOf: $0) }
      bytes += [instruction.whenTrue, instruction.whenFalse]
      withUnsafeBytes(of: instruction.operand) { bytes.append(contentsOf: $0) }
    }
  }

  private static func blocks(of profile: SeccompProfile, known: Set<String>) -> [Block] {
    let highest: (SeccompArchitecture) -> UInt32? = { architecture in
      guard profile.newerCalls != nil, profile.newerCalls != profile.defaultAction,
        profile.architectures.contains(architecture)
      else { return nil }
      let numbers = known.map { seccomp_syscall_resolve_name_arch(architecture.rawValue, $0) }
      return numbers.max().flatMap { $0 > 0 ? UInt32($0) : nil }
    }
    var blocks: [Block] = []
    for architecture in profile.architectures where architecture != .x32 {
      var tests: [Instruction] = []
      let refusal = (profile.newerCalls ?? profile.defaultAction).returnValue
      if architecture == .x86_64, let top = highest(.x32) {
        tests.append(jump(0x25, top | x32Bit))
        tests.append(jump(0x35, x32Bit, otherwise: 1))
        tests.append(Instruction(code: 0x05, operand: 0))
      }
      if let top = highest(architecture) {
        if architecture == .x86_64, tests.isEmpty {
          // Numbers of x32 are libseccomp's to refuse.
          tests.append(jump(0x35, x32Bit, otherwise: 1))
          tests.append(Instruction(code: 0x05, operand: 0))
        }
        tests.append(jump(0x25, top))
      }
      var body = [load(offset: 0)] + tests
      let hidden = architecture == .x86 ? hiddenSocketCalls(of: profile) : []
      if !hidden.isEmpty {
        body.append(jump(0x15, 102, otherwise: UInt8(hidden.count * 2 + 1)))
        body.append(load(offset: 16))
        for number in hidden {
          body.append(jump(0x15, number, otherwise: 1))
          body.append(Instruction(code: 0x06, operand: profile.defaultAction.returnValue))
        }
      }
      guard body.count > 1 else { continue }
      body.append(Instruction(code: 0x05, operand: 0))
      body.append(Instruction(code: 0x06, operand: refusal))
      // Jumps that found a newer call go to the last instruction of the block.
      for index in body.indices where body[index].code == 0x25 { body[index].whenTrue = UInt8(body.count - 2 - index) }
      blocks.append(Block(token: architecture.rawValue, instructions: body))
    }
    return blocks
  }

  /// The numbers in `socketcall(2)` of the calls whose rules have conditions.
  private static func hiddenSocketCalls(of profile: SeccompProfile) -> [UInt32] {
    let namesIt = profile.rules.contains { $0.names.contains("socketcall") && $0.action != profile.defaultAction }
    guard !namesIt, !profile.defaultAction.letsThrough else { return [] }
    let conditional = Set(profile.rules.filter { !$0.conditions.isEmpty }.flatMap(\.names))
    return socketCalls.enumerated().compactMap { conditional.contains($1) ? UInt32($0 + 1) : nil }
  }

  private static let x32Bit: UInt32 = 0x4000_0000
  private static let socketCalls = [
    "socket", "bind", "connect", "listen", "accept", "getsockname", "getpeername", "socketpair", "send", "recv", "sendto",
    "recvfrom", "shutdown", "setsockopt", "getsockopt", "sendmsg", "recvmsg", "accept4", "recvmmsg", "sendmmsg",
  ]

  private static func load(offset: UInt32) -> Instruction { Instruction(code: 0x20, operand: offset) }
  private static func jump(_ code: UInt16, _ operand: UInt32, otherwise: UInt8 = 0) -> Instruction {
    Instruction(code: code, whenFalse: otherwise, operand: operand)
  }
}
