import CContainrLinux
import ContainrCore
import Glibc
import SystemPackage

/// The users and groups of an image: its `/etc/passwd` and `/etc/group` (`passwd(5)`, `group(5)`).
///
/// The image wrote the files, so they are read with bounds and believed about nothing but their own users. The C library's
/// functions are not used: they would load code, and ask services, of the host or of the image.
public struct UserDatabase: Hashable, Sendable {
  struct User: Hashable {
    var name: Substring
    /// Nil where the line's numbers are malformed.
    var ids: IDs?
    var home: Substring
  }
  struct IDs: Hashable {
    var uid: UInt32
    var gid: UInt32
  }
  struct Group: Hashable {
    var name: Substring
    /// Nil where the line's number is malformed.
    var gid: UInt32?
    var members: [Substring]
  }

  var users: [User]
  var groups: [Group]

  /// The longest file and line in bytes that are read.
  public static let limits = (file: 4 << 20, line: 64 << 10)

  /// Parses the texts of both files.
  ///
  /// - Throws: `USER` for a file or line past ``limits``, and for one with a NUL byte.
  public init(passwd: [UInt8] = [], group: [UInt8] = []) throws(ContainrError) {
    users = try Self.lines(passwd, of: "/etc/passwd").compactMap(Self.user)
    groups = try Self.lines(group, of: "/etc/group").compactMap(Self.group)
  }

  /// Reads both files of a root file system; a missing one has no entries.
  ///
  /// - Throws: `USER` as above and for what is no regular file, `IO_FAILURE`, `PERMISSION_DENIED`.
  public init(in root: borrowing RootDirectory) throws(ContainrError) {
    try self.init(passwd: Self.read("/etc/passwd", in: root), group: Self.read("/etc/group", in: root))
  }

  /// Looks a user up.
  ///
  /// Without a group in the specification the process gets the user's primary group, 0 where the number has no entry, and the
  /// groups that list the user by name. With one it gets that group only, as in Docker. `additional` groups come on top.
  ///
  /// - Throws: `USER` for a name that is not there or whose entry is malformed, and for more groups than the kernel takes.
  public func identity(
    of specification: UserSpecification, additional: [AccountReference] = []
  ) throws(ContainrError) -> UserIdentity {
    let entry: User?
    let uid: UInt32
    switch specification.user {
    case .id(let id):
      // The number decides. That some entry is named like a number does not matter.
      uid = id
      entry = users.first { $0.ids?.uid == id }
    case .name(let name):
      guard let found = users.first(where: { Self.equal($0.name, name) }) else {
        throw ContainrError(.user, "looking for the user \(name)", hint: "the image's /etc/passwd has no such user")
      }
      guard let ids = found.ids else {
        throw ContainrError(.user, "looking for the user \(name)", hint: "the ids in its line of /etc/passwd are malformed")
      }
      (uid, entry) = (ids.uid, found)
    }

    var list: [UInt32]
    if let group = specification.group {
      list = [try gid(of: group)]
    } else {
      list = [entry?.ids?.gid ?? 0]
      if let name = entry?.name {
        for group in groups where group.members.contains(where: { Self.equal($0, name) }) {
          if let gid = group.gid { list.append(gid) }
        }
      }
    }
    for reference in additional { list.append(try gid(of: reference)) }
    var seen: Set<UInt32> = []
    let unique = list.filter { seen.insert($0).inserted }
    guard unique.count <= 65536 else {
      throw ContainrError(.user, "looking for the groups of \(specification.user)", hint: "the kernel takes 65536 groups")
    }
    let home = entry.map { $0.home.hasPrefix("/") ? String($0.home) : "/" } ?? "/"
    return UserIdentity(
      uid: uid, gid: unique[0], supplementaryGroups: unique, name: entry.map { String($0.name) }, home: home)
  }

  /// Byte by byte: strings compare by canonical equivalence, under which the Kelvin sign is a K.
  private static func equal(_ left: Substring, _ right: some StringProtocol) -> Bool { left.utf8.elementsEqual(right.utf8) }

  private func gid(of reference: AccountReference) throws(ContainrError) -> UInt32 {
    switch reference {
    case .id(let id): return id
    case .name(let name):
      guard let group = groups.first(where: { Self.equal($0.name, name) }) else {
        throw ContainrError(.user, "looking for the group \(name)", hint: "the image's /etc/group has no such group")
      }
      guard let gid = group.gid else {
        throw ContainrError(.user, "looking for the group \(name)", hint: "the id in its line of /etc/group is malformed")
      }
      return gid
    }
  }
}
