import CContainrLinux
import ContainrCore
import Glibc
import Synchronization
import SystemPackage

/// How often a path is swapped in a race; a long run is for `CONTAINR_RACE_ROUNDS`.
let raceRounds: Int = getenv("CONTAINR_RACE_ROUNDS").flatMap { Int(String(cString: $0)) } ?? 2000

/// Swaps two paths as fast as it can, on a thread of its own, until it is stopped.
final class Swapper: Sendable {
  private let isStopped = Atomic(false)
  private let rounds = Atomic(0)
  private let hasEnded = Atomic(false)

  /// - Parameter rests: whether the paths are themselves for most of the time, and swapped for moments only: for a runtime
  ///   that gives up at once when it meets the other one.
  init(_ first: FilePath, _ second: FilePath, rests: Bool = false) throws {
    try Thread.detach(name: "swapper") { [self] in
      var isSwapped = false
      while !isStopped.load(ordering: .relaxed) || isSwapped {
        // RENAME_EXCHANGE
        if cl_renameat2(AT_FDCWD, first.string, AT_FDCWD, second.string, 2) == 0 {
          rounds.add(1, ordering: .relaxed)
          isSwapped.toggle()
        }
        if rests, !isSwapped { usleep(UInt32.random(in: 0...200)) }
      }
      hasEnded.store(true, ordering: .releasing)
    }
  }

  /// How often the paths were swapped so far.
  var count: Int { rounds.load(ordering: .relaxed) }

  /// Stops with the paths as they were at first, and says how often they were swapped.
  func stop() -> Int {
    isStopped.store(true, ordering: .relaxed)
    while !hasEnded.load(ordering: .acquiring) { sched_yield() }
    return count
  }
}
