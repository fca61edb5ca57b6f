import ContainrCore

/// The statistics of a cgroup at regular times, until it is removed: ``Cgroup/statistics(every:clock:)``.
///
/// Nothing is buffered: a sample is taken when it is asked for and due. A reader that is late gets the present state and no
/// backlog. Each is read on a thread of its own, so that the cooperative pool is not held up. Ends when the cgroup is gone;
/// cancelling the reading task throws `CancellationError`. The descriptors are closed at the end and with the iterator.
public struct CgroupSamples<C: Clock>: AsyncSequence, Sendable where C.Duration == Duration {
  let cgroup: Cgroup
  let interval: Duration
  let clock: C

  /// Begins to sample; the first one is due at once.
  public func makeAsyncIterator() -> Iterator {
    Iterator(sampler: CgroupSampler(cgroup), interval: interval, clock: clock)
  }

  /// Takes one sample after the other.
  public struct Iterator: AsyncIteratorProtocol {
    private var sampler: CgroupSampler?
    private let interval: Duration
    private let clock: C
    private var last: (sample: CgroupStatistics, at: C.Instant)?
    private var due: C.Instant?

    init(sampler: CgroupSampler, interval: Duration, clock: C) {
      self.sampler = sampler
      self.interval = interval
      self.clock = clock
    }

    /// The next sample; nil once the cgroup is gone.
    ///
    /// - Throws: `CancellationError`, and what ``CgroupSampler/sample()`` does.
    public mutating func next() async throws -> CgroupSample? {
      guard let sampler else { return nil }
      do {
        if let due { try await clock.sleep(until: due, tolerance: nil) }
        try Task.checkCancellation()
        let statistics = try await blocking("containr-sample") { try sampler.sample() }
        guard let statistics else {
          self.sampler = nil
          return nil
        }
        let now = clock.now
        // Counted from when the last one was due, so that the times do not drift; a time that was missed is left out.
        let next = (due ?? now).advanced(by: interval)
        due = next < now ? now.advanced(by: interval) : next
        var sample = CgroupSample(statistics: statistics)
        if let last {
          let elapsed = last.at.duration(to: now)
          sample.elapsed = elapsed
          if let cpu = statistics.cpu, let earlier = last.sample.cpu {
            sample.cpuPercent = cpu.percent(since: earlier, over: elapsed)
          }
        }
        last = (statistics, now)
        return sample
      } catch {
        self.sampler = nil
        throw error
      }
    }
  }
}
