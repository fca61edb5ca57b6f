/// How the ids of files turn into those that a mount shows them with (runtime-spec config.md, `mounts[].uidMappings`).
public struct MountIDMap: Hashable, Sendable {
  /// Ids that follow one another.
  public struct Range: Hashable, Sendable {
    /// The first id as it is on disk: the id inside the container.
    public var containerID: UInt32
    /// The first id that the mount shows, as the host counts.
    public var hostID: UInt32
    /// How many, from 1 on.
    public var count: UInt32

    /// Describes ids.
    public init(containerID: UInt32, hostID: UInt32, count: UInt32) {
      self.containerID = containerID
      self.hostID = hostID
      self.count = count
    }
  }

  /// The users. An id that is in none is shown as the overflow id, 65534, and no file can be made with it.
  public var users: [Range]
  /// The groups.
  public var groups: [Range]

  /// Takes maps of users and groups.
  public init(users: [Range], groups: [Range]) {
    self.users = users
    self.groups = groups
  }

  static func text(_ ranges: [Range]) -> String {
    ranges.map { "\($0.containerID) \($0.hostID) \($0.count)\n" }.joined()
  }
}
