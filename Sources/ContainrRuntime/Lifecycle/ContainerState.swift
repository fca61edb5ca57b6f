import ContainrCore

/// Where a container is in its life (runtime-spec, runtime.md#state, with the end split in two).
public enum ContainerState: Hashable, Sendable, CustomStringConvertible {
  /// Everything is acquired; nothing runs.
  case created
  /// The first process is on its way.
  case starting
  /// The first process runs under this id of the host's.
  case running(pid: Int32)
  /// The first process has ended.
  case stopped(TerminationStatus)
  /// Everything was given back.
  case deleted

  /// The state in one word, as `docker ps` has it.
  public var description: String {
    switch self {
    case .created: "created"
    case .starting: "starting"
    case .running: "running"
    case .stopped: "stopped"
    case .deleted: "deleted"
    }
  }
}
