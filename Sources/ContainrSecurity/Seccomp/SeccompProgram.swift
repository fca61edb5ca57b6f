/// Classic BPF, written from its end to its beginning: jumps go forward only, so that where one goes is always there already.
struct SeccompProgram {
  /// An instruction, by how many follow it.
  typealias Position = Int

  private struct Instruction {
    var code: UInt16
    var whenTrue: UInt8 = 0
    var whenFalse: UInt8 = 0
    var operand: UInt32
  }

  /// `ld [offset]` of `struct seccomp_data`.
  private static let load: UInt16 = 0x20
  private static let mask: UInt16 = 0x54
  private static let go: UInt16 = 0x05
  private static let `return`: UInt16 = 0x06

  /// The test of a conditional jump on the loaded word.
  enum Test: UInt16 {
    case equal = 0x15
    case above = 0x25
    case atLeast = 0x35
  }

  private var reversed: [Instruction] = []

  /// Whether conditional jumps will reach a position for a while.
  func isNear(_ position: Position) -> Bool { reversed.count - position <= 200 }

  /// Loads a word, and goes to an instruction: 0 is the call's number, 4 the architecture, 16 the lower half of the first
  /// argument.
  mutating func load(offset: UInt32, then next: Position) -> Position {
    follow(Instruction(code: Self.load, operand: offset), by: next)
  }

  /// An instruction with another behind it, at once or by a jump.
  private mutating func follow(_ instruction: Instruction, by next: Position) -> Position {
    if next != reversed.count - 1 { _ = go(to: next) }
    return append(instruction)
  }

  /// Loads a word, keeps the bits of a mask, and goes to an instruction.
  mutating func load(offset: UInt32, mask: UInt32, then next: Position) -> Position {
    guard mask != .max else { return load(offset: offset, then: next) }
    let masking = follow(Instruction(code: Self.mask, operand: mask), by: next)
    return follow(Instruction(code: Self.load, operand: offset), by: masking)
  }

  /// Ends with a value.
  mutating func answer(_ value: UInt32) -> Position { append(Instruction(code: Self.return, operand: value)) }

  /// Goes to an instruction.
  mutating func go(to next: Position) -> Position {
    append(Instruction(code: Self.go, operand: UInt32(reversed.count - next - 1)))
  }

  /// Compares, and goes to one of two instructions.
  mutating func jump(_ test: Test, _ operand: UInt32, to yes: Position, otherwise no: Position) -> Position {
    let yes = near(yes)
    let no = near(no)
    return append(
      Instruction(
        code: test.rawValue, whenTrue: UInt8(reversed.count - yes - 1), whenFalse: UInt8(reversed.count - no - 1),
        operand: operand))
  }

  /// A position that a jump reaches with its 8 bits: the given one, a copy of it, or an unconditional jump to it.
  private mutating func near(_ position: Position) -> Position {
    guard reversed.count - position > 240 else { return position }
    var instruction = reversed[position]
    switch instruction.code {
    case Self.return: break
    case Self.go: instruction.operand += UInt32(reversed.count - position)
    default: instruction = Instruction(code: Self.go, operand: UInt32(reversed.count - position - 1))
    }
    return append(instruction)
  }

  private mutating func append(_ instruction: Instruction) -> Position {
    reversed.append(instruction)
    return reversed.count - 1
  }

  /// How many instructions there are.
  var count: Int { reversed.count }

  /// The instructions as the kernel reads them (`struct sock_filter`). The first is the one that was written last.
  var bytes: [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(reversed.count * 8)
    for instruction in reversed.reversed() {
      withUnsafeBytes(of: instruction.code) { bytes.append(contentsOf: $0) }
      bytes.append(instruction.whenTrue)
      bytes.append(instruction.whenFalse)
      withUnsafeBytes(of: instruction.operand) { bytes.append(contentsOf: $0) }
    }
    return bytes
  }
}
