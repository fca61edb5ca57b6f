import CContainrLinux
import ContainrArchive
import ContainrCore
import ContainrOCI
import Glibc
import SystemPackage

/// The images of one engine, in a directory that is an OCI image layout (image-spec image-layout.md): skopeo, umoci and
/// buildah read it as it stands.
///
/// ```
/// oci-layout, index.json    the layout; an annotation of index.json holds each image's full name
/// blobs/sha256/…            manifests, configurations and layers as they came
/// layers/<chain id>/        unpacked layers, shared by images that begin alike
/// tmp/                      what is being written, each writer in a directory that it holds locked
/// lock                      held while index.json changes
/// ```
///
/// The value holds nothing but the path. Any number of threads and processes may use a store at once; one killed at any
/// instant leaves at most a directory in `tmp`, which the next writer removes. The store's directory is the caller's alone
/// (0700): the layers hold other systems' set-user-id programs.
public struct ImageStore: Sendable {
  /// The store's directory.
  public let directory: FilePath
  /// What one layer may bring.
  public var limits: UnpackLimits
  /// Which image of a multi-platform index is meant. This machine's by default.
  public var platform: OCI.Platform

  /// Opens a store, and makes an empty one where there is none.
  ///
  /// - Throws: `PERMISSION_DENIED` where the directory belongs to somebody else, `IMAGE_INVALID` where it is a layout of
  ///   another version, `IO_FAILURE`.
  public init(
    _ directory: FilePath, limits: UnpackLimits = UnpackLimits(), platform: OCI.Platform = .current
  ) throws(ContainrError) {
    self.directory = directory
    self.limits = limits
    self.platform = platform
    try open()
  }

  var indexPath: FilePath { directory.appending("index.json") }
  var temporaryDirectory: FilePath { directory.appending("tmp") }
  var lockPath: FilePath { directory.appending("lock") }
  private var layoutPath: FilePath { directory.appending("oci-layout") }

  func blobPath(_ digest: Digest) -> FilePath { directory.appending("blobs/sha256/\(digest.hexadecimal)") }
  func layerPath(_ chainID: Digest) -> FilePath { directory.appending("layers/\(chainID.hexadecimal)") }

  private func open() throws(ContainrError) {
    var status = stat()
    if stat(directory.string, &status) == 0 {
      guard status.st_uid == geteuid() else {
        throw ContainrError(
          .permissionDenied, "opening the image store \(directory)",
          hint: "it belongs to the user id \(status.st_uid); choose a directory of your own")
      }
      // Others would otherwise reach the set-user-id programs of every image (CVE-2021-41091).
      if status.st_mode & 0o077 != 0, chmod(directory.string, 0o700) != 0 {
        throw .errno(.current, .ioFailure, "closing \(directory) to others", call: "chmod(2)")
      }
      if access(indexPath.string, F_OK) == 0 { return }
    }
    try make()
  }

  private func make() throws(ContainrError) {
    for name in ["blobs/sha256", "layers", "tmp"] { try FileTree.makeDirectories(directory.appending(name)) }
    let lock = try lock(exclusive: true)
    defer { withExtendedLifetime(lock) {} }
    if access(layoutPath.string, F_OK) != 0 {
      try FileContents.replace(layoutPath, with: #"{"imageLayoutVersion":"1.0.0"}"#.utf8, durable: true)
    }
    // index.json last: a store that has one is complete.
    if access(indexPath.string, F_OK) != 0 { try write(OCI.Index()) }
  }

  // MARK: The index

  func index() throws(ContainrError) -> OCI.Index {
    let limits = JSON.Limits(size: .mebibytes(64))
    let bytes = try FileContents.read(indexPath, limit: Int(limits.size.bytes))
    return try OCI.Index(parsing: bytes, as: indexPath.string, limits: limits)
  }

  func write(_ index: OCI.Index) throws(ContainrError) {
    try FileContents.replace(indexPath, with: try index.json.serialized(), durable: true)
  }

  /// Changes index.json while no other process can.
  func changeIndex(_ change: (inout OCI.Index) throws(ContainrError) -> Void) throws(ContainrError) {
    let lock = try lock(exclusive: true)
    defer { withExtendedLifetime(lock) {} }
    var index = try index()
    try change(&index)
    try write(index)
  }

  /// Takes the store's lock; it is released when the descriptor closes.
  func lock(exclusive: Bool) throws(ContainrError) -> OwnedDescriptor {
    let file = try OwnedDescriptor.open(lockPath, flags: O_RDWR | O_CREAT, mode: 0o600)
    var result: CInt
    repeat { result = cl_flock(file.rawValue, exclusive ? LOCK_EX : LOCK_SH) } while result == -EINTR
    try check(result, .ioFailure, "flock(2)", "locking the image store \(directory)")
    return file
  }
}
