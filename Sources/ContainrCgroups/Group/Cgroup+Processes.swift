import CContainrLinux
import ContainrCore
import Glibc
import SystemPackage

extension Cgroup {
  /// Opens what a new process needs to enter this cgroup. See ``CgroupJoin`` for how it does.
  ///
  /// - Throws: `CGROUP_ADD_PROCESS`, `PERMISSION_DENIED`, `RESOURCE_EXHAUSTED`.
  public func join() throws(ContainrError) -> CgroupJoin {
    var tasks: [CInt] = []
    tasks.reserveCapacity(places.count)
    var directory: CInt?
    do throws(ContainrError) {
      for place in places {
        switch place.directory.version {
        case .v1: tasks.append(try place.directory.open("tasks", .cgroupAddProcess).release())
        case .v2:
          directory = try OwnedDescriptor.open(
            FilePath(place.directory.path), flags: O_RDONLY | O_DIRECTORY, code: .cgroupAddProcess
          ).release()
        }
      }
    } catch {
      for descriptor in tasks { close(descriptor) }
      throw error
    }
    return CgroupJoin(tasks: tasks, directory: directory)
  }

  /// Moves a process with all its threads into this cgroup: writes to `cgroup.procs` of every directory.
  ///
  /// Waits for an RCU grace period, some milliseconds; a new process is better started with ``join()``.
  ///
  /// - Throws: `CGROUP_ADD_PROCESS`: `ESRCH` for no such process, `EAGAIN` past a pids limit, `EBUSY` for a version 2
  ///   directory with controllers enabled for children.
  public func addProcess(_ pid: pid_t) throws(ContainrError) {
    guard pid >= 0 else {
      throw ContainrError(.cgroupAddProcess, "adding the process \(pid) to the cgroup \(path)", hint: "a process id")
    }
    for place in places {
      try place.directory.write("cgroup.procs", String(pid), .cgroupAddProcess) { errno in
        switch errno {
        case .noSuchProcess: "the process has ended, or is in another pid namespace"
        case .noSpace: "cpuset.cpus or cpuset.mems of the cgroup is empty"
        case .resourceBusy: "the directory enables controllers for its children, so it takes no process itself"
        default: nil
        }
      }
    }
  }

  /// Moves every process of this cgroup, and of those below it, into another one. Those that fork meanwhile are moved too.
  ///
  /// Costs some milliseconds for each process. Limits on memory do not follow: what is in use stays counted here.
  ///
  /// - Parameters:
  ///   - target: where to.
  ///   - timeout: how long to look for further processes.
  /// - Throws: `CGROUP_ADD_PROCESS` as ``addProcess(_:)`` does; `TIMEOUT` where processes fork faster than they are moved.
  public func moveProcesses(to target: Cgroup, timeout: Duration = .seconds(5)) throws(ContainrError) {
    let deadline = ContinuousClock.now + timeout
    while true {
      let rest = try living()
      if rest.isEmpty { return }
      guard ContinuousClock.now < deadline else {
        throw ContainrError(
          .timeout, "moving the processes of the cgroup \(path) to \(target.path)",
          hint: "new ones come all the time: freeze() the cgroup first")
      }
      for pid in rest {
        do throws(ContainrError) { try target.addProcess(pid) } catch {
          // It has ended since the list was read.
          if error.systemCall?.errno != .noSuchProcess { throw error }
        }
      }
    }
  }

  /// Moves the calling process with all its threads into this cgroup.
  ///
  /// - Throws: `CGROUP_ADD_PROCESS`.
  public func addCurrentProcess() throws(ContainrError) { try addProcess(getpid()) }

  /// The ids of the processes in this cgroup, those in cgroups below it included; in the reader's pid namespace.
  ///
  /// - Throws: `CGROUP_STATISTICS` where the cgroup is gone.
  public func processes() throws(ContainrError) -> [pid_t] {
    guard places.contains(where: { access($0.directory.path, F_OK) == 0 }) else {
      throw .errno(
        .noSuchFileOrDirectory, .cgroupStatistics, "listing the processes of the cgroup \(path)", call: "access(2)",
        hint: "the cgroup is gone")
    }
    return try living()
  }

  /// The processes in all directories that there are: none where the cgroup is gone.
  func living() throws(ContainrError) -> [pid_t] {
    // A process may sit in a sub-cgroup that it made in one hierarchy only, so all of them count.
    var found: Set<pid_t> = []
    for place in places { found.formUnion(try place.directory.livingHereAndBelow(.cgroupStatistics)) }
    return found.sorted()
  }

  /// Gives a living cgroup further controllers: makes their directories and moves its processes there.
  ///
  /// For what is rarely wanted, so that not every start pays for it: a CPU limit that comes later, for example. Processes
  /// that fork meanwhile are moved too. Costs some milliseconds for each process.
  ///
  /// - Throws: `CGROUP_CONTROLLER_MISSING` where the machine has none, `CGROUP_CREATE`, `CGROUP_ADD_PROCESS`.
  public func adding(_ further: CgroupControllers) throws(ContainrError) -> Cgroup {
    let missing = further.subtracting(layout.controllers)
    guard missing.isEmpty else {
      throw ContainrError(
        .cgroupControllerMissing, "adding controllers to the cgroup \(path)", hint: "no mounted hierarchy has \(missing)")
    }
    let larger = try Self.make(path, layout, controllers.union(further), adopting: true) { _ in }
    let known = Set(places.map(\.directory.path))
    for place in larger.places where !known.contains(place.directory.path) {
      var moved: Set<pid_t> = []
      while true {
        let rest = Set(try processes()).subtracting(moved)
        if rest.isEmpty { break }
        for pid in rest {
          do throws(ContainrError) {
            try place.directory.write("cgroup.procs", String(pid), .cgroupAddProcess)
          } catch {
            // It has ended since the list was read.
            if error.systemCall?.errno != .noSuchProcess { throw error }
          }
        }
        moved.formUnion(rest)
      }
    }
    return larger
  }
}
