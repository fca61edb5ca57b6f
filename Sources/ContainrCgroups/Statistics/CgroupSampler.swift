import ContainrCore
import Synchronization

/// Samples one cgroup again and again, with one open descriptor for each file: about 15 for the default controllers.
///
/// For a program that watches many cgroups: it calls ``sample()`` of each in turn, on a thread of its own. For one cgroup
/// there is ``Cgroup/statistics(every:clock:)``. What a sample costs is in ``ContainrCgroups``; `RLIMIT_NOFILE` bounds how
/// many samplers there can be. The descriptors are closed when the value ends.
public final class CgroupSampler: Sendable {
  /// The cgroup.
  public let cgroup: Cgroup

  private let state: Mutex<State>

  private struct State {
    var places: [(files: CounterFiles, controllers: CgroupControllers)]
    var isFirst = true
  }

  /// Makes a sampler; files are opened by the first sample.
  public init(_ cgroup: Cgroup) {
    self.cgroup = cgroup
    let places = cgroup.places
    state = Mutex(State(places: places.map { (CounterFiles($0.directory), $0.controllers) }))
  }

  /// Reads what the cgroup uses and has used: one `pread(2)` a file. Nil once the cgroup is gone.
  ///
  /// May block for milliseconds on a machine with many CPUs, as the kernel sums their counters: not for the cooperative
  /// thread pool.
  ///
  /// - Throws: `CGROUP_STATISTICS` where a file cannot be read or has another form than documented, `PERMISSION_DENIED`,
  ///   `RESOURCE_EXHAUSTED` past `RLIMIT_NOFILE`.
  public func sample() throws(ContainrError) -> CgroupStatistics? {
    let result = state.withLock { state in
      Result { () throws(ContainrError) in try Self.sample(&state) }
    }
    return try result.get()
  }

  private static func sample(_ state: inout State) throws(ContainrError) -> CgroupStatistics? {
    var statistics = CgroupStatistics()
    defer { state.isFirst = false }
    for (files, controllers) in state.places {
      files.begin()
      for controller in controllerFiles where controllers.contains(controller.controller) {
        try controller.readStatistics(into: &statistics, from: files)
      }
      if files.directory.version == .v2 {
        statistics.pressure = try CgroupStatistics.Pressure(files)
      }
      files.settle(first: state.isFirst)
      if files.isGone { return nil }
    }
    return statistics
  }
}
