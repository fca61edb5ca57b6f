import CContainrLinux
import ContainrCore
import ContainrLaunch
import Glibc
import SystemPackage

/// What the operations of a root file system need to know about the process around them.
public struct RootFSContext: Hashable, Sendable {
  /// Whether the process is in a user namespace of its own, where device nodes cannot be made and overlay keeps its marks
  /// in `user.` attributes.
  public var isInUserNamespace = false
  /// Whether the network namespace is one of the caller's user namespace, so that sysfs can be mounted.
  public var ownsNetworkNamespace = true
  /// The cgroup v1 hierarchies to show, by their mount options: `["memory"]`, `["cpu", "cpuacct"]`.
  public var cgroupHierarchies: [[String]] = []
  /// Whether the cgroup v2 tree is shown: at /sys/fs/cgroup, or below it as `unified` beside hierarchies of v1.
  public var showsUnifiedCgroup = false
  /// How the user namespace of the process maps ids, for mounts that follow it (``MountIDMapping/container(recursive:)``).
  public var idMap: MountIDMap?
  /// The group that terminals belong to: tty; nil where it is not mapped.
  public var terminalGroup: UInt32? = 5
  /// Whether an overlay gets its layers one by one. A test says no, to take an older kernel's way.
  package var appendsLayers = OverlayRoot.kernelAppendsLayers

  /// Describes a process of the first user namespace, with no cgroups to show.
  public init() {}
}

/// The descriptors of a root that later operations refer to.
public struct RootFSSlots: Hashable, Sendable {
  /// The root.
  public let root: LaunchSlot
  /// The container's procfs, for writes to /proc/sys and /proc/self; nil where none is mounted.
  public let proc: LaunchSlot?
  /// The container's devpts, for a terminal; nil where none is mounted.
  public let devpts: LaunchSlot?
}

extension LaunchPlan {
  /// Appends the operations that build a root file system in a new mount namespace, up to but without the change of root.
  ///
  /// - Parameter beforeWalls: appends what must come before paths are hidden and made read-only, such as writes to /proc/sys.
  /// - Throws: `INVALID_CONFIGURATION` for what contradicts itself, `KERNEL_UNSUPPORTED` for too many layers.
  public mutating func append(
    rootFS: RootFS, context: RootFSContext,
    beforeWalls: (inout LaunchPlan, RootFSSlots) throws(ContainrError) -> Void = { _, _ throws(ContainrError) in }
  ) throws(ContainrError) -> RootFSSlots {
    let root = makeSlot()
    // One for every mount that nothing refers to once it is attached: a plan has room for 128 slots only.
    let scratch = makeSlot()
    let prepared = try prepare(rootFS.mounts, context: context)
    let isPeer = appendPeer(rootFS, root: root)
    append(.propagation(.private))
    switch rootFS.source {
    case .directory where isPeer: append(.mountAttributes(root, set: [], propagation: .slave, recursive: true))
    case .directory(let path): append(.bind(root, directory: .workingDirectory, path: path.string))
    case .overlay(let overlay): try overlay.append(to: &self, root: root, context: context)
    }
    // The new mount namespace is ours alone: the new root may lie over the old one until pivot_root(2) lets go of that.
    append(.attachOnHost(root, path: "/"))

    var proc: LaunchSlot?
    var devpts: LaunchSlot?
    var makesDevices = true
    for (index, mount) in rootFS.mounts.enumerated() {
      let slot: LaunchSlot
      switch mount.kind {
      case .proc, .devpts, .cgroup: slot = makeSlot()
      case .tmpfs where mount.destination == .dev: slot = makeSlot()
      default: slot = prepared.mounts[index] ?? scratch
      }
      try append(mount, in: slot, index: index, prepared: prepared, root: root, context: context)
      switch mount.kind {
      case .proc: proc = proc ?? slot
      case .devpts: devpts = devpts ?? slot
      case .tmpfs where mount.destination == .dev:
        appendDevices(rootFS.devices, root: root, dev: slot, scratch: scratch, context: context)
        appendLinks(dev: slot)
        makesDevices = false
      case .bind where mount.destination == .dev: makesDevices = false
      default: break
      }
    }
    if makesDevices { appendDevices(rootFS.devices, root: root, dev: nil, scratch: scratch, context: context) }
    let slots = RootFSSlots(root: root, proc: proc, devpts: devpts)
    try beforeWalls(&self, slots)
    appendWalls(rootFS, root: root)
    return slots
  }

  /// Appends the change of root; a read-only one is made so now, when nothing more is to be made in it.
  public mutating func appendChangeOfRoot(_ rootFS: RootFS, slots: RootFSSlots) {
    if rootFS.isReadOnly { append(.mountAttributes(slots.root, set: .readOnly)) }
    switch rootFS.change {
    case .pivot: append(.pivot(root: slots.root))
    case .chroot: append(.changeRoot(slots.root))
    }
    // Not before: pivot_root(2) takes no shared root.
    switch rootFS.propagation {
    case .shared, .unbindable: append(.mountAttributes(slots.root, set: [], propagation: rootFS.propagation))
    case .private, .slave: break
    }
  }

  /// Copies a root that the host's later mounts are to reach, while the mounts of the new namespace still are the host's
  /// peers. An overlay is mounted by the container itself, so nothing arrives there.
  private mutating func appendPeer(_ rootFS: RootFS, root: LaunchSlot) -> Bool {
    guard rootFS.propagation == .slave, case .directory(let path) = rootFS.source else { return false }
    append(.bind(root, directory: .workingDirectory, path: path.string))
    return true
  }

  // MARK: Devices

  private mutating func appendDevices(
    _ devices: [DeviceNode], root: LaunchSlot, dev: LaunchSlot?, scratch: LaunchSlot, context: RootFSContext
  ) {
    for device in devices {
      var path = device.path.description
      var place = root
      // In the mount itself a node is one call, where a path from the root is three.
      if let dev, path.hasPrefix("/dev/"), !context.isInUserNamespace {
        path.removeFirst(5)
        place = dev
      }
      if context.isInUserNamespace {
        append(.bind(scratch, directory: .workingDirectory, path: device.hostPath?.string ?? path, recursive: false))
        append(.attach(scratch, root: root, path: path))
      } else {
        append(
          .device(
            root: place, path: path, mode: device.fullMode, device: device.number, uid: device.uid, gid: device.gid))
      }
    }
  }

  private mutating func appendLinks(dev: LaunchSlot) {
    for (name, target) in Self.links {
      append(.symbolicLink(root: dev, path: name, target: target))
    }
  }

  /// Links in /dev (runtime-spec, runtime-linux.md, "Dev symbolic links"; ptmx leads to the container's own devpts).
  private static let links = [
    ("fd", "/proc/self/fd"), ("stdin", "/proc/self/fd/0"), ("stdout", "/proc/self/fd/1"), ("stderr", "/proc/self/fd/2"),
    ("ptmx", "pts/ptmx"), ("core", "/proc/kcore"),
  ]

  // MARK: Walls

  private mutating func appendWalls(_ rootFS: RootFS, root: LaunchSlot) {
    if !rootFS.maskedPaths.isEmpty {
      let null = makeSlot()
      let empty = makeSlot()
      append(.open(null, directory: root, path: "/dev/null", flags: CInt(CL_O_PATH) | O_NOFOLLOW, inRoot: true))
      append(
        .mount(
          empty, type: "tmpfs", source: "tmpfs", options: [MountOption("mode", "755")],
          attributes: [.readOnly, .noSuid, .noDev, .noExec]))
      for path in rootFS.maskedPaths { append(.mask(root: root, path: path, nullDevice: null, emptyDirectory: empty)) }
    }
    for path in rootFS.readonlyPaths { append(.readOnly(root: root, path: path)) }
  }
}
