import ContainrOCI
import SystemPackage

/// A container in a list.
public struct OCIContainerSummary: Hashable, Sendable {
  /// Where it stands.
  public let state: OCI.State
  /// When it was made, RFC 3339 in UTC.
  public let created: String
  /// The user who made it.
  public let owner: UInt32
  /// Its root file system.
  public let rootfs: FilePath
}
