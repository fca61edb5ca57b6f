/// How files are copied between the host and a root.
public struct CopyOptions: Hashable, Sendable {
  /// Keep owners, set-user-id bits and extended attributes, as `docker cp --archive` does. Without it everything belongs to the
  /// caller, and loses set-user-id and set-group-id bits: they would speak for another user than before.
  public var keepsOwners: Bool
  /// Copy what a symbolic link at the source leads to and not the link, as `docker cp --follow-link` does. Links below the
  /// source are always copied as links.
  public var followsLink: Bool
  /// Make device nodes. They are refused by default: a node from a container, with a mode that the container chose, would open
  /// the host's devices to its users.
  public var includesDevices: Bool

  /// Chooses.
  public init(keepsOwners: Bool = false, followsLink: Bool = false, includesDevices: Bool = false) {
    self.keepsOwners = keepsOwners
    self.followsLink = followsLink
    self.includesDevices = includesDevices
  }
}
