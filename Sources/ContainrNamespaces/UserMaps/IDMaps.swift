import ContainrCore
import Glibc

/// The maps of users and groups of a new user namespace.
public struct IDMaps: Hashable, Sendable {
  /// The user ids.
  public var users: IDMap
  /// The group ids.
  public var groups: IDMap

  /// Makes a pair of maps.
  public init(users: IDMap, groups: IDMap) {
    self.users = users
    self.groups = groups
  }

  /// Maps 0 inside to the caller's own user and group, and nothing else: what any user may do without newuidmap.
  public static func selfOnly() throws(ContainrError) -> IDMaps {
    IDMaps(users: try IDMap(hostID: geteuid()), groups: try IDMap(hostID: getegid()))
  }

  /// Maps 0 inside to the caller's own user and group, and the ids from 1 on to those that /etc/subuid and /etc/subgid grant.
  ///
  /// A caller without subordinate ids gets ``selfOnly()``.
  ///
  /// - Throws: `ID_MAPPING` for a malformed file, `IO_FAILURE`.
  public static func rootless() throws(ContainrError) -> IDMaps {
    let uid = geteuid()
    let name = try SubordinateIDs.userName(of: uid)
    return IDMaps(
      users: try map(own: uid, try SubordinateIDs.users().ranges(name: name, uid: uid)),
      groups: try map(own: getegid(), try SubordinateIDs.groups().ranges(name: name, uid: uid)))
  }

  /// Maps all ids from 0 inside on to the subordinate ids of a user of the host, as a privileged caller does to give a
  /// container no user of the host at all.
  ///
  /// - Throws: `ID_MAPPING` for a malformed file and for a user without subordinate ids.
  public static func subordinate(of name: String) throws(ContainrError) -> IDMaps {
    let users = try SubordinateIDs.users().ranges(name: name, uid: nil)
    let groups = try SubordinateIDs.groups().ranges(name: name, uid: nil)
    guard !users.isEmpty, !groups.isEmpty else {
      throw ContainrError(
        .idMapping, "mapping the subordinate ids of \(name)",
        hint: "add a line such as \(name):100000:65536 to /etc/subuid and /etc/subgid")
    }
    return IDMaps(users: try IDMap(chain(users, from: 0)), groups: try IDMap(chain(groups, from: 0)))
  }

  /// Whether the kernel wants setgroups(2) refused inside before it takes the map: an unprivileged caller maps one group.
  public var deniesSetgroups: Bool { geteuid() != 0 && groups.mapsOnly(getegid()) }

  private static func map(own: UInt32, _ ranges: [Range<UInt64>]) throws(ContainrError) -> IDMap {
    try IDMap([IDMapping(containerID: 0, hostID: own, count: 1)] + chain(ranges, from: 1))
  }

  private static func chain(_ ranges: [Range<UInt64>], from first: UInt32) -> [IDMapping] {
    var next = UInt64(first)
    return ranges.compactMap { range in
      let count = min(UInt64(range.count), UInt64(UInt32.max) - next)
      guard count > 0 else { return nil }
      defer { next += count }
      return IDMapping(containerID: UInt32(next), hostID: UInt32(range.lowerBound), count: UInt32(count))
    }
  }
}
