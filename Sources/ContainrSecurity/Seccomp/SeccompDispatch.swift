import CSeccomp
import Glibc

/// The first part of a filter: it decides every call whose rule has no condition, and leaves the rest to libseccomp's program.
///
/// The kernel checks, translates and, for each call's number, emulates a filter when a process loads it: that is part of every
/// container start. libseccomp spends two instructions on each call of each architecture. Here neighbouring numbers with one
/// answer are one range, and ranges are found by a binary search. It also does what libseccomp has no means for:
///
/// - Calls newer than the profile get ``SeccompProfile/newerCalls``.
/// - 32-bit x86 can reach the socket calls through `socketcall(2)`, whose arguments lie in memory where no filter sees them.
///   libseccomp would let `socketcall` through for a call whose rule has conditions, without looking at them. Here it gets the
///   profile's default, unless a rule names `socketcall` itself. So it is with `ipc(2)`.
struct SeccompDispatch {
  private(set) var program = SeccompProgram()

  private enum Answer: Hashable {
    case value(UInt32)
    case libseccomp
    case multiplexer(Int)
  }
  private struct Range {
    var start: UInt32
    var answer: Answer
  }

  private let profile: SeccompProfile
  private let unconditional: [String: SeccompAction]
  private let conditional: Set<String>
  private var positions: [Answer: SeccompProgram.Position] = [:]

  /// `unconditional` holds the calls that have a rule without conditions, `conditional` those that have others only.
  init(of profile: SeccompProfile, unconditional: [String: SeccompAction], conditional: Set<String>) {
    self.profile = profile
    self.unconditional = unconditional
    self.conditional = conditional
    let tokens = profile.architectures.filter { $0 != .x32 }
    var trees: [(token: UInt32, top: SeccompProgram.Position)] = []
    // The machine's own comes first in the profile: the later a tree is written the nearer it is to the beginning.
    for architecture in tokens.reversed() {
      let top = tree(ranges(of: architecture)[...])
      trees.append((architecture.rawValue, program.load(offset: 0, then: top)))
    }
    var next = program.leave()
    for (token, top) in trees { next = program.jump(.equal, token, to: top, otherwise: next) }
    _ = program.load(offset: 4, then: next)
  }

  // MARK: Tables

  private static let x32Bit: UInt32 = 0x4000_0000

  private func ranges(of architecture: SeccompArchitecture) -> [Range] {
    var ranges = table(of: architecture, from: 0)
    if architecture == .x86_64 {
      // To the kernel x32 is x86-64 with other numbers. Where the profile does not have it, libseccomp's program ends it.
      let hasX32 = profile.architectures.contains(.x32)
      ranges += hasX32 ? table(of: .x32, from: Self.x32Bit) : [Range(start: Self.x32Bit, answer: .libseccomp)]
    }
    var merged: [Range] = []
    for range in ranges where merged.last?.answer != range.answer { merged.append(range) }
    return merged
  }

  private func table(of architecture: SeccompArchitecture, from base: UInt32) -> [Range] {
    var answers: [UInt32: Answer] = [:]
    for name in conditional.union(unconditional.keys) {
      let number = seccomp_syscall_resolve_name_arch(architecture.rawValue, name)
      if number >= 0 { answers[UInt32(number)] = answer(of: name) }
    }
    if architecture == .x86 {
      // Where a call can be multiplexed, libseccomp answers a name with a number of its own; the direct ones lie from
      // recvmmsg to msgctl.
      for number in UInt32(337)...402 {
        guard let text = seccomp_syscall_resolve_num_arch(architecture.rawValue, CInt(number)) else { continue }
        defer { free(text) }
        let name = String(cString: text)
        if unconditional[name] != nil || conditional.contains(name) { answers[number] = answer(of: name) }
      }
      for (index, multiplexer) in Self.multiplexers.enumerated() where unconditional[multiplexer.name] == nil {
        answers[multiplexer.number] = .multiplexer(index)
      }
    }
    // ARM has a few calls of its own far above the others: they are not what newness is measured by.
    let newest = answers.keys.filter { $0 - base < 0xf_0000 }.max() ?? base
    let newer = Answer.value((profile.newerCalls ?? profile.defaultAction).returnValue)
    let other = Answer.value(profile.defaultAction.returnValue)
    var ranges: [Range] = []
    var next = base
    for (number, answer) in answers.sorted(by: { $0.key < $1.key }) {
      if number > next { ranges.append(Range(start: next, answer: next > newest ? newer : other)) }
      ranges.append(Range(start: number, answer: answer))
      next = number + 1
    }
    ranges.append(Range(start: next, answer: answers.isEmpty ? other : newer))
    return ranges
  }

  private func answer(of name: String) -> Answer {
    unconditional[name].map { .value($0.returnValue) } ?? .libseccomp
  }

  // MARK: Instructions

  private mutating func tree(_ ranges: ArraySlice<Range>) -> SeccompProgram.Position {
    if ranges.count == 1 { return position(of: ranges[ranges.startIndex].answer) }
    let middle = ranges.startIndex + ranges.count / 2
    let upper = tree(ranges[middle...])
    let lower = tree(ranges[..<middle])
    return program.jump(.atLeast, ranges[middle].start, to: upper, otherwise: lower)
  }

  private mutating func position(of answer: Answer) -> SeccompProgram.Position {
    if let known = positions[answer], program.isNear(known) { return known }
    let position: SeccompProgram.Position
    switch answer {
    case .value(let value): position = program.answer(value)
    case .libseccomp: position = program.leave()
    case .multiplexer(let index): position = demultiplex(Self.multiplexers[index])
    }
    positions[answer] = position
    return position
  }

  /// Decides by the first argument, which says what call is meant.
  private mutating func demultiplex(_ multiplexer: Multiplexer) -> SeccompProgram.Position {
    let refusal = Answer.value(profile.defaultAction.returnValue)
    var next = position(of: conditional.contains(multiplexer.name) ? .libseccomp : refusal)
    for (number, name) in multiplexer.calls {
      if let action = unconditional[name] {
        next = program.jump(.equal, number, to: position(of: .value(action.returnValue)), otherwise: next)
      } else if conditional.contains(name) {
        next = program.jump(.equal, number, to: position(of: hidden(name)), otherwise: next)
      }
    }
    return program.load(offset: 16, then: next)
  }

  /// The answer to a call whose conditions cannot be checked: the strictest that the profile has for it.
  private func hidden(_ name: String) -> Answer {
    guard profile.defaultAction.letsThrough else { return .value(profile.defaultAction.returnValue) }
    let rule = profile.rules.first { $0.names.contains(name) && !$0.action.letsThrough }
    return .value((rule?.action ?? profile.defaultAction).returnValue)
  }

  // MARK: Calls behind one call, of 32-bit x86 (linux/net.h, linux/ipc.h)

  private struct Multiplexer {
    var name: String
    var number: UInt32
    var calls: [(UInt32, String)]
  }

  private static let multiplexers = [
    Multiplexer(
      name: "socketcall", number: 102,
      calls: [
        (1, "socket"), (2, "bind"), (3, "connect"), (4, "listen"), (5, "accept"), (6, "getsockname"), (7, "getpeername"),
        (8, "socketpair"), (9, "send"), (10, "recv"), (11, "sendto"), (12, "recvfrom"), (13, "shutdown"), (14, "setsockopt"),
        (15, "getsockopt"), (16, "sendmsg"), (17, "recvmsg"), (18, "accept4"), (19, "recvmmsg"), (20, "sendmmsg"),
      ]),
    Multiplexer(
      name: "ipc", number: 117,
      calls: [
        (1, "semop"), (2, "semget"), (3, "semctl"), (4, "semtimedop"), (11, "msgsnd"), (12, "msgrcv"), (13, "msgget"),
        (14, "msgctl"), (21, "shmat"), (22, "shmdt"), (23, "shmget"), (24, "shmctl"),
      ]),
  ]
}
