/// One line of an id map: `count` ids from `containerID` on are the ids from `hostID` on (user_namespaces(7)).
public struct IDMapping: Hashable, Sendable {
  /// The first id inside the user namespace.
  public var containerID: UInt32
  /// The first id outside, in the user namespace of the caller.
  public var hostID: UInt32
  /// How many, from 1 on.
  public var count: UInt32

  /// Makes a mapping; ``IDMap`` validates it.
  public init(containerID: UInt32, hostID: UInt32, count: UInt32) {
    self.containerID = containerID
    self.hostID = hostID
    self.count = count
  }

  var containerRange: Range<UInt64> { UInt64(containerID)..<UInt64(containerID) + UInt64(count) }
  var hostRange: Range<UInt64> { UInt64(hostID)..<UInt64(hostID) + UInt64(count) }
}
