/// Something that happened in a cgroup: an element of ``CgroupEvents``, which says where each comes from.
public enum CgroupEvent: Sendable, Hashable {
  /// The memory limit was reached and nothing could be reclaimed: the kernel looks for a process to kill.
  case outOfMemory(count: UInt64)
  /// The kernel killed this many processes for want of memory.
  case oomKill(count: UInt64)
  /// The memory limit was reached, and the kernel reclaimed. Version 2.
  case memoryLimitReached(count: UInt64)
  /// Processes were slowed above `memory.high`. Version 2.
  case memoryHighReached(count: UInt64)
  /// This many forks were refused because of the limit of processes.
  case pidsLimitReached(count: UInt64)
  /// There is a process in the cgroup, or in one below it, and there was none before.
  case populated
  /// The last process has left, or ended.
  case empty
  /// All processes are stopped. Version 2.
  case frozen
  /// The processes run again. Version 2.
  case thawed
}
