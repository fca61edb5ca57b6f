import ContainrCore
import Glibc

/// How the processes of a cgroup are kept from forking while each of them is killed.
enum KillMechanism: Sendable, Hashable {
  /// `cgroup.kill` of a version 2 directory (Linux 5.14): the kernel does all of it.
  case file(CgroupDirectory)
  /// They are frozen: `freezer.state`, or `cgroup.freeze` (Linux 5.2).
  case freezer(CgroupDirectory)
  /// `pids.max` is 0 meanwhile: every fork fails.
  case pids(CgroupDirectory)
  /// Each is stopped first: one with a signal does not fork (`fork(2)` starts over after the signal).
  case signals

  /// What holds a cgroup best.
  static func best(for cgroup: Cgroup) -> [KillMechanism] {
    var mechanisms: [KillMechanism] = []
    if let unified = cgroup.unified, access(unified.file("cgroup.kill"), F_OK) == 0 {
      mechanisms.append(.file(unified))
      // On a hybrid machine a process may be in the version 1 directories only: one that was added by hand.
      if cgroup.places.count == 1 { return mechanisms }
    }
    if let place = cgroup.places.first(where: { $0.controllers.contains(.freezer) && $0.directory.version == .v1 }) {
      mechanisms.append(.freezer(place.directory))
    } else if let unified = cgroup.unified, mechanisms.isEmpty, access(unified.file("cgroup.freeze"), F_OK) == 0 {
      mechanisms.append(.freezer(unified))
    } else if let place = cgroup.places.first(where: { $0.controllers.contains(.pids) }) {
      mechanisms.append(.pids(place.directory))
    } else {
      mechanisms.append(.signals)
    }
    return mechanisms
  }

  /// Makes forks impossible; what undoes it is returned. A directory that is gone holds nobody.
  func hold() throws(ContainrError) -> (() throws(ContainrError) -> Void)? {
    do throws(ContainrError) {
      switch self {
      case .file, .signals: return nil
      case .freezer(let directory):
        try Cgroup.setFrozen(true, directory)
        return { () throws(ContainrError) in try Cgroup.setFrozen(false, directory) }
      case .pids(let directory):
        let limit = try directory.read("pids.max", .cgroupStatistics)
        try directory.write("pids.max", "0")
        return { () throws(ContainrError) in try directory.write("pids.max", limit) }
      }
    } catch {
      if error.systemCall?.errno == .noSuchFileOrDirectory || error.systemCall?.errno == .operationNotSupportedByDevice {
        return nil
      }
      throw error
    }
  }
}
