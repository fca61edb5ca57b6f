import CContainrLinux
import ContainrCore
import Glibc
import SystemPackage

/// Calls that the walks of both kinds of trees make; each says what was being done in its error.
struct TreeReading {
  let activity: String

  func names(_ directory: CInt) throws(ContainrError) -> [[CChar]] {
    // As unsigned bytes: the order of CChar depends on the processor.
    try FileTree.rawNames(in: directory, path: activity).sorted { strcmp($0, $1) < 0 }
  }

  func status(_ name: [CChar], in directory: CInt) throws(ContainrError) -> stat {
    guard let status = try statusIfPresent(name, in: directory) else {
      throw ContainrError(
        .ioFailure, activity, hint: "\(LayerPath.printable(name)) went away meanwhile; stop who writes to the tree")
    }
    return status
  }

  func statusIfPresent(_ name: [CChar], in directory: CInt) throws(ContainrError) -> stat? {
    var status = stat()
    if fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) == 0 { return status }
    guard Errno.current == .noSuchFileOrDirectory else { throw .errno(.current, .ioFailure, activity, call: "fstatat(2)") }
    return nil
  }

  func status(of descriptor: CInt) throws(ContainrError) -> stat {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw .errno(.current, .ioFailure, activity, call: "fstat(2)") }
    return status
  }

  func directory(_ name: [CChar], in parent: CInt) throws(ContainrError) -> OwnedDescriptor {
    OwnedDescriptor(
      owning: try check(
        cl_openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0), .ioFailure, "openat(2)", activity))
  }

  /// Opens what must be a regular file. A FIFO in its place would block, a device could have effects: the first is opened
  /// without blocking, and either is refused.
  func file(_ name: [CChar], in parent: CInt) throws(ContainrError) -> OwnedDescriptor {
    OwnedDescriptor(
      owning: try check(
        cl_openat(parent, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0), .ioFailure, "openat(2)",
        activity))
  }

  func linkTarget(_ name: [CChar], in parent: CInt) throws(ContainrError) -> [UInt8] {
    var target = [UInt8](repeating: 0, count: 4097)
    let count = target.withUnsafeMutableBytes {
      readlinkat(parent, name, $0.baseAddress!.assumingMemoryBound(to: CChar.self), $0.count)
    }
    guard count >= 0 else { throw .errno(.current, .ioFailure, activity, call: "readlinkat(2)") }
    guard count < target.count else {
      throw ContainrError(.unsupported, activity, hint: "\(LayerPath.printable(name)) is a link of more than 4096 bytes")
    }
    return Array(target[..<count])
  }

  /// Throws for a name or a node that means something else in a layer.
  func checkExpressible(_ name: [CChar], _ status: stat) throws(ContainrError) {
    if name.starts(with: LayerPath.whiteoutPrefix) {
      throw ContainrError(
        .unsupported, activity, hint: "\(LayerPath.printable(name)): a name that starts with .wh. is a deletion in a layer")
    }
    if status.st_mode & S_IFMT == S_IFCHR, status.st_rdev == 0 {
      throw ContainrError(
        .unsupported, activity, hint: "\(LayerPath.printable(name)): a character device 0/0 is a deletion in a layer")
    }
  }

  func checkDepth(_ depth: Int) throws(ContainrError) {
    guard depth <= ChangeList.depthLimit else {
      throw ContainrError(.unsupported, activity, hint: "the tree is deeper than \(ChangeList.depthLimit) directories")
    }
  }
}
