import ContainrCore
import Glibc
import SystemPackage

extension Cgroup {
  /// Stops every process of the cgroup and of those below it at its next return to user space, and waits until all have
  /// stopped. Idempotent. A process that joins later, or is forked, is stopped too.
  ///
  /// `freezer.state` of version 1, `cgroup.freeze` of version 2 (Linux 5.2).
  ///
  /// - Throws: `CGROUP_CONTROLLER_MISSING`, `TIMEOUT` where a process does not stop (all are thawed again).
  public func freeze(timeout: Duration = .seconds(5)) throws(ContainrError) {
    let directory = try freezer()
    try Self.setFrozen(true, directory)
    let files = CounterFiles(directory)
    let deadline = ContinuousClock.now + timeout
    while try !Self.isFrozen(files) {
      guard ContinuousClock.now < deadline else {
        try Self.setFrozen(false, directory)
        throw ContainrError(
          .timeout, "freezing the cgroup \(path)", hint: "a process is in an uninterruptible wait (state D in ps)")
      }
      switch directory.version {
      case .v1:
        // FREEZING: the kernel looks again when the state is read, and at children forked meanwhile when it is written.
        CInt(-1).waitBriefly(for: 0, milliseconds: 1)
        try Self.setFrozen(true, directory)
      case .v2: files.waitForChange(of: "cgroup.events")
      }
    }
  }

  /// Lets the processes of the cgroup run on. Idempotent. Those below a frozen parent stay stopped.
  ///
  /// - Throws: `CGROUP_CONTROLLER_MISSING`.
  public func thaw() throws(ContainrError) { try Self.setFrozen(false, try freezer()) }

  /// Whether all processes of the cgroup are stopped.
  ///
  /// - Throws: `CGROUP_CONTROLLER_MISSING`, `CGROUP_STATISTICS`.
  public func isFrozen() throws(ContainrError) -> Bool { try Self.isFrozen(CounterFiles(try freezer())) }

  private func freezer() throws(ContainrError) -> CgroupDirectory {
    if let unified { return unified }
    guard let place = places.first(where: { $0.controllers.contains(.freezer) }) else {
      throw ContainrError(
        .cgroupControllerMissing, "freezing the cgroup \(path)", hint: "it was made without the freezer controller")
    }
    return place.directory
  }

  static func setFrozen(_ frozen: Bool, _ directory: CgroupDirectory) throws(ContainrError) {
    switch directory.version {
    case .v1: try directory.write("freezer.state", frozen ? "FROZEN" : "THAWED")
    case .v2: try directory.write("cgroup.freeze", frozen ? "1" : "0")
    }
  }

  private static func isFrozen(_ files: CounterFiles) throws(ContainrError) -> Bool {
    var isFrozen = false
    let isThere: Bool
    switch files.directory.version {
    case .v1:
      isThere = try files.read("freezer.state") { (text) throws(ContainrError) in
        var text = text
        if let state = text.line(), case "FROZEN" = state { isFrozen = true }
      }
    case .v2:
      isThere = try files.read("cgroup.events") { (text) throws(ContainrError) in
        var text = text
        while var line = text.line() {
          if let key = line.word(), case "frozen" = key, let value = line.word(), case "1" = value { isFrozen = true }
        }
      }
    }
    guard isThere else {
      throw .errno(
        .noSuchFileOrDirectory, .cgroupStatistics, "looking whether \(files.directory.path) is frozen", call: "openat(2)",
        hint: "the cgroup is gone")
    }
    return isFrozen
  }
}

extension CInt {
  /// Waits for this descriptor, a few milliseconds at most: the caller looks again. -1 only waits.
  func waitBriefly(for events: Int32, milliseconds: Int32 = 10) {
    var entry = pollfd(fd: self, events: Int16(events), revents: 0)
    poll(&entry, 1, milliseconds)
  }
}
