import CContainrLinux
import ContainrArchive
import ContainrCore
import Glibc
import SystemPackage

/// Copies between the host and a container's root, as `docker cp` does, while the container runs.
///
/// Every path is resolved by the kernel below a descriptor (`openat2(2)`, `RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS`), trees are
/// walked by descriptors without following a link, FIFOs and devices are never opened, and nothing from inside the root is
/// loaded or executed. So no rename in the container leads a copy elsewhere.
///
/// The rules of names are Docker's. A directory is copied *into* an existing directory, a source that ends in `/.` only with
/// its contents; a missing destination gets the source's contents under its own name; a destination that ends in `/` must be
/// a directory. A link at the destination is followed, inside the root.
///
/// Needs the right to read and write the files; root for `keepsOwners`. Linux 5.6.
extension RootDirectory {
  /// Copies a file or directory of the host into the root.
  ///
  /// - Throws: `IO_FAILURE`, `PATH_ESCAPE`, `UNSUPPORTED` for devices, `PERMISSION_DENIED`, `RESOURCE_EXHAUSTED`.
  @discardableResult
  public func copyIn(
    _ source: FilePath, to destination: RootedPath, options: CopyOptions = CopyOptions()
  ) throws(ContainrError) -> CopyResult {
    let host = try RootDirectory(host: "/")
    return try TreeCopy.copy(try Self.rooted(source), in: host, to: destination, in: self, options)
  }

  /// Copies a file or directory of the root to the host.
  ///
  /// - Throws: as ``copyIn(_:to:options:)``.
  @discardableResult
  public func copyOut(
    _ source: RootedPath, to destination: FilePath, options: CopyOptions = CopyOptions()
  ) throws(ContainrError) -> CopyResult {
    let host = try RootDirectory(host: "/")
    return try TreeCopy.copy(source, in: self, to: try Self.rooted(destination), in: host, options)
  }

  /// Unpacks a tar, compressed or not, into an existing directory of the root, with the owners that it names.
  ///
  /// - Throws: `LAYER_INVALID` for a malformed tar, or one whose paths lead out or through links.
  @discardableResult
  public func copyIn(
    tar: borrowing OwnedDescriptor, to destination: RootedPath, limits: UnpackLimits = UnpackLimits()
  ) throws(ContainrError) -> LayerUnpacker.Outcome {
    let directory = try open(destination, flags: O_RDONLY | O_DIRECTORY)
    return try LayerUnpacker.unpack(tar, named: "for \(destination)", into: directory, limits: limits, mode: .plain)
  }

  /// Writes what is in a directory of the root as a tar.
  ///
  /// - Throws: as ``LayerDiff/write(to:compression:)``.
  @discardableResult
  public func copyOut(
    _ source: RootedPath, tar: borrowing OwnedDescriptor, compression: LayerCompression = .none
  ) throws(ContainrError) -> WrittenLayer {
    let directory = try open(source, flags: O_RDONLY | O_DIRECTORY)
    return try LayerDiff(from: nil, to: FilePath("/proc/self/fd/\(directory.rawValue)")).write(
      to: tar, compression: compression)
  }

  /// A path of the host as one below `/`. FilePath drops a slash at the end, and keeps `/.`.
  private static func rooted(_ path: FilePath) throws(ContainrError) -> RootedPath {
    if path.isAbsolute { return try RootedPath(path.string) }
    var buffer = [CChar](repeating: 0, count: 4096)
    guard getcwd(&buffer, buffer.count) != nil else {
      throw .errno(.current, .ioFailure, "resolving \(path)", call: "getcwd(2)")
    }
    let directory = String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return try RootedPath(directory + "/" + path.string)
  }
}
