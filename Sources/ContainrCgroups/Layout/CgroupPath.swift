import ContainrCore

/// The path of a cgroup below the mount point of its hierarchy: `containr/4f1c…`.
///
/// Relative, with no empty, `.` or `..` component, so that a value of this type can leave no hierarchy.
public struct CgroupPath: Hashable, Sendable, CustomStringConvertible {
  /// The components joined by `/`, without one at either end.
  public let description: String

  /// Checks a path. A leading `/` is taken off: the OCI `cgroupsPath` `/a/b` is `a/b`.
  ///
  /// - Throws: `INVALID_ARGUMENT` for an empty path, an empty, `.` or `..` component, a component over 255 bytes, a
  ///   control character, or a name that starts with `cgroup.` (the kernel's own files).
  public init(_ text: String) throws(ContainrError) {
    let path = text.hasPrefix("/") ? String(text.dropFirst()) : text
    for component in path.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false) {
      guard (1...255).contains(component.count), component.allSatisfy({ $0 >= 0x20 && $0 != 0x7f }),
        !component.elementsEqual(".".utf8), !component.elementsEqual("..".utf8), !component.starts(with: "cgroup.".utf8)
      else {
        throw ContainrError(
          .invalidArgument, "reading the cgroup path \"\(text)\"",
          hint: "a relative path such as containr/web, with no empty, . or .. component")
      }
    }
    description = path
  }

  /// The cgroup of a container: `containr/<id>`, as Docker's are `docker/<id>`.
  public init(_ id: ContainerID) { description = "containr/" + id.description }

  private init(trusted: String) { description = trusted }

  /// The path without its last component; nil directly below the root.
  public var parent: CgroupPath? {
    guard let slash = description.utf8.lastIndex(of: UInt8(ascii: "/")) else { return nil }
    return CgroupPath(trusted: String(description[..<slash]))
  }

  /// The path of a cgroup inside this one.
  ///
  /// - Throws: `INVALID_ARGUMENT` as ``init(_:)-(String)`` does.
  public func appending(_ component: String) throws(ContainrError) -> CgroupPath {
    try CgroupPath(description + "/" + component)
  }
}
