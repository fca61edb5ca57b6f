import ContainrCore

/// What happens in a cgroup from the call of ``Cgroup/events()`` on, until it is removed.
///
/// | event | version 1 | version 2 |
/// | --- | --- | --- |
/// | `outOfMemory`, `oomKill` | eventfd on `memory.oom_control` (`cgroup.event_control`) | `memory.events` |
/// | `memoryLimitReached`, `memoryHighReached` | – | `memory.events` |
/// | `pidsLimitReached` | `pids.events` | `pids.events` |
/// | `populated`, `empty` | pidfd of a member | `cgroup.events` |
/// | `frozen`, `thawed` | – | `cgroup.events` |
///
/// A cgroup on both versions has the events of each controller's version. Version 1 tells nobody of a first process: an
/// empty cgroup is looked at several times a second there. `release_agent` is never used.
///
/// The kernel's counters are the buffer, and no other is kept: what is counted between two looks is one event with a count,
/// so that a late reader loses none, but a state that came and went in between (`populated`, `frozen`) is not told. For one
/// reader. Ends when the cgroup is gone; cancelling the reading task throws `CancellationError`. Either closes all
/// descriptors, and so does the end of the value.
public struct CgroupEvents: AsyncSequence, Sendable {
  let watch: CgroupWatch

  /// Reads the events. Several iterators of one value share them.
  public func makeAsyncIterator() -> Iterator { Iterator(watch: watch) }

  /// Waits for one event after the other.
  public struct Iterator: AsyncIteratorProtocol {
    let watch: CgroupWatch

    /// The next event; nil once the cgroup is gone.
    ///
    /// - Throws: `CancellationError`; `CGROUP_STATISTICS` where a file cannot be read or has another form than documented.
    public mutating func next() async throws -> CgroupEvent? {
      do {
        while true {
          switch try watch.look() {
          case .event(let event): return event
          case .nothing(let descriptor): try await EventLoop.shared.readable(descriptor)
          case .gone: return nil
          }
        }
      } catch {
        watch.close()
        throw error
      }
    }
  }
}
