/// A version of [Semantic Versioning 2.0.0](https://semver.org/spec/v2.0.0.html): `1.4.0-rc.1+build.5`.
///
/// Values compare by precedence (section 11), for which build metadata does not count: `1.0.0+a == 1.0.0+b`.
public struct SemanticVersion: Hashable, Comparable, Sendable {
  /// The first number: incompatible changes.
  public let major: UInt64
  /// The second number: new features.
  public let minor: UInt64
  /// The third number: repairs.
  public let patch: UInt64
  /// The identifiers after `-`, of a version before the release.
  public let prerelease: [String]
  /// The identifiers after `+`.
  public let build: [String]

  /// Makes a release's version.
  public init(_ major: UInt64, _ minor: UInt64, _ patch: UInt64) {
    self.major = major
    self.minor = minor
    self.patch = patch
    prerelease = []
    build = []
  }

  /// Parses a version strictly.
  ///
  /// - Throws: `INVALID_ARGUMENT` for anything that the specification's grammar does not give, such as `1.0`, `v1.0.0`, `01.0.0`.
  public init(parsing text: String) throws(ContainrError) {
    guard let version = Self.parse(text) else {
      throw ContainrError(
        .invalidArgument, "reading the version \"\(text)\"", hint: "three numbers such as 1.4.0, 1.4.0-rc.1 or 1.4.0+build.5")
    }
    self = version
  }

  /// Parses the tag of a release: the version with a `v` before it.
  ///
  /// - Throws: `INVALID_ARGUMENT` for any other text.
  public init(tag: String) throws(ContainrError) {
    guard tag.utf8.first == UInt8(ascii: "v"), let version = Self.parse(tag.dropFirst()) else {
      throw ContainrError(.invalidArgument, "reading the tag \"\(tag)\"", hint: "v and a version, such as v1.4.0")
    }
    self = version
  }

  private init(numbers: [UInt64], prerelease: [String], build: [String]) {
    major = numbers[0]
    minor = numbers[1]
    patch = numbers[2]
    self.prerelease = prerelease
    self.build = build
  }

  private static func parse(_ text: some StringProtocol) -> SemanticVersion? {
    guard text.utf8.allSatisfy({ $0 < 0x80 }) else { return nil }
    let plus = text.split(separator: "+", maxSplits: 1, omittingEmptySubsequences: false)
    let dash = plus[0].split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
    let numbers = dash[0].split(separator: ".", omittingEmptySubsequences: false)
    guard numbers.count == 3, numbers.allSatisfy({ isNumber($0) && !hasLeadingZero($0) }) else { return nil }
    let values = numbers.compactMap { UInt64($0) }
    let prerelease = dash.count > 1 ? identifiers(dash[1]) : []
    let build = plus.count > 1 ? identifiers(plus[1]) : []
    guard values.count == 3, let prerelease, let build, !prerelease.contains(where: hasLeadingZero) else { return nil }
    return SemanticVersion(numbers: values, prerelease: prerelease, build: build)
  }

  private static func identifiers(_ text: some StringProtocol) -> [String]? {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false).map { String($0) }
    let isWellFormed = parts.allSatisfy { part in
      !part.isEmpty && part.utf8.allSatisfy { isDigit($0) || $0 == UInt8(ascii: "-") || isLetter($0) }
    }
    return isWellFormed ? parts : nil
  }

  private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
  private static func isLetter(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
  }
  private static func isNumber(_ text: some StringProtocol) -> Bool { !text.isEmpty && text.utf8.allSatisfy(isDigit) }
  private static func hasLeadingZero(_ text: some StringProtocol) -> Bool {
    isNumber(text) && text.utf8.count > 1 && text.utf8.first == UInt8(ascii: "0")
  }

  // MARK: Precedence

  /// Orders by precedence.
  public static func < (left: SemanticVersion, right: SemanticVersion) -> Bool {
    let leftNumbers = (left.major, left.minor, left.patch)
    let rightNumbers = (right.major, right.minor, right.patch)
    guard leftNumbers == rightNumbers else { return leftNumbers < rightNumbers }
    // A version before the release comes before it.
    guard !left.prerelease.isEmpty, !right.prerelease.isEmpty else {
      return !left.prerelease.isEmpty && right.prerelease.isEmpty
    }
    for (one, other) in zip(left.prerelease, right.prerelease) where one != other { return precedes(one, other) }
    return left.prerelease.count < right.prerelease.count
  }

  /// Numbers come before words and compare by value, however long they are; words compare byte by byte.
  private static func precedes(_ one: String, _ other: String) -> Bool {
    switch (isNumber(one), isNumber(other)) {
    case (true, true) where one.utf8.count != other.utf8.count: one.utf8.count < other.utf8.count
    case (true, false): true
    case (false, true): false
    default: one.utf8.lexicographicallyPrecedes(other.utf8)
    }
  }

  /// Whether neither precedes the other.
  public static func == (left: SemanticVersion, right: SemanticVersion) -> Bool {
    (left.major, left.minor, left.patch) == (right.major, right.minor, right.patch) && left.prerelease == right.prerelease
  }

  /// Hashes what counts for precedence.
  public func hash(into hasher: inout Hasher) {
    hasher.combine(major)
    hasher.combine(minor)
    hasher.combine(patch)
    hasher.combine(prerelease)
  }
}

extension SemanticVersion: CustomStringConvertible {
  /// The version as it is written, build metadata included.
  public var description: String {
    var text = "\(major).\(minor).\(patch)"
    if !prerelease.isEmpty { text += "-" + prerelease.joined(separator: ".") }
    if !build.isEmpty { text += "+" + build.joined(separator: ".") }
    return text
  }
}
