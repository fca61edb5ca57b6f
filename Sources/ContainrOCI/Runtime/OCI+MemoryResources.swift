import ContainrCore

extension OCI.RuntimeSpec.Linux.Resources {
  /// Memory and swap in bytes; `-1` is no limit (config-linux.md#memory).
  public struct Memory: Hashable, Sendable {
    /// The most memory.
    public var limit: Int64?
    /// What is kept when memory is short.
    public var reservation: Int64?
    /// The most memory and swap together.
    public var swap: Int64?
    /// Obsolete: kernel memory. The kernel has no such limit any more.
    public var kernel: Int64?
    /// Obsolete: memory of TCP buffers.
    public var kernelTCP: Int64?
    /// How soon anonymous pages go to swap, 0 to 100; version 1.
    public var swappiness: UInt64?
    /// Whether processes wait for memory instead of being killed; version 1.
    public var disableOOMKiller: Bool?
    /// Obsolete: the kernel always counts children.
    public var useHierarchy: Bool?
    /// Whether a new limit below what is in use is refused.
    public var checkBeforeUpdate: Bool?

    /// No limits.
    public init() {}
  }
}

extension OCI.RuntimeSpec.Linux.Resources.Memory: JSONConvertible {
  /// Reads the object.
  public init(_ cursor: JSON.Cursor) throws(ContainrError) {
    _ = try cursor.object()
    limit = try cursor.integer("limit", Int64.self)
    reservation = try cursor.integer("reservation", Int64.self)
    swap = try cursor.integer("swap", Int64.self)
    kernel = try cursor.integer("kernel", Int64.self)
    kernelTCP = try cursor.integer("kernelTCP", Int64.self)
    swappiness = try cursor.integer("swappiness", UInt64.self)
    disableOOMKiller = try cursor.bool("disableOOMKiller")
    useHierarchy = try cursor.bool("useHierarchy")
    checkBeforeUpdate = try cursor.bool("checkBeforeUpdate")
  }

  /// The object.
  public var json: JSON {
    var object = JSON.Object()
    object.add("limit", integer: limit)
    object.add("reservation", integer: reservation)
    object.add("swap", integer: swap)
    object.add("kernel", integer: kernel)
    object.add("kernelTCP", integer: kernelTCP)
    object.add("swappiness", integer: swappiness)
    object.add("disableOOMKiller", disableOOMKiller)
    object.add("useHierarchy", useHierarchy)
    object.add("checkBeforeUpdate", checkBeforeUpdate)
    return .object(object)
  }
}
