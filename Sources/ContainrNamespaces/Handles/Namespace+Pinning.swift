import CContainrLinux
import ContainrCore
import Glibc
import SystemPackage

extension Namespace {
  /// Gives the namespace a path, so that it outlives every process and descriptor: what `ip netns add` does.
  ///
  /// An empty file is made at the path and the namespace is mounted on it, in the caller's mount namespace. Needs
  /// `CAP_SYS_ADMIN`. A mount namespace can only be pinned from another, older one.
  ///
  /// - Throws: `IO_FAILURE` where the path exists, `PERMISSION_DENIED`, `ROOTFS_MOUNT`.
  public borrowing func pin(to path: FilePath) throws(ContainrError) {
    let file = try OwnedDescriptor.open(path, flags: O_RDONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: 0o444)
    let activity = "pinning the \(kind) namespace to \(path)"
    do throws(ContainrError) {
      // 1 is OPEN_TREE_CLONE.
      let tree = open_tree(descriptor.rawValue, "", UInt32(1 | O_CLOEXEC | CInt(CL_AT_EMPTY_PATH)))
      guard tree >= 0 else { throw .errno(.current, .rootfsMount, activity, call: "open_tree(2)") }
      let mount = OwnedDescriptor(owning: tree)
      // MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH: by descriptor on both sides.
      guard move_mount(mount.rawValue, "", file.rawValue, "", 0x4 | 0x40) == 0 else {
        throw .errno(.current, .rootfsMount, activity, call: "move_mount(2)")
      }
    } catch {
      unlink(path.string)
      throw error
    }
  }

  /// Takes back what ``pin(to:)`` made. The namespace goes when nothing else holds it. A missing path is success.
  ///
  /// - Throws: `ROOTFS_UNMOUNT` where something else is mounted or lies there, which stays untouched.
  public static func unpin(_ path: FilePath) throws(ContainrError) {
    let result = path.withPlatformString { cl_openat(AT_FDCWD, $0, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC, 0) }
    if result == -ENOENT { return }
    let file = OwnedDescriptor(owning: try check(result, .rootfsUnmount, "openat(2)", "unpinning \(path)"))
    if cl_namespace_type(file.rawValue) >= 0 {
      // UMOUNT_NOFOLLOW | MNT_DETACH: the file that is open here keeps the mount busy.
      guard umount2(path.string, 0x8 | 0x2) == 0 else {
        throw .errno(.current, .rootfsUnmount, "unpinning \(path)", call: "umount2(2)")
      }
    } else {
      var status = stat()
      guard fstat(file.rawValue, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_size == 0 else {
        throw ContainrError(.rootfsUnmount, "unpinning \(path)", hint: "no namespace is pinned there")
      }
    }
    guard unlink(path.string) == 0 || Errno.current == .noSuchFileOrDirectory else {
      throw .errno(.current, .rootfsUnmount, "unpinning \(path)", call: "unlink(2)")
    }
  }
}
