import ContainrCore

/// The user of a process as `--user`, `USER` and the image configuration write it: `user[:group]`.
public struct UserSpecification: Hashable, Sendable {
  /// The user.
  public var user: AccountReference
  /// The group; nil takes the user's own from `/etc/passwd`.
  public var group: AccountReference?

  /// Names a user, and a group.
  public init(user: AccountReference = .id(0), group: AccountReference? = nil) {
    self.user = user
    self.group = group
  }

  /// User 0 with the groups that the image gives to it.
  public static let root = UserSpecification()

  /// Reads `user[:group]`, each a number or a name.
  ///
  /// An image without a user says `""`, which is for the caller to recognise: here it is an error, so that a lost value never
  /// becomes root.
  ///
  /// - Throws: `USER`.
  public init(parsing text: String) throws(ContainrError) {
    let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    user = try AccountReference(parsing: parts[0])
    group = parts.count == 2 ? try AccountReference(parsing: parts[1]) : nil
  }
}

extension UserSpecification: CustomStringConvertible {
  /// `user` or `user:group`.
  public var description: String { group.map { "\(user):\($0)" } ?? "\(user)" }
}
