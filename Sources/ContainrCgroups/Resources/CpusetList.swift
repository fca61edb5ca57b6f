import ContainrCore

/// A list of CPUs or memory nodes in the kernel's list format (`cpuset(7)`): `0-3,8`.
public struct CpusetList: Sendable, Hashable {
  /// The numbers as ascending ranges that do not touch.
  public let ranges: [ClosedRange<UInt32>]

  /// The largest number that any Linux takes (`CONFIG_NR_CPUS` ends at 8192).
  private static let largest: UInt32 = 8191

  private init(_ unsorted: [ClosedRange<UInt32>]) {
    var merged: [ClosedRange<UInt32>] = []
    for range in unsorted.sorted(by: { $0.lowerBound < $1.lowerBound }) {
      if let last = merged.last, range.lowerBound <= last.upperBound || range.lowerBound == last.upperBound &+ 1 {
        merged[merged.count - 1] = last.lowerBound...Swift.max(last.upperBound, range.upperBound)
      } else {
        merged.append(range)
      }
    }
    ranges = merged
  }

  /// Reads a list: numbers and ranges separated by commas, in any order.
  ///
  /// - Throws: `INVALID_ARGUMENT` for an empty list, any other character, a range that goes down, a number above 8191.
  public init(_ text: String) throws(ContainrError) {
    var found: [ClosedRange<UInt32>] = []
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      let ends = part.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false).map { Self.number($0) }
      guard let first = ends[0], let last = ends[ends.count - 1], first <= last else {
        throw ContainrError(
          .invalidArgument, "reading the list \"\(text)\" of CPUs or memory nodes", hint: "numbers and ranges such as 0-3,8")
      }
      found.append(first...last)
    }
    self.init(found)
  }

  private static func number(_ text: Substring) -> UInt32? {
    guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let value = UInt32(text), value <= largest else { return nil }
    return value
  }

  /// How many numbers are in it.
  public var count: Int { ranges.reduce(0) { $0 + $1.count } }
  /// Whether a number is in it.
  public func contains(_ number: UInt32) -> Bool { ranges.contains { $0.contains(number) } }
}

extension CpusetList: ExpressibleByArrayLiteral {
  /// The numbers one by one: `[0, 1, 8]`.
  public init(arrayLiteral elements: UInt32...) { self.init(elements.map { $0...$0 }) }
}

extension CpusetList: CustomStringConvertible {
  /// The kernel's form: `0-3,8`.
  public var description: String {
    ranges.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }.joined(separator: ",")
  }
}
