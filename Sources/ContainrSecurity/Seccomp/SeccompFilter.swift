/// A compiled profile: a program of classic BPF that the kernel runs before each system call.
public struct SeccompFilter: Hashable, Sendable {
  /// The instructions as an array of `struct sock_filter` (`linux/filter.h`), 8 bytes each, in the machine's byte order.
  public let bytes: [UInt8]
  /// How it is to be loaded, for `seccomp(2)`.
  public let flags: SeccompFlags

  /// What the process that loads the filter puts into the last register of the `sendmsg(2)` that hands over the listener: that
  /// one call is let through, whatever the profile says of `sendmsg`. Random, and unknown to the program; 0 without a listener.
  let mark: UInt64

  /// The most instructions that the kernel takes (`BPF_MAXINSNS`).
  public static let maximumInstructionCount = 4096

  /// How many instructions there are.
  public var instructionCount: Int { bytes.count / 8 }

  /// Whether some calls are answered by a supervisor, so that loading the filter makes a listener.
  public var notifies: Bool { flags.contains(.newListener) }

  /// Takes instructions; nil unless there are 1 to 4096 of 8 bytes.
  package init?(bytes: [UInt8], flags: SeccompFlags = [], mark: UInt64 = 0) {
    guard !bytes.isEmpty, bytes.count % 8 == 0, bytes.count / 8 <= Self.maximumInstructionCount else { return nil }
    self.bytes = bytes
    self.flags = flags
    self.mark = mark
  }

  // MARK: Files: flags and mark as 8 bytes each, little-endian, then the instructions

  static let storedHeaderSize = 16

  /// Reads what ``stored`` wrote; nil for anything else.
  package init?(stored: some Collection<UInt8>) {
    guard stored.count > Self.storedHeaderSize else { return nil }
    func word(_ offset: Int) -> UInt64 {
      stored.dropFirst(offset).prefix(8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    }
    guard let flags = UInt32(exactly: word(0)), flags & ~0x3f == 0 else { return nil }
    self.init(
      bytes: Array(stored.dropFirst(Self.storedHeaderSize)), flags: SeccompFlags(rawValue: flags), mark: word(8))
  }

  /// The filter with its flags, for a file.
  package var stored: [UInt8] {
    [UInt64(flags.rawValue), mark].flatMap { word in
      (0..<8).map { UInt8(truncatingIfNeeded: word >> (8 * UInt64($0))) }
    } + bytes
  }
}
