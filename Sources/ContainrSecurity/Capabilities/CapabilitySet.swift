/// A set of capabilities: 64 bits, as the kernel keeps one.
public struct CapabilitySet: RawRepresentable, Hashable, Sendable {
  /// The bits; bit n is capability n.
  public var rawValue: UInt64

  /// Takes the bits as `/proc/PID/status` prints them.
  public init(rawValue: UInt64) { self.rawValue = rawValue }
}

extension CapabilitySet: SetAlgebra {
  /// The empty set.
  public init() { rawValue = 0 }

  /// Whether the capability is in the set.
  public func contains(_ member: Capability) -> Bool { rawValue & Self.bit(member) != 0 }
  /// What is in either set.
  public func union(_ other: CapabilitySet) -> CapabilitySet { CapabilitySet(rawValue: rawValue | other.rawValue) }
  /// What is in both sets.
  public func intersection(_ other: CapabilitySet) -> CapabilitySet { CapabilitySet(rawValue: rawValue & other.rawValue) }
  /// What is in one of the sets only.
  public func symmetricDifference(_ other: CapabilitySet) -> CapabilitySet {
    CapabilitySet(rawValue: rawValue ^ other.rawValue)
  }
  /// What is in this set and not in the other.
  public func subtracting(_ other: CapabilitySet) -> CapabilitySet { CapabilitySet(rawValue: rawValue & ~other.rawValue) }
  /// Adds what the other set has.
  public mutating func formUnion(_ other: CapabilitySet) { rawValue |= other.rawValue }
  /// Keeps only what the other set has too.
  public mutating func formIntersection(_ other: CapabilitySet) { rawValue &= other.rawValue }
  /// Keeps what one of the sets has only.
  public mutating func formSymmetricDifference(_ other: CapabilitySet) { rawValue ^= other.rawValue }

  /// Adds a capability.
  @discardableResult
  public mutating func insert(_ member: Capability) -> (inserted: Bool, memberAfterInsert: Capability) {
    let isNew = !contains(member)
    rawValue |= Self.bit(member)
    return (isNew, member)
  }
  /// Removes a capability, and returns it where it was in the set.
  @discardableResult
  public mutating func remove(_ member: Capability) -> Capability? {
    guard contains(member) else { return nil }
    rawValue &= ~Self.bit(member)
    return member
  }
  /// Adds a capability, and returns it where it was in the set.
  @discardableResult
  public mutating func update(with member: Capability) -> Capability? { insert(member).inserted ? nil : member }

  private static func bit(_ member: Capability) -> UInt64 { 1 << UInt64(member.rawValue) }
}

extension CapabilitySet: Sequence {
  /// The capabilities in the order of their numbers.
  public func makeIterator() -> AnyIterator<Capability> {
    var left = rawValue
    return AnyIterator {
      guard left != 0 else { return nil }
      let number = UInt8(left.trailingZeroBitCount)
      left &= left - 1
      return Capability(number: number)
    }
  }

  /// How many capabilities are in the set.
  public var count: Int { rawValue.nonzeroBitCount }

  /// The capabilities of this set that `available` has too.
  public func limited(to available: CapabilitySet) -> CapabilitySet { intersection(available) }
}

extension CapabilitySet: CustomStringConvertible {
  /// The names as `capsh --print` lists them, `cap_chown,cap_kill`; `none` for the empty set.
  public var description: String { isEmpty ? "none" : map(\.name).joined(separator: ",") }
}
