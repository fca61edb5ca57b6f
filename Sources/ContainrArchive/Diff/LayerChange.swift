import ContainrCore
import SystemPackage

/// One path that differs from the layers below, as `docker diff` lists them.
public struct LayerChange: Hashable, Sendable, CustomStringConvertible {
  /// In what way.
  public enum Kind: String, Hashable, Sendable, CaseIterable {
    /// The layers below have nothing of that name.
    case added = "A"
    /// Contents, type, owner, mode, time, attributes or hard links are others. A directory of an overlay's upper directory
    /// counts as modified when something in it changed, because overlayfs copied it.
    case modified = "C"
    /// It is gone, with everything in it.
    case deleted = "D"
  }

  /// In what way.
  public let kind: Kind
  /// The path as it reads in the root, with a slash at its start. Its bytes need not be UTF-8.
  public let path: FilePath

  /// Names a change.
  public init(_ kind: Kind, _ path: FilePath) {
    self.kind = kind
    self.path = path
  }

  /// `C /etc/passwd`. Control characters in the path are replaced.
  public var description: String { "\(kind.rawValue) \(PrintableText.singleLine(path.string))" }
}
