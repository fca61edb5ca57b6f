import ContainrCore
import SystemPackage

/// The ids that a machine grants its users for their user namespaces: /etc/subuid or /etc/subgid (subuid(5)).
public struct SubordinateIDs: Hashable, Sendable {
  /// One line: an owner, and a range of ids.
  public struct Entry: Hashable, Sendable {
    /// The user's name, or the user's id as digits.
    public let owner: String
    /// The ids.
    public let ids: Range<UInt64>
  }

  /// The lines, in the file's order.
  public let entries: [Entry]

  /// Parses such a file: lines `owner:first:count`, empty lines, and lines that begin with `#`.
  ///
  /// - Throws: `ID_MAPPING` with the line's number for anything else.
  public init(parsing text: String, file: FilePath = "/etc/subuid") throws(ContainrError) {
    var entries: [Entry] = []
    var number = 0
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      number += 1
      if line.isEmpty || line.first == "#" { continue }
      let fields = line.split(separator: ":", omittingEmptySubsequences: false)
      guard fields.count == 3, !fields[0].isEmpty, let first = Self.number(fields[1]), let count = Self.number(fields[2]),
        count > 0, first + count <= UInt64(UInt32.max)
      else {
        throw ContainrError(
          .idMapping, "reading line \(number) of \(file)", hint: "a line is name:first:count, such as anna:100000:65536")
      }
      entries.append(Entry(owner: String(fields[0]), ids: first..<first + count))
    }
    self.entries = entries
  }

  /// Reads /etc/subuid; a missing file grants nothing.
  public static func users() throws(ContainrError) -> SubordinateIDs { try read("/etc/subuid") }

  /// Reads /etc/subgid; a missing file grants nothing. Its owners are users, too.
  public static func groups() throws(ContainrError) -> SubordinateIDs { try read("/etc/subgid") }

  /// The ranges that a user owns, by name or by id.
  public func ranges(name: String?, uid: UInt32?) -> [Range<UInt64>] {
    let digits = uid.map(String.init)
    return entries.filter { $0.owner == name || $0.owner == digits }.map(\.ids)
  }

  /// The name of a user in /etc/passwd; nil where it has none. Other databases (nsswitch.conf(5)) are not asked: such users
  /// need lines by id.
  public static func userName(of uid: UInt32) throws(ContainrError) -> String? {
    let digits = Substring(String(uid))
    guard let text = try FileContents.textIfPresent("/etc/passwd") else { return nil }
    for line in text.split(separator: "\n") {
      let fields = line.split(separator: ":", maxSplits: 3, omittingEmptySubsequences: false)
      if fields.count == 4, fields[2] == digits { return String(fields[0]) }
    }
    return nil
  }

  private static func read(_ file: FilePath) throws(ContainrError) -> SubordinateIDs {
    try SubordinateIDs(parsing: try FileContents.textIfPresent(file) ?? "", file: file)
  }

  /// Decimal digits only: no sign, no space.
  private static func number(_ text: Substring) -> UInt64? {
    guard text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }), let value = UInt32(text) else {
      return nil
    }
    return UInt64(value)
  }
}
