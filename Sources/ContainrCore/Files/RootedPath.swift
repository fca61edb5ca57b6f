/// A path that has a meaning only inside a root directory, such as a container's root file system.
///
/// There is no way from a value of this type to a host path: only a ``RootDirectory`` resolves it, with `openat2(2)` and
/// `RESOLVE_IN_ROOT`, so neither `..` nor a symbolic link leaves the root.
public struct RootedPath: Hashable, Sendable, CustomStringConvertible {
  /// The path as it reads inside the root, always with a leading slash.
  public let description: String

  /// Checks a path; one without a leading slash begins at the root too.
  ///
  /// - Throws: `INVALID_ARGUMENT` for an empty path, one with a NUL byte, and one of `PATH_MAX` (4096) bytes or more.
  public init(_ text: String) throws(ContainrError) {
    let path = text.utf8.first == UInt8(ascii: "/") ? text : "/" + text
    guard !text.isEmpty, !text.utf8.contains(0), path.utf8.count < 4096 else {
      throw ContainrError(
        .invalidArgument, "reading the path \"\(text)\"", hint: "a path has 1 to 4095 bytes and no NUL byte")
    }
    description = path
  }

  /// The root itself.
  public static let root = RootedPath(unchecked: "/")

  private init(unchecked: String) { description = unchecked }

  /// The path of a name in this directory.
  ///
  /// - Precondition: the name is one component, and the path stays under `PATH_MAX`.
  package func appending(_ name: StaticString) -> RootedPath {
    RootedPath(unchecked: (description == "/" ? "" : description) + "/\(name)")
  }

  /// The components between slashes, without `.`; `..` stays, because only the kernel can resolve it.
  ///
  /// They are split where the kernel splits: at every byte `/`. A `Character` can be a slash with a combining mark, and a
  /// component that held one would be resolved by the kernel as two.
  public var components: [Substring] {
    description.utf8.split(separator: UInt8(ascii: "/")).map { Substring($0) }.filter { $0 != "." }
  }
}
