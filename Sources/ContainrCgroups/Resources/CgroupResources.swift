import ContainrCore

/// What a cgroup may use: every resource of the OCI runtime specification 1.2 (`config-linux.md#control-groups`). Nothing
/// set is nothing limited.
///
/// ```swift
/// var resources = CgroupResources()
/// resources.memory.limit = .mebibytes(50)
/// resources.cpu.quota = try CPUQuota(cpus: 0.5)
/// resources.pids.limit = 100
/// ```
///
/// A member that one of the versions cannot do throws `UNSUPPORTED` there. These of the specification have no member:
/// `memory.kernel`, which no kernel since 5.16 limits, and `memory.useHierarchy`, which every kernel since 5.11 does.
public struct CgroupResources: Sendable, Hashable {
  /// Memory and swap.
  public var memory = Memory()
  /// CPU time.
  public var cpu = CPU()
  /// CPUs and memory nodes.
  public var cpuset = Cpuset()
  /// Processes.
  public var pids = Pids()
  /// Block I/O.
  public var blockIO = BlockIO()
  /// Huge pages, by the size of the page: `.mebibytes(2)`.
  public var hugetlb: [ByteCount: Hugetlb] = [:]
  /// RDMA resources, by the name of the device: `mlx5_0`.
  public var rdma: [String: RDMA] = [:]
  /// Scalar resources by name, `sev` or `res_a`: `misc.max`. The names that a machine has are in the root's `misc.capacity`.
  public var misc: [String: Limit<UInt64>] = [:]
  /// Marks on network packets; version 1 only.
  public var network = Network()
  /// Files of the version 2 directory with what is written to them, after all other limits: `["memory.high": "50M"]`.
  ///
  /// A name is that of a controller's file, or `cgroup.max.depth`, `cgroup.max.descendants`, `cgroup.pressure`. Where the
  /// controller is on version 1 it is `UNSUPPORTED`. Not read back.
  public var unified: [String: String] = [:]
  /// What devices may be used: everything that no rule allows is denied, and of two rules the later one counts. Nil
  /// leaves what the parent allows. Not read back: the kernel does not show all of it.
  public var devices: [DeviceRule]?

  /// No limit.
  public init() {}

  /// Sets limits in a closure.
  public init<Failure: Error>(_ configure: (inout CgroupResources) throws(Failure) -> Void) throws(Failure) {
    try configure(&self)
  }

  /// The CPUs and memory nodes that may be used.
  public struct Cpuset: Sendable, Hashable {
    /// `cpuset.cpus`.
    public var cpus: CpusetList?
    /// `cpuset.mems`.
    public var mems: CpusetList?
  }

  /// Limits of processes.
  public struct Pids: Sendable, Hashable {
    /// The most processes and threads: `pids.max`. Past it `fork(2)` fails with `EAGAIN`.
    public var limit: Limit<UInt64>?
  }

  /// Limits of huge pages of one size. Past them `mmap(2)` fails, or touching a page is a SIGBUS.
  public struct Hugetlb: Sendable, Hashable {
    /// The most that is used: v1 `hugetlb.<size>.limit_in_bytes`, v2 `hugetlb.<size>.max`.
    public var limit: Limit<ByteCount>?
    /// The most that is reserved by `mmap(2)`: `hugetlb.<size>.rsvd.limit_in_bytes` and `.rsvd.max` (Linux 5.7).
    public var reservation: Limit<ByteCount>?
    /// Sets limits.
    public init(limit: Limit<ByteCount>? = nil, reservation: Limit<ByteCount>? = nil) {
      self.limit = limit
      self.reservation = reservation
    }
  }

  /// Limits of one RDMA device: `rdma.max`.
  public struct RDMA: Sendable, Hashable {
    /// The most `hca_handle`s.
    public var handles: Limit<UInt64>?
    /// The most `hca_object`s.
    public var objects: Limit<UInt64>?
    /// Sets limits.
    public init(handles: Limit<UInt64>? = nil, objects: Limit<UInt64>? = nil) {
      self.handles = handles
      self.objects = objects
    }
  }

  /// Marks on network packets, for `tc(8)` and queueing disciplines. Version 1 only.
  public struct Network: Sendable, Hashable {
    /// The traffic class, `0xAAAABBBB` for `AAAA:BBBB`: `net_cls.classid`.
    public var classID: UInt32?
    /// The priority on each interface by its name: `net_prio.ifpriomap`.
    public var priorities: [String: UInt32] = [:]
  }

  /// The controllers that these limits need.
  public var controllers: CgroupControllers {
    var set: CgroupControllers = []
    if memory != Memory() { set.insert(.memory) }
    if cpu != CPU() { set.insert(.cpu) }
    if cpuset != Cpuset() { set.insert(.cpuset) }
    if pids != Pids() { set.insert(.pids) }
    if blockIO != BlockIO() { set.insert(.blkio) }
    if !hugetlb.isEmpty { set.insert(.hugetlb) }
    if !rdma.isEmpty { set.insert(.rdma) }
    if !misc.isEmpty { set.insert(.misc) }
    if network.classID != nil { set.insert(.netCls) }
    if !network.priorities.isEmpty { set.insert(.netPrio) }
    if devices != nil { set.insert(.devices) }
    if !unified.isEmpty {
      set.insert(.unified)
      for name in unified.keys { set.formUnion(UnifiedController.controller(of: name)) }
    }
    return set
  }
}
