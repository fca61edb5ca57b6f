/// What tells one namespace from another while either exists: the device and inode of its file (namespaces(7)).
public struct NamespaceIdentity: Hashable, Sendable, CustomStringConvertible {
  /// The device of nsfs.
  public let device: UInt64
  /// The inode: the number in `net:[4026531840]`.
  public let inode: UInt64

  /// `4026531840`
  public var description: String { String(inode) }
}
