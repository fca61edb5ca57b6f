/// How the kernel schedules a process and places its memory.
public enum ProcessAttribute: Hashable, Sendable {
  /// Scheduling: the bytes of `struct sched_attr` (sched_setattr(2)).
  case scheduler([UInt8])
  /// The I/O priority: the class shifted by 13 bits, and the level (ioprio_set(2)).
  case ioPriority(UInt64)
  /// The memory policy: mode with its flags, and the nodes as a bit mask of 64-bit words (set_mempolicy(2)).
  case memoryPolicy(mode: UInt64, nodes: [UInt64])
  /// The execution domain (personality(2)).
  case personality(UInt64)
  /// The CPUs that it may run on, as a bit mask of 64-bit words (sched_setaffinity(2)).
  case processors([UInt64])

  var text: String {
    switch self {
    case .scheduler: "set the scheduling"
    case .ioPriority: "set the I/O priority"
    case .memoryPolicy: "set the memory policy"
    case .personality: "set the execution domain"
    case .processors: "choose the CPUs"
    }
  }

  var manual: String {
    switch self {
    case .scheduler: "sched_setattr(2)"
    case .ioPriority: "ioprio_set(2)"
    case .memoryPolicy: "set_mempolicy(2)"
    case .personality: "personality(2)"
    case .processors: "sched_setaffinity(2)"
    }
  }
}
