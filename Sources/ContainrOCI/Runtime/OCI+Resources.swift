import ContainrCore

extension OCI.RuntimeSpec.Linux {
  /// Limits (config-linux.md#control-groups). `-1` stands for none.
  public struct Resources: Hashable, Sendable {
    /// Which devices may be used, in this order.
    public var devices: [DeviceAccess]?
    /// Memory and swap.
    public var memory: Memory?
    /// CPU time, CPUs and memory nodes.
    public var cpu: CPU?
    /// The most processes and threads.
    public var pids: Pids?
    /// Block devices.
    public var blockIO: BlockIO?
    /// Huge pages by size, `2MB`.
    public var hugepageLimits: [HugepageLimit]?
    /// Marks of network packets.
    public var network: Network?
    /// RDMA devices by name.
    public var rdma: [String: RDMA]?
    /// Files of cgroup version 2 and what is written to them.
    public var unified: [String: String]?

    /// No limits.
    public init() {}
  }
}

extension OCI.RuntimeSpec.Linux.Resources: JSONConvertible {
  /// Reads the `resources` object.
  public init(_ cursor: JSON.Cursor) throws(ContainrError) {
    _ = try cursor.object()
    devices = try cursor.values("devices")
    memory = try cursor.value("memory")
    cpu = try cursor.value("cpu")
    pids = try cursor.value("pids")
    blockIO = try cursor.value("blockIO")
    hugepageLimits = try cursor.values("hugepageLimits")
    network = try cursor.value("network")
    rdma = try cursor.valueMap("rdma")
    unified = try cursor.stringMap("unified")
  }

  /// The `resources` object.
  public var json: JSON {
    var object = JSON.Object()
    object.add("devices", values: devices)
    object.add("memory", value: memory)
    object.add("cpu", value: cpu)
    object.add("pids", value: pids)
    object.add("blockIO", value: blockIO)
    object.add("hugepageLimits", values: hugepageLimits)
    object.add("network", value: network)
    object.add("rdma", map: rdma)
    object.add("unified", map: unified)
    return .object(object)
  }
}
