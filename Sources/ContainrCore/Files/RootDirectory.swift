import CContainrLinux
import Glibc
import SystemPackage

/// An open directory that is the root of every path resolved through it.
///
/// Resolution is the kernel's: `openat2(2)` with `RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS` (Linux 5.6), which no concurrent
/// rename or link in the tree can lead outside.
public struct RootDirectory: ~Copyable, Sendable {
  /// The directory.
  public let descriptor: OwnedDescriptor

  /// Takes an open directory as a root.
  public init(owning descriptor: consuming OwnedDescriptor) { self.descriptor = descriptor }

  /// Opens a directory of the host as a root.
  ///
  /// - Throws: `ROOTFS_NOT_FOUND` where it is missing or no directory, `PERMISSION_DENIED`.
  public init(host path: FilePath) throws(ContainrError) {
    descriptor = try OwnedDescriptor.open(path, flags: CInt(CL_O_PATH) | O_DIRECTORY, code: .rootfsNotFound)
  }

  /// Opens a file in the root. `O_CLOEXEC` is always set.
  ///
  /// - Throws: `IO_FAILURE` and the codes of the error number; `PATH_ESCAPE` for a magic link of procfs.
  public func open(_ path: RootedPath, flags: CInt = O_RDONLY, mode: UInt32 = 0) throws(ContainrError) -> OwnedDescriptor {
    let result = rawOpen(path.description, flags: flags, mode: mode)
    if result == -EXDEV || (result == -ELOOP && isMagicLink(path, flags)) {
      throw .errno(Errno(rawValue: -result), .pathEscape, "opening \(path) inside the root", call: "openat2(2)")
    }
    return OwnedDescriptor(owning: try check(result, .ioFailure, "openat2(2)", "opening \(path) inside the root"))
  }

  /// Opens a file in the root, or returns nil where there is none.
  public func openIfPresent(_ path: RootedPath, flags: CInt = O_RDONLY) throws(ContainrError) -> OwnedDescriptor? {
    let result = rawOpen(path.description, flags: flags, mode: 0)
    if result == -ENOENT || result == -ENOTDIR { return nil }
    if result >= 0 { return OwnedDescriptor(owning: result) }
    return try open(path, flags: flags)
  }

  /// Makes a directory and every missing one above it, and opens it.
  ///
  /// - Throws: `IO_FAILURE` where a component exists and is no directory.
  public func makeDirectories(_ path: RootedPath, mode: UInt32 = 0o755) throws(ContainrError) -> OwnedDescriptor {
    var parent = try open(.root, flags: CInt(CL_O_PATH) | O_DIRECTORY)
    var walked = ""
    for component in path.components {
      walked += "/" + component
      var result = rawOpen(walked, flags: CInt(CL_O_PATH) | O_DIRECTORY, mode: 0)
      if result == -ENOENT {
        if mkdirat(parent.rawValue, String(component), mode) != 0, Errno.current != .fileExists {
          throw .errno(.current, .ioFailure, "making the directory \(walked) inside the root", call: "mkdirat(2)")
        }
        result = rawOpen(walked, flags: CInt(CL_O_PATH) | O_DIRECTORY, mode: 0)
      }
      parent = OwnedDescriptor(
        owning: try check(result, .ioFailure, "openat2(2)", "opening the directory \(walked) inside the root"))
    }
    return parent
  }

  /// Whether ELOOP came from a magic link and not from too many symbolic links: without `RESOLVE_NO_MAGICLINKS` the
  /// kernel refuses a magic link too, because it would leave the root, and says EXDEV.
  private func isMagicLink(_ path: RootedPath, _ flags: CInt) -> Bool {
    let result = cl_openat2(
      descriptor.rawValue, path.description, UInt64(CInt(CL_O_PATH) | O_CLOEXEC | flags & O_NOFOLLOW), 0,
      UInt64(RESOLVE_IN_ROOT))
    if result >= 0 { close(result) }
    return result == -EXDEV
  }

  private func rawOpen(_ path: String, flags: CInt, mode: UInt32) -> CInt {
    let resolve = UInt64(RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS)
    // A rename elsewhere made the kernel unsure about a "..": it asks to try again. Not for ever, because who renames all
    // the time, or holds a lease on the file, must not hold up the caller.
    for _ in 0..<10_000 {
      let result = cl_openat2(descriptor.rawValue, path, UInt64(flags | O_CLOEXEC), UInt64(mode), resolve)
      if result != -EAGAIN { return result }
    }
    return -EAGAIN
  }
}
