/// Who a process is: numbers only, all names looked up.
public struct UserIdentity: Hashable, Sendable {
  /// The user id.
  public var uid: UInt32
  /// The primary group id.
  public var gid: UInt32
  /// The groups for `setgroups(2)`: the primary group first, then the others in the order of the file, each once.
  ///
  /// The primary group is among them so that a file's permissions for that group hold after the process changes its group id
  /// (CVE-2022-36109).
  public var supplementaryGroups: [UInt32]
  /// The user's name, where `/etc/passwd` has one.
  public var name: String?
  /// The home directory for `HOME`: that of `/etc/passwd`, `/` without one.
  public var home: String

  /// Takes numbers as they are.
  public init(uid: UInt32, gid: UInt32, supplementaryGroups: [UInt32]? = nil, name: String? = nil, home: String = "/") {
    self.uid = uid
    self.gid = gid
    self.supplementaryGroups = supplementaryGroups ?? [gid]
    self.name = name
    self.home = home
  }
}
