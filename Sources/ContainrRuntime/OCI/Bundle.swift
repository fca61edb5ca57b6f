import CContainrLinux
import ContainrCore
import ContainrOCI
import Glibc
import SystemPackage

/// A directory with a `config.json` and, as a rule, a root file system (runtime-spec bundle.md).
public struct Bundle: Hashable, Sendable {
  /// The directory, absolute.
  public let path: FilePath
  /// What its `config.json` says.
  public var spec: OCI.RuntimeSpec

  /// The longest `config.json` that is read: engines write some 20 kB.
  private static let limits = JSON.Limits(size: .mebibytes(16))

  /// Reads a bundle.
  ///
  /// - Parameters:
  ///   - path: the directory; relative to the working directory unless absolute.
  ///   - configuration: another file than its `config.json`.
  /// - Throws: `INVALID_CONFIGURATION` with the JSON path of a fault, or where there is no such file.
  public init(_ path: FilePath, configuration: FilePath? = nil) throws(ContainrError) {
    guard let resolved = realpath(path.string, nil) else {
      throw .errno(.current, .invalidConfiguration, "opening the bundle \(path)", call: "realpath(3)")
    }
    defer { free(resolved) }
    self.path = FilePath(String(cString: resolved))
    let file = configuration ?? self.path.appending("config.json")
    let bytes = try FileContents.read(file, limit: Int(Self.limits.size.bytes), code: .invalidConfiguration)
    spec = try OCI.RuntimeSpec(parsing: bytes, as: file.string, limits: Self.limits, code: .invalidConfiguration)
  }

  /// Takes a bundle whose configuration is known.
  public init(_ path: FilePath, spec: OCI.RuntimeSpec) {
    self.path = path
    self.spec = spec
  }

  /// The root file system, absolute, without symbolic links on the way.
  ///
  /// - Throws: `ROOTFS_NOT_FOUND`.
  func rootDirectory() throws(ContainrError) -> FilePath {
    let relative = FilePath(spec.root?.path ?? "rootfs")
    let whole = path.pushing(relative)
    guard let resolved = realpath(whole.string, nil) else {
      throw .errno(
        .current, .rootfsNotFound, "opening the root file system \(whole)", call: "realpath(3)",
        hint: "root.path of config.json names a directory, from the bundle on")
    }
    defer { free(resolved) }
    let path = FilePath(String(cString: resolved))
    var status = stat()
    guard stat(path.string, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
      throw ContainrError(.rootfsNotFound, "opening the root file system \(path)", hint: "it is no directory")
    }
    return path
  }
}
