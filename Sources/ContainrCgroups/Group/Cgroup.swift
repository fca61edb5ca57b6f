import ContainrCore
import Glibc
import SystemPackage

/// A container's cgroup: one directory in each hierarchy that is used, behind one value.
///
/// ```swift
/// let layout = try CgroupLayout.detect()
/// let cgroup = try Cgroup.create(try CgroupPath("containr/web"), layout: layout) { $0.memory.limit = .mebibytes(50) }
/// let join = try cgroup.join()       // the child writes "0" to each of join.tasks
/// …
/// try cgroup.remove()
/// ```
///
/// The value names directories and owns nothing: copies are the same cgroup, and it lives until ``remove(timeout:)``.
/// Every operation is a few system calls on files and may block for milliseconds: not for the cooperative thread pool.
/// Needs write access to the hierarchies, as root or by delegation.
public struct Cgroup: Sendable, Hashable {
  /// The path below each mount point.
  public let path: CgroupPath
  /// The machine's hierarchies.
  public let layout: CgroupLayout
  /// The controllers that have a directory.
  public let controllers: CgroupControllers

  /// The directories with the controllers that each serves, version 1 first.
  let places: [Place]

  struct Place: Sendable, Hashable {
    var directory: CgroupDirectory
    var controllers: CgroupControllers
  }

  init(path: CgroupPath, layout: CgroupLayout, controllers: CgroupControllers, places: [Place]) {
    self.path = path
    self.layout = layout
    self.controllers = controllers
    self.places = places
  }

  /// The controllers that a container gets unless told: those that count memory, CPU time and processes, keep devices
  /// away and freeze. Those of limits that are asked for come on top; ``adding(_:)`` gives more to a living cgroup.
  ///
  /// On version 2 all are one directory, and nothing is left out. On version 1 each is one, and costs time in every start:
  /// see ``ContainrCgroups``. The version 2 directory of a hybrid machine counts and freezes too, and is not cheaper than
  /// `cpuacct` with `freezer`: 115 µs against 112.
  public static func defaultControllers(_ layout: CgroupLayout) -> CgroupControllers {
    var set: CgroupControllers = [.memory, .cpuacct, .pids, .devices, .freezer]
    if layout.v1.isEmpty { set.formUnion([.unified, .cpu, .blkio]) }
    return set.intersection(layout.controllers)
  }

  /// Makes a cgroup and sets its limits; takes everything back that it made where a step fails.
  ///
  /// - Parameters:
  ///   - path: where, below each mount point. Missing parents are made; they stay when the cgroup is removed.
  ///   - layout: the machine's hierarchies.
  ///   - resources: the limits. Their controllers are added to `controllers`.
  ///   - controllers: which ones get a directory; ``defaultControllers(_:)`` unless told.
  ///   - adopting: takes an existing cgroup of this path over, instead of failing.
  /// - Throws: `CGROUP_CREATE` (with `EEXIST` where the cgroup is there), `CGROUP_LIMIT`, `CGROUP_CONTROLLER_MISSING`,
  ///   `PERMISSION_DENIED`, `UNSUPPORTED`.
  public static func create(
    _ path: CgroupPath, layout: CgroupLayout, resources: CgroupResources = CgroupResources(),
    controllers: CgroupControllers? = nil, adopting: Bool = false
  ) throws(ContainrError) -> Cgroup {
    try check(resources, on: layout)
    let wanted = (controllers ?? defaultControllers(layout)).union(resources.controllers)
    let missing = wanted.subtracting(layout.controllers)
    guard missing.isEmpty else {
      throw ContainrError(
        .cgroupControllerMissing, "making the cgroup \(path)",
        hint: "no mounted hierarchy has \(missing); this machine has \(layout.controllers)")
    }
    guard !wanted.isEmpty else {
      throw ContainrError(.cgroupControllerMissing, "making the cgroup \(path)", hint: "no cgroup file system is mounted")
    }
    return try make(path, layout, wanted, adopting: adopting) { (places) throws(ContainrError) in
      try apply(resources, to: places)
    }
  }

  /// Makes the directories of the wanted controllers and hands them to `prepare`; removes what it made where one fails.
  static func make(
    _ path: CgroupPath, _ layout: CgroupLayout, _ wanted: CgroupControllers, adopting: Bool,
    _ prepare: ([Place]) throws(ContainrError) -> Void
  ) throws(ContainrError) -> Cgroup {
    var made: [String] = []
    do throws(ContainrError) {
      var places: [Place] = []
      places.reserveCapacity(layout.v1.count + 1)
      func make(_ hierarchy: some CgroupHierarchy, _ used: CgroupControllers) throws(ContainrError) {
        var fresh = true
        do throws(ContainrError) {
          try hierarchy.makeDirectory(path, controllers: used, made: &made)
        } catch {
          guard adopting, error.systemCall?.errno == .fileExists else { throw Self.explained(error) }
          fresh = false
        }
        var directory = hierarchy.directory(path)
        directory.isFresh = fresh
        places.append(Place(directory: directory, controllers: used))
      }
      for hierarchy in layout.v1 {
        let used = hierarchy.controllers.intersection(wanted)
        if !used.isEmpty { try make(hierarchy, used) }
      }
      if let (hierarchy, used) = unifiedUse(layout, wanted) { try make(hierarchy, used) }
      try prepare(places)
      for index in places.indices { places[index].directory.isFresh = false }
      return Cgroup(path: path, layout: layout, controllers: wanted, places: places)
    } catch {
      // A directory that another has put something into since is theirs now; it stays.
      for directory in made.reversed() {
        if layout.isSimulated { try FileTree.remove(FilePath(directory)) } else { rmdir(directory) }
      }
      throw error
    }
  }

  /// Makes a cgroup with limits set in a closure.
  ///
  /// - Throws: what the closure throws, and what ``create(_:layout:resources:controllers:adopting:)`` does.
  public static func create(
    _ path: CgroupPath, layout: CgroupLayout, controllers: CgroupControllers? = nil, adopting: Bool = false,
    _ configure: (inout CgroupResources) throws -> Void
  ) throws -> Cgroup {
    var resources = CgroupResources()
    try configure(&resources)
    return try create(path, layout: layout, resources: resources, controllers: controllers, adopting: adopting)
  }

  /// Takes over the directories of an existing cgroup, in whichever hierarchies it has one.
  ///
  /// - Throws: `CGROUP_CREATE` with `ENOENT` where it has none.
  public static func adopt(_ path: CgroupPath, layout: CgroupLayout) throws(ContainrError) -> Cgroup {
    var places: [Place] = []
    var controllers: CgroupControllers = []
    func add(_ hierarchy: some CgroupHierarchy, _ used: CgroupControllers) {
      let directory = hierarchy.directory(path)
      guard access(directory.path, F_OK) == 0 else { return }
      places.append(Place(directory: directory, controllers: used))
      controllers.formUnion(used)
    }
    for hierarchy in layout.v1 { add(hierarchy, hierarchy.controllers) }
    if let (hierarchy, used) = unifiedUse(layout, layout.controllers) { add(hierarchy, used) }
    guard !places.isEmpty else {
      throw .errno(
        .noSuchFileOrDirectory, .cgroupCreate, "taking over the cgroup \(path)", call: "access(2)",
        hint: "no hierarchy has it: make it first")
    }
    return Cgroup(path: path, layout: layout, controllers: controllers, places: places)
  }

  /// The version 2 hierarchy with what is wanted of it: what no version 1 hierarchy has.
  private static func unifiedUse(
    _ layout: CgroupLayout, _ wanted: CgroupControllers
  ) -> (CgroupV2Hierarchy, CgroupControllers)? {
    guard let unified = layout.unified else { return nil }
    var used = unified.controllers.union(CgroupV2Hierarchy.core).intersection(wanted)
    for hierarchy in layout.v1 { used.subtract(hierarchy.controllers) }
    return used.isEmpty ? nil : (unified, used)
  }

  private static func explained(_ error: ContainrError) -> ContainrError {
    guard error.systemCall?.errno == .fileExists else { return error }
    var error = error
    error.hint = "a cgroup of this name is there: remove it, or take it over with adopting: true"
    return error
  }

  /// Refuses limits that this machine's versions have no file for.
  private static func check(_ resources: CgroupResources, on layout: CgroupLayout) throws(ContainrError) {
    if resources.network != CgroupResources.Network(), layout.v1.isEmpty {
      throw ContainrError(
        .unsupported, "setting net_cls or net_prio of a cgroup", hint: "version 2 has none: use an eBPF program or nftables")
    }
    if !resources.unified.isEmpty { try UnifiedController.check(resources.unified, on: layout) }
  }

  /// Writes limits to all directories. Where one is refused, those written before get their earlier values back.
  private static func apply(_ resources: CgroupResources, to places: [Place]) throws(ContainrError) {
    var writers = places.map { LimitWriter($0.directory) }
    do throws(ContainrError) {
      for files in controllerFiles {
        for index in places.indices where places[index].controllers.contains(files.controller) {
          try files.apply(resources, to: &writers[index])
        }
      }
    } catch {
      var error = error
      let kept = writers.flatMap { $0.takeBack() }
      if let first = kept.first {
        error.hint = [error.hint, "\(kept.count) earlier values could not be put back: \(first.summary)"].compactMap { $0 }
          .joined(separator: "; ")
      }
      throw error
    }
  }

  /// Changes limits of the living cgroup; those that are not set stay as they are, `.max` takes one off.
  ///
  /// All or nothing: where a write is refused, the files written before get their earlier values back.
  ///
  /// - Throws: `CGROUP_LIMIT` (with `EBUSY` where more memory is in use), `CGROUP_CONTROLLER_MISSING` for a limit whose
  ///   controller the cgroup was made without, `UNSUPPORTED` for what the controller's version cannot do.
  public func update(_ resources: CgroupResources) throws(ContainrError) {
    try Self.check(resources, on: layout)
    let missing = resources.controllers.subtracting(controllers)
    guard missing.isEmpty else {
      throw ContainrError(
        .cgroupControllerMissing, "changing limits of the cgroup \(path)",
        hint: "it was made without \(missing): adding(_:) gives it a directory for them")
    }
    try Self.apply(resources, to: places)
  }

  /// The directory that serves a controller; nil where the cgroup has none for it.
  ///
  /// For files that this library does not name. The path is the caller's responsibility.
  public func directory(_ controller: CgroupControllers) -> FilePath? {
    places.first { $0.controllers.contains(controller) }.map { FilePath($0.directory.path) }
  }

  /// All directories of this cgroup, in the order in which they were made: what a journal records.
  public var directories: [FilePath] { places.map { FilePath($0.directory.path) } }

  /// The version 2 directory, if it is used.
  var unified: CgroupDirectory? { places.last.flatMap { $0.directory.version == .v2 ? $0.directory : nil } }
}

extension CgroupLayout {
  var isSimulated: Bool { v1.first?.isSimulated ?? unified?.isSimulated ?? false }
}

extension Cgroup: CustomStringConvertible {
  /// The path and the controllers: `containr/web (cpu,memory,pids)`.
  public var description: String { "\(path) (\(controllers))" }
}
