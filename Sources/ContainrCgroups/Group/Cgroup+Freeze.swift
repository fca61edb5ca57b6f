import ContainrCore
import Glibc
import SystemPackage

extension Cgroup {
  /// Stops every process of the cgroup at its next return to user space, and waits until all have stopped.
  ///
  /// `freezer.state` of version 1, `cgroup.freeze` of version 2 (Linux 5.2).
  ///
  /// - Throws: `CGROUP_CONTROLLER_MISSING`, `TIMEOUT` where a process does not stop (it is thawed again), `UNSUPPORTED`.
  public func freeze(timeout: Duration = .seconds(5)) throws(ContainrError) {
    let directory = try freezer()
    try setFrozen(true, directory)
    let deadline = ContinuousClock.now + timeout
    while try !isFrozen(directory) {
      guard ContinuousClock.now < deadline else {
        try setFrozen(false, directory)
        throw ContainrError(
          .timeout, "freezing the cgroup \(path)", hint: "a process is in an uninterruptible wait (state D in ps)")
      }
      switch directory.version {
      case .v1:
        // Reading the state makes the kernel look again; writing it again catches children forked meanwhile.
        sched_yield()
        try setFrozen(true, directory)
      case .v2:
        try CgroupEvents.wait(directory, until: deadline)
      }
    }
  }

  /// Lets the processes of the cgroup run on.
  ///
  /// - Throws: `CGROUP_CONTROLLER_MISSING`.
  public func thaw() throws(ContainrError) { try setFrozen(false, try freezer()) }

  /// Whether all processes of the cgroup are stopped.
  public func isFrozen() throws(ContainrError) -> Bool { try isFrozen(try freezer()) }

  private func freezer() throws(ContainrError) -> CgroupDirectory {
    if let unified { return unified }
    guard let place = places.first(where: { $0.controllers.contains(.freezer) }) else {
      throw ContainrError(
        .cgroupControllerMissing, "freezing the cgroup \(path)", hint: "it was made without the freezer controller")
    }
    return place.directory
  }

  private func setFrozen(_ frozen: Bool, _ directory: CgroupDirectory) throws(ContainrError) {
    switch directory.version {
    case .v1: try directory.write("freezer.state", frozen ? "FROZEN" : "THAWED")
    case .v2: try directory.write("cgroup.freeze", frozen ? "1" : "0")
    }
  }

  private func isFrozen(_ directory: CgroupDirectory) throws(ContainrError) -> Bool {
    switch directory.version {
    case .v1: try directory.read("freezer.state") == "FROZEN"
    case .v2: try directory.table("cgroup.events")["frozen"] == 1
    }
  }
}
