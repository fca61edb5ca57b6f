import CArchive
import ContainrCore

/// A POSIX access control list as the kernel's attribute (linux/posix_acl_xattr.h): GNU tar and bsdtar write lists as text,
/// which libarchive parses, and the kernel takes them as `system.posix_acl_access` and `system.posix_acl_default`.
struct AccessControlList {
  let attribute: String
  let value: [UInt8]

  static func lists(of entry: OpaquePointer, _ activity: String) throws(ContainrError) -> [AccessControlList] {
    let posix = CInt(ARCHIVE_ENTRY_ACL_TYPE_ACCESS | ARCHIVE_ENTRY_ACL_TYPE_DEFAULT)
    guard archive_entry_acl_types(entry) & ~posix == 0 else {
      throw ContainrError(.unsupported, activity, hint: "Linux file systems have no NFSv4 access control lists")
    }
    var lists: [AccessControlList] = []
    for (type, attribute) in [
      (ARCHIVE_ENTRY_ACL_TYPE_ACCESS, "system.posix_acl_access"), (ARCHIVE_ENTRY_ACL_TYPE_DEFAULT, "system.posix_acl_default"),
    ] where archive_entry_acl_types(entry) & CInt(type) != 0 {
      lists.append(AccessControlList(attribute: attribute, value: try encode(entry, CInt(type), activity)))
    }
    return lists
  }

  private static func encode(_ entry: OpaquePointer, _ wanted: CInt, _ activity: String) throws(ContainrError) -> [UInt8] {
    var items: [(tag: UInt16, permissions: UInt16, id: UInt32)] = []
    archive_entry_acl_reset(entry, wanted)
    while true {
      var (type, permissions, tag, id): (CInt, CInt, CInt, CInt) = (0, 0, 0, 0)
      var name: UnsafePointer<CChar>?
      let status = archive_entry_acl_next(entry, wanted, &type, &permissions, &tag, &id, &name)
      if status == ARCHIVE_EOF { break }
      guard status == ARCHIVE_OK, let kernelTag = tags[tag] else {
        throw ContainrError(.layerInvalid, activity, hint: "a malformed access control list")
      }
      let hasID = kernelTag == 0x02 || kernelTag == 0x08
      guard !hasID || id >= 0 else {
        throw ContainrError(.layerInvalid, activity, hint: "an access control list without a numeric user or group id")
      }
      items.append((kernelTag, UInt16(permissions & 7), hasID ? UInt32(id) : 0xFFFF_FFFF))
    }
    var value: [UInt8] = [2, 0, 0, 0]
    for item in items.sorted(by: { ($0.tag, $0.id) < ($1.tag, $1.id) }) {
      withUnsafeBytes(of: item.tag.littleEndian) { value.append(contentsOf: $0) }
      withUnsafeBytes(of: item.permissions.littleEndian) { value.append(contentsOf: $0) }
      withUnsafeBytes(of: item.id.littleEndian) { value.append(contentsOf: $0) }
    }
    return value
  }

  private static let tags: [CInt: UInt16] = [
    ARCHIVE_ENTRY_ACL_USER_OBJ: 0x01, ARCHIVE_ENTRY_ACL_USER: 0x02, ARCHIVE_ENTRY_ACL_GROUP_OBJ: 0x04,
    ARCHIVE_ENTRY_ACL_GROUP: 0x08, ARCHIVE_ENTRY_ACL_MASK: 0x10, ARCHIVE_ENTRY_ACL_OTHER: 0x20,
  ]
}
