import ContainrCore

/// The name of a snapshot, unique in its store: an active one's key, a committed one's name, often a chain id.
///
/// Any text without control characters whose file name, `/` and `%` written as three characters, has at most 250 bytes. It
/// names a file of the store, so a value of this type leads to no other directory.
public struct SnapshotKey: Hashable, Comparable, Sendable, CustomStringConvertible {
  /// The name as it was given.
  public let description: String

  /// Checks a name.
  ///
  /// - Throws: `INVALID_ARGUMENT` for an empty or too long one, and for control characters.
  public init(_ text: String) throws(ContainrError) {
    description = text
    let isPrintable = text.unicodeScalars.allSatisfy { $0.value >= 0x20 && !(0x7f...0x9f).contains($0.value) }
    guard !text.isEmpty, isPrintable, fileName.utf8.count <= 250 else {
      throw ContainrError(
        .invalidArgument, "reading the snapshot key \"\(text)\"", hint: "1 to 250 bytes without control characters")
    }
  }

  /// Orders by the names' characters.
  public static func < (left: SnapshotKey, right: SnapshotKey) -> Bool { left.description < right.description }

  /// What the store calls the file of this name: no `/`, and no dot in front.
  var fileName: String {
    var name = ""
    for (index, scalar) in description.unicodeScalars.enumerated() {
      switch scalar {
      case "/": name += "%2F"
      case "%": name += "%25"
      case "." where index == 0: name += "%2E"
      default: name.unicodeScalars.append(scalar)
      }
    }
    return name
  }
}
