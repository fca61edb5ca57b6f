import ContainrCore

/// A limit on a process's use of a resource (getrlimit(2)).
public struct ResourceLimit: Hashable, Sendable {
  /// The resources, by their numbers on x86-64 and arm64.
  public enum Resource: UInt32, Hashable, Sendable, CaseIterable {
    /// Seconds of CPU time.
    case cpu = 0
    /// Bytes of a file.
    case fsize, data, stack, core, rss
    /// Processes of the user.
    case nproc
    /// Descriptors.
    case nofile
    /// Bytes locked in memory.
    case memlock
    /// Bytes of address space.
    case `as`
    /// File locks, pending signals, bytes in message queues, priorities.
    case locks, sigpending, msgqueue, nice, rtprio, rttime
  }

  /// The resource.
  public var resource: Resource
  /// What the kernel enforces; `UInt64.max` is no limit.
  public var soft: UInt64
  /// How far the process may raise the soft limit.
  public var hard: UInt64

  /// Describes a limit.
  public init(_ resource: Resource, soft: UInt64, hard: UInt64) {
    self.resource = resource
    self.soft = soft
    self.hard = hard
  }

  /// Parses Docker's form, `nofile=1024:2048` or `nofile=1024`; `-1` and `unlimited` are no limit.
  ///
  /// - Throws: `INVALID_ARGUMENT`, also for a soft limit above the hard one.
  public init(parsing text: String) throws(ContainrError) {
    let parts = text.split(separator: "=", maxSplits: 1)
    let values = parts.count == 2 ? parts[1].split(separator: ":", omittingEmptySubsequences: false) : []
    let resource = Resource.allCases.first { "\($0)" == parts.first ?? "" }
    func limit(_ value: Substring) -> UInt64? { value == "-1" || value == "unlimited" ? .max : UInt64(value) }
    guard let resource, let soft = values.first.flatMap(limit), values.count <= 2, let hard = limit(values.last ?? ""),
      soft <= hard
    else {
      throw ContainrError(.invalidArgument, "reading the limit \"\(text)\"", hint: "as in nofile=1024:2048, soft before hard")
    }
    self.init(resource, soft: soft, hard: hard)
  }
}
