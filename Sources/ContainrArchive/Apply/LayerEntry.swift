import CArchive
import CContainrLinux
import ContainrCore
import Glibc

/// What a tar entry says of itself, checked: owners, mode, times.
struct LayerEntry {
  let pointer: OpaquePointer
  let mode: mode_t
  let owner: uid_t
  let group: gid_t
  let size: UInt64
  /// Access and modification time.
  let times: [timespec]

  init(_ pointer: OpaquePointer, _ activity: String) throws(ContainrError) {
    self.pointer = pointer
    mode = archive_entry_perm(pointer) & 0o7777
    owner = try Self.id(archive_entry_uid(pointer), "user", activity)
    group = try Self.id(archive_entry_gid(pointer), "group", activity)
    let size = archive_entry_size(pointer)
    guard size >= 0 else { throw ContainrError(.layerInvalid, activity, hint: "a negative size") }
    self.size = UInt64(size)
    let modified = Self.time(archive_entry_mtime(pointer), archive_entry_mtime_nsec(pointer))
    let accessed =
      archive_entry_atime_is_set(pointer) != 0
      ? Self.time(archive_entry_atime(pointer), archive_entry_atime_nsec(pointer)) : modified
    times = [accessed, modified]
  }

  /// 2³² − 1 means "leave it" in chown(2), and larger numbers would wrap around to another user, such as root.
  private static func id(_ number: Int64, _ what: String, _ activity: String) throws(ContainrError) -> UInt32 {
    guard (0..<0xFFFF_FFFF).contains(number) else {
      throw ContainrError(.layerInvalid, activity, hint: "the \(what) id \(number) is out of range")
    }
    return UInt32(number)
  }

  private static func time(_ seconds: time_t, _ nanoseconds: Int) -> timespec {
    timespec(tv_sec: seconds, tv_nsec: min(max(nanoseconds, 0), 999_999_999))
  }

  /// The extended attributes.
  ///
  /// Attributes of overlayfs are refused: in a lower layer they would redirect lookups to files of the layer's choice.
  /// `security.selinux` is left out, because labels belong to the machine's policy.
  func attributes(_ activity: String) throws(ContainrError) -> [(name: String, value: [UInt8])] {
    var result: [(name: String, value: [UInt8])] = []
    guard archive_entry_xattr_reset(pointer) > 0 else { return result }
    var name: UnsafePointer<CChar>?
    var value: UnsafeRawPointer?
    var size = 0
    while archive_entry_xattr_next(pointer, &name, &value, &size) == ARCHIVE_OK, let text = name {
      let name = String(cString: text)
      guard !name.hasPrefix("trusted.overlay."), !name.hasPrefix("user.overlay.") else {
        throw ContainrError(
          .layerInvalid, activity, hint: "the attribute \(LayerPath.printable(text)) is overlayfs's own; a layer may not set it"
        )
      }
      if name != "security.selinux" { result.append((name, Array(UnsafeRawBufferPointer(start: value, count: size)))) }
    }
    return result
  }
}
