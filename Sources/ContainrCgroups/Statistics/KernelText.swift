import ContainrCore
import Glibc

/// A part of what a kernel file says, still in the buffer that it was read into. Valid inside the closure that gets it.
struct KernelText {
  private var start: UnsafePointer<UInt8>
  private var count: Int

  init(start: UnsafePointer<UInt8>, count: Int) {
    self.start = start
    self.count = count
  }

  init(_ bytes: UnsafeBufferPointer<UInt8>) {
    // An empty buffer may have no address; nothing is read from this one.
    start = bytes.baseAddress ?? UnsafePointer(bitPattern: 1)!
    count = bytes.count
  }

  var isEmpty: Bool { count == 0 }

  /// Cuts off and returns what stands before the next separator; nil at the end. Empty parts are passed over.
  mutating func next(_ separator: UInt8) -> KernelText? {
    while count > 0, start.pointee == separator {
      start += 1
      count -= 1
    }
    guard count > 0 else { return nil }
    var length = 0
    while length < count, start[length] != separator { length += 1 }
    defer {
      start += length
      count -= length
    }
    return KernelText(start: start, count: length)
  }

  mutating func line() -> KernelText? { next(0x0a) }
  mutating func word() -> KernelText? { next(0x20) }

  /// The whole text as a number.
  ///
  /// - Throws: `CGROUP_STATISTICS` for anything but digits, and past 2⁶⁴ − 1.
  func number() throws(ContainrError) -> UInt64 {
    var value: UInt64 = 0
    guard count > 0 else { throw malformed("a number") }
    for index in 0..<count {
      let digit = start[index] &- 0x30
      let (product, overflow) = value.multipliedReportingOverflow(by: 10)
      let (sum, carry) = product.addingReportingOverflow(UInt64(digit))
      guard digit < 10, !overflow, !carry else { throw malformed("a number") }
      value = sum
    }
    return value
  }

  /// A number with two decimals, `12.34`, as the kernel prints averages.
  func hundredths() throws(ContainrError) -> Double {
    var rest = self
    guard let whole = rest.next(0x2e), let fraction = rest.next(0x2e), fraction.count == 2, rest.isEmpty else {
      throw malformed("a number with two decimals")
    }
    return Double(try whole.number()) + Double(try fraction.number()) / 100
  }

  /// The error of a text that is no `expected`; who reads the file adds its name.
  func malformed(_ expected: String) -> ContainrError {
    ContainrError(.cgroupStatistics, "reading a counter", hint: "\(expected) was expected, not \"\(self)\"")
  }

  /// Lets `switch` compare with literals.
  static func ~= (pattern: StaticString, text: KernelText) -> Bool {
    pattern.utf8CodeUnitCount == text.count && memcmp(pattern.utf8Start, text.start, text.count) == 0
  }
}

extension KernelText: CustomStringConvertible {
  var description: String { String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self) }
}
