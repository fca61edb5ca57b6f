import CSeccomp
import Glibc

@testable import ContainrSecurity

/// Runs a filter as the kernel does: classic BPF over `struct seccomp_data`.
struct FilterSimulator {
  struct Fault: Error {}

  struct Instruction {
    var code: UInt16
    var whenTrue: Int
    var whenFalse: Int
    var operand: UInt32
  }
  let program: [Instruction]

  init(_ filter: SeccompFilter) { self.init(filter.bytes) }

  /// Reads `struct sock_filter[]`.
  init(_ instructions: [UInt8]) {
    program = stride(from: 0, to: instructions.count, by: 8).map { start in
      instructions.withUnsafeBytes { bytes in
        Instruction(
          code: bytes.loadUnaligned(fromByteOffset: start, as: UInt16.self), whenTrue: Int(bytes[start + 2]),
          whenFalse: Int(bytes[start + 3]), operand: bytes.loadUnaligned(fromByteOffset: start + 4, as: UInt32.self))
      }
    }
  }

  /// The value that the filter returns for a call, and after how many instructions.
  func run(_ architecture: SeccompArchitecture, _ number: UInt32, _ arguments: [UInt64] = []) throws -> (
    value: UInt32, steps: Int
  ) {
    // In the kernel x32 has the token of x86-64.
    let token = architecture == .x32 ? SeccompArchitecture.x86_64.rawValue : architecture.rawValue
    var data: [UInt32] = [number, token, 0, 0]
    for index in 0..<6 {
      let value = index < arguments.count ? arguments[index] : 0
      data += [UInt32(truncatingIfNeeded: value), UInt32(value >> 32)]
    }
    var accumulator: UInt32 = 0
    var position = 0
    for steps in 1...program.count {
      guard program.indices.contains(position) else { throw Fault() }
      let instruction = program[position]
      position += 1
      let condition: Bool
      switch instruction.code {
      case 0x20:
        guard instruction.operand % 4 == 0, instruction.operand < 64 else { throw Fault() }
        accumulator = data[Int(instruction.operand / 4)]
        continue
      case 0x54:
        accumulator &= instruction.operand
        continue
      case 0x05:
        position += Int(instruction.operand)
        continue
      case 0x06: return (instruction.operand, steps)
      case 0x15: condition = accumulator == instruction.operand
      case 0x25: condition = accumulator > instruction.operand
      case 0x35: condition = accumulator >= instruction.operand
      case 0x45: condition = accumulator & instruction.operand != 0
      default: throw Fault()
      }
      position += condition ? instruction.whenTrue : instruction.whenFalse
    }
    throw Fault()
  }

  /// What happens to a call by name.
  func decide(_ name: String, _ arguments: [UInt64] = [], on architecture: SeccompArchitecture = .native) throws -> UInt32 {
    try run(architecture, number(of: name, on: architecture), arguments).value
  }

  func has(_ name: String, on architecture: SeccompArchitecture) -> Bool {
    SystemCallTable.number(of: name, on: architecture) != nil
  }

  func number(of name: String, on architecture: SeccompArchitecture) throws -> UInt32 {
    guard let number = SystemCallTable.number(of: name, on: architecture) else { throw Fault() }
    return number
  }
}

/// The values of `linux/seccomp.h`.
enum Returned {
  static let allow: UInt32 = 0x7fff_0000
  static let killProcess: UInt32 = 0x8000_0000
  static let eperm: UInt32 = 0x0005_0001
  static let enosys: UInt32 = 0x0005_0026
}

extension SeccompProfile {
  /// What the profile says about a call, worked out from the rules and not from the filter.
  func expected(_ architecture: SeccompArchitecture, _ number: UInt32, _ arguments: [UInt64], newest: UInt32) -> SeccompAction {
    expected(architecture, number, newest: newest)(arguments)
  }

  /// The same for many arguments.
  func expected(
    _ architecture: SeccompArchitecture, _ number: UInt32, newest: UInt32
  ) -> ([UInt64]) -> SeccompAction {
    guard number <= newest else { return { _ in newerCalls ?? defaultAction } }
    guard let name = Self.name(of: number, on: architecture) else { return { _ in defaultAction } }
    let matching = rules.filter { $0.names.contains(name) && $0.action != defaultAction }
    if let rule = matching.first(where: { $0.conditions.isEmpty }) { return { _ in rule.action } }
    return { arguments in
      matching.first { $0.conditions.allSatisfy { $0.isMet(by: arguments) } }?.action ?? defaultAction
    }
  }

  static func name(of number: UInt32, on architecture: SeccompArchitecture) -> String? {
    SystemCallTable.name(of: number, on: architecture)
  }

  /// The highest number on an architecture of a call that the rules name.
  func newest(on architecture: SeccompArchitecture) -> UInt32 {
    Set(rules.flatMap(\.names)).compactMap { SystemCallTable.number(of: $0, on: architecture) }
      // ARM has some of its own far above.
      .filter { $0 & 0xf_0000 == 0 }.max()!
  }
}

extension SeccompCondition {
  fileprivate func isMet(by arguments: [UInt64]) -> Bool {
    let actual = arguments[Int(argument)]
    return switch comparison {
    case .equal: actual == value
    case .notEqual: actual != value
    case .less: actual < value
    case .lessOrEqual: actual <= value
    case .greater: actual > value
    case .greaterOrEqual: actual >= value
    case .maskedEqual(let mask): actual & mask == value
    }
  }
}
