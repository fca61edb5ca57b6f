import CSeccomp
import ContainrSecurity
import Glibc

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

  init(_ filter: SeccompFilter) {
    program = stride(from: 0, to: filter.bytes.count, by: 8).map { start in
      filter.bytes.withUnsafeBytes { bytes in
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
    seccomp_syscall_resolve_name_arch(architecture.rawValue, name) >= 0
  }

  func number(of name: String, on architecture: SeccompArchitecture) throws -> UInt32 {
    // For 32-bit x86 libseccomp answers with numbers of its own that stand for socketcall(2).
    if architecture == .x86, let direct = ["socket": 359, "socketpair": 360][name] as UInt32? { return direct }
    let number = seccomp_syscall_resolve_name_arch(architecture.rawValue, name)
    guard number >= 0 else { throw Fault() }
    return UInt32(number)
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
    guard number <= newest else { return newerCalls ?? defaultAction }
    guard let name = Self.name(of: number, on: architecture) else { return defaultAction }
    let matching = rules.filter { $0.names.contains(name) }
    if let rule = matching.first(where: { $0.conditions.isEmpty }) { return rule.action }
    return matching.first { $0.conditions.allSatisfy { $0.holds(for: arguments) } }?.action ?? defaultAction
  }

  static func name(of number: UInt32, on architecture: SeccompArchitecture) -> String? {
    guard let text = seccomp_syscall_resolve_num_arch(architecture.rawValue, CInt(bitPattern: number)) else { return nil }
    defer { free(text) }
    return String(cString: text)
  }

  /// The highest number on an architecture of a call that the rules name.
  func newest(on architecture: SeccompArchitecture) -> UInt32 {
    let names = Set(rules.flatMap(\.names))
    return UInt32(names.map { max(0, seccomp_syscall_resolve_name_arch(architecture.rawValue, $0)) }.max()!)
  }
}

extension SeccompCondition {
  fileprivate func holds(for arguments: [UInt64]) -> Bool {
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
