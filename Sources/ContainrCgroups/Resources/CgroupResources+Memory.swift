import ContainrCore

extension CgroupResources {
  /// Limits of memory.
  public struct Memory: Sendable, Hashable {
    /// The most memory that is used: v1 `memory.limit_in_bytes`, v2 `memory.max`. Past it the kernel reclaims, then kills.
    public var limit: Limit<ByteCount>?
    /// The most of memory and swap together, as Docker's `--memory-swap`: v1 `memory.memsw.limit_in_bytes`; v2
    /// `memory.swap.max` gets this minus the memory limit. The same as ``limit`` is no swap. Nil leaves swap as it is, but
    /// `.max` memory takes this limit off too on version 1, where it would bound memory.
    public var limitWithSwap: Limit<ByteCount>?
    /// What is kept when memory is short: v1 `memory.soft_limit_in_bytes`, v2 `memory.low`.
    public var reservation: Limit<ByteCount>?
    /// Above it the cgroup's processes are slowed and made to reclaim: v2 `memory.high`. Version 1 has none.
    public var high: Limit<ByteCount>?
    /// What is kept even when the machine would have to kill: v2 `memory.min`. Version 1 has none.
    public var min: Limit<ByteCount>?
    /// The most memory of TCP buffers: v1 `memory.kmem.tcp.limit_in_bytes`. Version 2 counts it in ``limit``.
    public var kernelTCP: Limit<ByteCount>?
    /// How much the kernel prefers swapping to dropping caches, 0 to 100: v1 `memory.swappiness`. Version 2 has none.
    public var swappiness: UInt64?
    /// Processes past the limit wait until somebody makes room, instead of being killed: v1 `memory.oom_control`. Version 2
    /// has none.
    public var disableOOMKiller: Bool?
    /// An OOM kill takes all processes of the cgroup: v2 `memory.oom.group` (Linux 4.19). Version 1 has none.
    public var oomGroup: Bool?
    /// Whether a new limit on a living cgroup is refused with `EBUSY` where more is in use.
    ///
    /// - `true`: all that is in use counts, caches too; nothing is reclaimed.
    /// - `nil`, the default: what the kernel cannot reclaim counts. Version 1 refuses by itself; on version 2, where the
    ///   kernel would kill until the limit holds, pages of no file are compared.
    /// - `false`: nothing is compared, and version 2 kills. The specification's default.
    public var checkBeforeUpdate: Bool?
  }
}
