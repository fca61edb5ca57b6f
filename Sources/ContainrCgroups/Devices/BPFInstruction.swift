/// One eBPF instruction in 64 bits (`bpf/standardization/instruction-set.rst`): as much of the set as device rules need.
struct BPFInstruction: Hashable, Sendable {
  /// A register. r0 is the result, r1 the argument, r1 to r5 are free in a program without calls.
  enum Register: UInt64 {
    case r0, r1, r2, r3, r4, r5
  }

  /// Opcode (8 bits), destination (4), source (4), offset (16), immediate (32), from the lowest bit.
  let encoded: UInt64

  private init(
    _ opcode: UInt8, _ destination: Register = .r0, _ source: Register = .r0, offset: Int16 = 0, immediate: UInt32 = 0
  ) {
    encoded =
      UInt64(opcode) | destination.rawValue << 8 | source.rawValue << 12
      | UInt64(UInt16(bitPattern: offset)) << 16 | UInt64(immediate) << 32
  }

  /// `destination = *(u32 *)(source + offset)`
  static func load32(_ destination: Register, from source: Register, offset: Int16) -> Self {
    Self(0x61, destination, source, offset: offset)
  }
  /// `destination = source`, 32 bits
  static func move(_ destination: Register, _ source: Register) -> Self { Self(0xbc, destination, source) }
  /// `destination = value`, 32 bits
  static func move(_ destination: Register, _ value: UInt32) -> Self { Self(0xb4, destination, immediate: value) }
  /// `destination &= value`, 32 bits
  static func and(_ destination: Register, _ value: UInt32) -> Self { Self(0x54, destination, immediate: value) }
  /// `destination >>= count`, 32 bits
  static func shiftRight(_ destination: Register, _ count: UInt32) -> Self { Self(0x74, destination, immediate: count) }
  /// Skips `count` instructions where the lower 32 bits are equal.
  static func jumpIfEqual(_ register: Register, _ value: UInt32, by count: Int16) -> Self {
    Self(0x16, register, offset: count, immediate: value)
  }
  /// Skips `count` instructions where the lower 32 bits differ.
  static func jumpUnlessEqual(_ register: Register, _ value: UInt32, by count: Int16) -> Self {
    Self(0x56, register, offset: count, immediate: value)
  }
  /// Returns r0.
  static let exit = Self(0x95)
}
