import ContainrCore

/// The OCI specification's `cgroupsPath` (`config-linux.md#cgroups-path`), in both forms that runtimes are given.
///
/// ```swift
/// try CgroupsPath("/machine/web").path()                     // machine/web
/// try CgroupsPath("user-alice.slice:docker:4f1c").path()     // user.slice/user-alice.slice/docker-4f1c.scope
/// ```
///
/// systemd is not asked: the second form says where systemd would put the unit, and a machine whose systemd owns that place
/// must hand it over (`Delegate=yes`).
public enum CgroupsPath: Sendable, Hashable {
  /// A path from the root of the hierarchies, `/a/b`.
  case absolute(CgroupPath)
  /// A path from where the runtime puts its cgroups, `a/b`.
  case relative(CgroupPath)
  /// A systemd unit, `slice:prefix:name`.
  case systemd(SystemdUnit)

  /// Reads either form: two colons and no slash make it a unit.
  ///
  /// - Throws: `PATH_ESCAPE` for a `..` component, `INVALID_ARGUMENT` for anything else that is neither form.
  public init(_ text: String) throws(ContainrError) {
    if !text.utf8.contains(UInt8(ascii: "/")), text.utf8.count(where: { $0 == UInt8(ascii: ":") }) == 2 {
      self = .systemd(try SystemdUnit(text))
      return
    }
    if text.utf8.split(separator: UInt8(ascii: "/")).contains(where: { $0.elementsEqual("..".utf8) }) {
      throw ContainrError(.pathEscape, "reading the cgroup path \"\(text)\"", hint: "a path without ..")
    }
    let path = try CgroupPath(text)
    self = text.hasPrefix("/") ? .absolute(path) : .relative(path)
  }

  /// The path below the mount points.
  ///
  /// - Parameters:
  ///   - base: where relative paths and units begin; the root unless told. For a unit of a user's own systemd it is that
  ///     service's cgroup: `user.slice/user-1000.slice/user@1000.service`.
  ///   - isRootless: units without a slice go to `user.slice` instead of `system.slice`.
  /// - Throws: `INVALID_ARGUMENT` where the whole is no valid path.
  public func path(below base: CgroupPath? = nil, isRootless: Bool = false) throws(ContainrError) -> CgroupPath {
    let own: String
    switch self {
    case .absolute(let path): return path
    case .relative(let path): own = path.description
    case .systemd(let unit): own = unit.path(isRootless: isRootless)
    }
    return try CgroupPath((base.map { "\($0)/" } ?? "") + own)
  }
}

extension CgroupsPath: CustomStringConvertible {
  /// The form of the specification.
  public var description: String {
    switch self {
    case .absolute(let path): "/\(path)"
    case .relative(let path): path.description
    case .systemd(let unit): unit.description
    }
  }
}
