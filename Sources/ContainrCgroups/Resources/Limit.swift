import ContainrCore

/// A limit, or the word for none: the kernel's `max`, the OCI specification's -1.
///
/// A limit of nil is another thing: it is left as it is. So a limit is taken off by ``max``.
///
/// ```swift
/// resources.memory.limit = .mebibytes(50)
/// resources.pids.limit = .max
/// ```
public enum Limit<Value: Sendable & Hashable>: Sendable, Hashable {
  /// No limit.
  case max
  /// A limit.
  case value(Value)

  /// The limit; nil for none.
  public var value: Value? {
    switch self {
    case .max: nil
    case .value(let value): value
    }
  }

  /// Converts the value of a limit.
  func map<Other>(_ convert: (Value) -> Other) -> Limit<Other> {
    switch self {
    case .max: .max
    case .value(let value): .value(convert(value))
    }
  }
}

extension Limit: Comparable where Value: Comparable {
  /// No limit is above every limit.
  public static func < (left: Limit, right: Limit) -> Bool {
    switch (left, right) {
    case (.value(let left), .value(let right)): left < right
    case (.value, .max): true
    case (.max, _): false
    }
  }
}

extension Limit: ExpressibleByIntegerLiteral where Value: ExpressibleByIntegerLiteral {
  /// A literal is a limit of that value.
  public init(integerLiteral value: Value.IntegerLiteralType) { self = .value(Value(integerLiteral: value)) }
}

extension Limit: CustomStringConvertible {
  /// The value, or `max`.
  public var description: String { value.map { "\($0)" } ?? "max" }
}

extension Limit where Value == ByteCount {
  /// `count` × 1024 bytes.
  public static func kibibytes(_ count: UInt64) -> Limit { .value(.kibibytes(count)) }
  /// `count` × 1024² bytes.
  public static func mebibytes(_ count: UInt64) -> Limit { .value(.mebibytes(count)) }
  /// `count` × 1024³ bytes.
  public static func gibibytes(_ count: UInt64) -> Limit { .value(.gibibytes(count)) }

  /// The bytes for a file of a version: version 1 takes -1 for none.
  func text(_ version: CgroupVersion) -> String { map(\.bytes).text(version) }

  /// What a file shows. Version 1 has no word for no limit and shows the largest whole number of pages, which may be huge
  /// ones of 1 GiB.
  init(reading text: String, of file: String) throws(ContainrError) {
    let limit = try Limit<UInt64>(reading: text, of: file)
    self = limit < .value(0x7fff_ffff_0000_0000) ? limit.map { ByteCount($0) } : .max
  }
}

extension Limit where Value == UInt64 {
  /// The number for a file of a version: version 1 takes -1 for none.
  func text(_ version: CgroupVersion) -> String { value.map { String($0) } ?? (version == .v1 ? "-1" : "max") }

  /// What a file shows.
  init(reading text: some StringProtocol, of file: String) throws(ContainrError) {
    if text == "max" || text == "-1" {
      self = .max
    } else if let value = UInt64(text) {
      self = .value(value)
    } else {
      throw ContainrError(.cgroupStatistics, "reading \(file)", hint: "a number or max was expected, not \"\(text)\"")
    }
  }
}
