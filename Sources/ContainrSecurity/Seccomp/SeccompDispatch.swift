/// The compiler: a whole filter as one program.
///
/// The kernel checks, translates and, for each call's number, emulates a filter when a process loads it: that is part of every
/// container start. libseccomp spends two instructions on each call of each architecture. Here neighbouring numbers with one
/// answer are one range, ranges are found by a binary search, and calls with the same conditions share their tests. It also
/// does what libseccomp has no means for:
///
/// - Calls newer than the profile get ``SeccompProfile/newerCalls``.
/// - 32-bit x86 can reach the socket calls through `socketcall(2)`, whose arguments lie in memory where no filter sees them.
///   libseccomp would let `socketcall` through for a call whose rule has conditions, without looking at them. Here it gets the
///   profile's default, unless a rule names `socketcall` itself. So it is with `ipc(2)`.
/// - Several conditions on one argument, and rules on one call that overlap: the first one counts.
struct SeccompDispatch {
  private(set) var program = SeccompProgram()

  private enum Answer: Hashable {
    case value(UInt32)
    case rules([Int])
    case multiplexer(Int)
    /// Lets the call with the mark through.
    indirect case marked(Answer)
  }
  private struct Range {
    var start: UInt32
    var answer: Answer
  }

  private let table: SeccompRuleTable
  private let native: SeccompArchitecture?
  private let mark: UInt64
  private var positions: [Answer: SeccompProgram.Position] = [:]
  private var profile: SeccompProfile { table.profile }

  /// Compiles for architectures, the machine's own first. A `mark` other than 0 lets through the `sendmsg(2)` that has it.
  init(of table: SeccompRuleTable, for architectures: [SeccompArchitecture], mark: UInt64 = 0) {
    self.table = table
    self.mark = mark
    native = architectures.first
    let hasX32 = architectures.contains(.x32)
    var trees: [(token: UInt32, top: SeccompProgram.Position)] = []
    // The later a tree is written the nearer it is to the beginning.
    for architecture in architectures.reversed() where architecture != .x32 {
      let top = tree(ranges(of: architecture, hasX32: hasX32)[...])
      trees.append((architecture.rawValue, program.load(offset: 0, then: top)))
    }
    var next = program.answer(SeccompAction.killProcess.returnValue)
    for (token, top) in trees { next = program.jump(.equal, token, to: top, otherwise: next) }
    _ = program.load(offset: 4, then: next)
  }

  // MARK: Tables

  private func ranges(of architecture: SeccompArchitecture, hasX32: Bool) -> [Range] {
    var ranges = table(of: architecture, from: 0)
    if architecture == .x86_64 {
      // To the kernel x32 is x86-64 with other numbers.
      if hasX32 {
        ranges += table(of: .x32, from: SystemCallTable.x32Bit)
      } else {
        // A tracer that cancels a call writes -1: that is no call of x32.
        let cancelled = Range(start: .max, answer: ranges[ranges.count - 1].answer)
        ranges += [Range(start: SystemCallTable.x32Bit, answer: .value(SeccompAction.killProcess.returnValue)), cancelled]
      }
    }
    var merged: [Range] = []
    for range in ranges where merged.last?.answer != range.answer { merged.append(range) }
    return merged
  }

  private var other: Answer { .value(profile.defaultAction.returnValue) }
  private var newer: Answer { .value(table.newerCalls.returnValue) }

  private func table(of architecture: SeccompArchitecture, from base: UInt32) -> [Range] {
    let verdicts = table.verdicts(on: architecture)
    let newest = table.newest(verdicts.keys, on: architecture)
    var answers = verdicts.mapValues(answer)
    if architecture == .x86 {
      for multiplexer in SeccompRuleTable.multiplexers {
        if let index = table.multiplexer(multiplexer.number) { answers[multiplexer.number] = .multiplexer(index) }
      }
    }
    if mark != 0, architecture == native, let sender = SystemCallTable.number(of: "sendmsg", on: architecture) {
      let isNewer = newest.map { sender > $0 } ?? false
      answers[sender] = .marked(answers[sender] ?? (isNewer ? newer : other))
    }
    var ranges: [Range] = []
    var next = base
    for (number, answer) in answers.sorted(by: { $0.key < $1.key }) {
      if number > next {
        // What is named by nobody begins to be newer in the middle of a gap.
        if let newest, newest < next {
          ranges.append(Range(start: next, answer: newer))
        } else {
          ranges.append(Range(start: next, answer: other))
        }
      }
      ranges.append(Range(start: number, answer: answer))
      next = number + 1
    }
    ranges.append(Range(start: next, answer: newest == nil ? other : newer))
    return ranges
  }

  private func answer(_ verdict: SeccompRuleTable.Verdict) -> Answer {
    switch verdict {
    case .always(let index): .value(profile.rules[index].action.returnValue)
    case .byDefault: other
    case .alternatives(let rules): .rules(rules)
    }
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
    // A long chain is reached by a jump rather than written twice.
    if case .rules = answer, let known = positions[answer] { return program.go(to: known) }
    let position: SeccompProgram.Position
    switch answer {
    case .value(let value): position = program.answer(value)
    case .rules(let rules): position = chain(rules)
    case .multiplexer(let index): position = demultiplex(SeccompRuleTable.multiplexers[index])
    case .marked(let inner):
      let otherwise = self.position(of: inner)
      position = equal(
        5, mask: .max, mark, to: self.position(of: .value(SeccompAction.allow.returnValue)), otherwise: otherwise)
    }
    positions[answer] = position
    return position
  }

  /// Tries rules one after another.
  private mutating func chain(_ rules: [Int]) -> SeccompProgram.Position {
    var next = position(of: other)
    for index in rules.reversed() {
      let rule = profile.rules[index]
      let otherwise = next
      var position = position(of: .value(rule.action.returnValue))
      for condition in rule.conditions.reversed() { position = test(condition, then: position, otherwise: otherwise) }
      next = position
    }
    return next
  }

  /// Compares an argument of 64 bits, in halves.
  private mutating func test(
    _ condition: SeccompCondition, then yes: SeccompProgram.Position, otherwise no: SeccompProgram.Position
  ) -> SeccompProgram.Position {
    let value = condition.value
    switch condition.comparison {
    case .equal: return equal(condition.argument, mask: .max, value, to: yes, otherwise: no)
    case .notEqual: return equal(condition.argument, mask: .max, value, to: no, otherwise: yes)
    case .maskedEqual(let mask): return equal(condition.argument, mask: mask, value, to: yes, otherwise: no)
    case .greater: return ordered(condition.argument, .above, value, to: yes, otherwise: no)
    case .greaterOrEqual: return ordered(condition.argument, .atLeast, value, to: yes, otherwise: no)
    case .less: return ordered(condition.argument, .atLeast, value, to: no, otherwise: yes)
    case .lessOrEqual: return ordered(condition.argument, .above, value, to: no, otherwise: yes)
    }
  }

  private static func offsets(of argument: UInt8) -> (low: UInt32, high: UInt32) {
    let start = 16 + 8 * UInt32(argument)
    // The machines that this is written for are little-endian.
    return (start, start + 4)
  }

  private mutating func equal(
    _ argument: UInt8, mask: UInt64, _ value: UInt64, to yes: SeccompProgram.Position, otherwise no: SeccompProgram.Position
  ) -> SeccompProgram.Position {
    guard value & ~mask == 0 else { return no }
    let (low, high) = Self.offsets(of: argument)
    var next = yes
    for (offset, shift) in [(low, UInt64(0)), (high, 32)] {
      let part = UInt32(truncatingIfNeeded: mask >> shift)
      guard part != 0 else { continue }
      let jump = program.jump(.equal, UInt32(truncatingIfNeeded: value >> shift), to: next, otherwise: no)
      next = program.load(offset: offset, mask: part, then: jump)
    }
    return next
  }

  private mutating func ordered(
    _ argument: UInt8, _ comparison: SeccompProgram.Test, _ value: UInt64, to yes: SeccompProgram.Position,
    otherwise no: SeccompProgram.Position
  ) -> SeccompProgram.Position {
    let (low, high) = Self.offsets(of: argument)
    let upper = UInt32(value >> 32)
    let lower = program.jump(comparison, UInt32(truncatingIfNeeded: value), to: yes, otherwise: no)
    let whole = program.load(offset: low, then: lower)
    let same = program.jump(.equal, upper, to: whole, otherwise: no)
    return program.load(offset: high, then: program.jump(.above, upper, to: yes, otherwise: same))
  }

  /// Decides by the first argument, which says what call is meant.
  private mutating func demultiplex(_ multiplexer: SeccompRuleTable.Multiplexer) -> SeccompProgram.Position {
    var next = position(of: table.verdicts[multiplexer.name].map(answer) ?? other)
    for (number, name) in multiplexer.calls {
      guard let rule = table.hidden(name) else { continue }
      let action = rule.map { profile.rules[$0].action } ?? profile.defaultAction
      next = program.jump(.equal, number, to: position(of: .value(action.returnValue)), otherwise: next)
    }
    return program.load(offset: 16, then: next)
  }
}
