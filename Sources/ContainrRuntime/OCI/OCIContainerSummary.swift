import ContainrOCI
import SystemPackage

/// A container as `state` and `list` show it.
public struct OCIContainerSummary: Hashable, Sendable {
  /// Where it stands.
  public let state: OCI.State
  /// When it was made, RFC 3339 in UTC.
  public let created: String
  /// The user who made it.
  public let owner: UInt32
  /// Its root file system.
  public let rootfs: FilePath

  /// The state document with the members that runc and crun add: a stopped container has the pid 0.
  public var json: JSON {
    var object = JSON.Object()
    object["ociVersion"] = .string(state.ociVersion)
    object["id"] = .string(state.id)
    object["pid"] = .integer(Int64(state.pid ?? 0))
    object["status"] = .string(state.status.rawValue)
    object["bundle"] = .string(state.bundle)
    object["rootfs"] = .string(rootfs.string)
    object["created"] = .string(created)
    if let annotations = state.annotations, !annotations.isEmpty {
      var texts = JSON.Object()
      for (key, value) in annotations.sorted(by: { $0.key < $1.key }) { texts[key] = .string(value) }
      object["annotations"] = .object(texts)
    }
    object["owner"] = .string("")
    return .object(object)
  }
}
