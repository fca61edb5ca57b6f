/// A compiled profile: a program of classic BPF that the kernel runs before each system call.
public struct SeccompFilter: Hashable, Sendable {
  /// The instructions as an array of `struct sock_filter` (`linux/filter.h`), 8 bytes each, in the machine's byte order.
  public let bytes: [UInt8]

  /// The most instructions that the kernel takes (`BPF_MAXINSNS`).
  public static let maximumInstructionCount = 4096

  /// How many instructions there are.
  public var instructionCount: Int { bytes.count / 8 }

  /// Takes instructions; nil unless there are 1 to 4096 of 8 bytes.
  package init?(bytes: [UInt8]) {
    guard !bytes.isEmpty, bytes.count % 8 == 0, bytes.count / 8 <= Self.maximumInstructionCount else { return nil }
    self.bytes = bytes
  }
}
