import ContainrCore

/// A systemd unit in the form `slice:prefix:name` that runtimes take as `cgroupsPath` (`systemd.slice(5)`, `systemd.scope(5)`).
public struct SystemdUnit: Sendable, Hashable {
  /// The slice, `user-alice.slice`; `-.slice` is the root, empty the default one.
  public let slice: String
  /// What stands before the name, often the name of the engine; it may be empty.
  public let prefix: String
  /// The container's name, or a whole slice's, `pod.slice`.
  public let name: String

  /// Reads `slice:prefix:name`.
  ///
  /// - Throws: `INVALID_ARGUMENT` for a slice without `.slice`, with an empty part between dashes, a name that is empty, and
  ///   for characters that a unit's name cannot have.
  public init(_ text: String) throws(ContainrError) {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
    guard parts.count == 3, !parts[2].isEmpty, parts.allSatisfy(Self.isName), Self.isSlice(parts[0]),
      !parts[2].hasSuffix(".slice") || Self.isSlice(parts[2])
    else {
      throw ContainrError(
        .invalidArgument, "reading the systemd unit \"\(text)\"", hint: "slice:prefix:name, such as system.slice:containr:web")
    }
    slice = parts[0]
    prefix = parts[1]
    name = parts[2]
  }

  /// The characters of a unit's name, `systemd.unit(5)`. A `..` needs a slash to be more than part of a name.
  private static func isName(_ text: String) -> Bool {
    text.utf8.count <= 200
      && text.utf8.allSatisfy {
        ($0 | 0x20 >= 0x61 && $0 | 0x20 <= 0x7a) || ($0 >= 0x30 && $0 <= 0x39) || "-_.@\\".utf8.contains($0)
      }
  }

  /// Dashes are levels, so that each part between them is a name.
  private static func isSlice(_ slice: String) -> Bool {
    if slice.isEmpty || slice == "-.slice" { return true }
    guard slice.hasSuffix(".slice") else { return false }
    return slice.dropLast(6).split(separator: "-", omittingEmptySubsequences: false).allSatisfy {
      !$0.isEmpty && !$0.contains(".")
    }
  }

  /// The unit's own name: `prefix-name.scope`, or the name where that is a slice's.
  public var unit: String {
    if name.hasSuffix(".slice") { return name }
    return prefix.isEmpty ? "\(name).scope" : "\(prefix)-\(name).scope"
  }

  /// Where systemd makes its cgroup, below the root of its hierarchy: `a-b.slice` is in `a.slice`.
  func path(isRootless: Bool) -> String {
    let slice = slice.isEmpty ? (isRootless ? "user.slice" : "system.slice") : slice
    var components: [String] = []
    if slice != "-.slice" {
      var level = ""
      for part in slice.dropLast(6).split(separator: "-") {
        level += level.isEmpty ? "\(part)" : "-\(part)"
        components.append(level + ".slice")
      }
    }
    return (components + [unit]).joined(separator: "/")
  }
}

extension SystemdUnit: CustomStringConvertible {
  /// `slice:prefix:name`.
  public var description: String { "\(slice):\(prefix):\(name)" }
}
