import ContainrCore

/// A label of SELinux, `user:role:type[:level]`.
public struct SELinuxContext: Hashable, Sendable, CustomStringConvertible {
  /// The SELinux user, `system_u`.
  public var user: String
  /// The role, `system_r`; `object_r` for files.
  public var role: String
  /// The type, `container_t`.
  public var type: String
  /// The level and its categories, `s0:c1,c2`; nil under a policy without levels.
  public var level: String?

  /// Puts a label together.
  ///
  /// - Throws: `INVALID_ARGUMENT` for a part that is empty or has characters that no label has.
  public init(user: String, role: String, type: String, level: String? = nil) throws(ContainrError) {
    for part in [user, role, type] { try Self.check(part, allowingColons: false) }
    if let level { try Self.check(level, allowingColons: true) }
    self.user = user
    self.role = role
    self.type = type
    self.level = level
  }

  /// Reads a label.
  ///
  /// - Throws: `INVALID_ARGUMENT`.
  public init(parsing text: String) throws(ContainrError) {
    let parts = text.split(separator: ":", maxSplits: 3, omittingEmptySubsequences: false).map(String.init)
    guard parts.count >= 3 else { throw Self.malformed(text) }
    try self.init(user: parts[0], role: parts[1], type: parts[2], level: parts.count == 4 ? parts[3] : nil)
  }

  /// `user:role:type[:level]`.
  public var description: String { [user, role, type].joined(separator: ":") + (level.map { ":\($0)" } ?? "") }

  /// Labels are one word: a comma in a level is the only mark, which mount options must quote.
  private static func check(_ part: String, allowingColons: Bool) throws(ContainrError) {
    let isClean = part.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
        UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "."):
        true
      case UInt8(ascii: ":"), UInt8(ascii: ","): allowingColons
      default: false
      }
    }
    guard isClean, !part.isEmpty else { throw malformed(part) }
  }

  private static func malformed(_ text: String) -> ContainrError {
    ContainrError(
      .invalidArgument, "reading the SELinux label \"\(text)\"", hint: "as in system_u:system_r:container_t:s0:c1,c2")
  }
}
