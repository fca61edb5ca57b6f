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
    let peers = try appendPeers(rootFS.mounts)
    append(.propagation(.private))
    switch rootFS.source {
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
      default: slot = peers[index] ?? scratch
      }
      append(mount, in: slot, isPeer: peers[index] != nil, root: root, context: context)
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
  }

  // MARK: Mounts

  /// Appends the copies of mounts that stay connected with the host: they are made while the new namespace's mounts still
  /// are peers of the host's, before everything else is made private.
  private mutating func appendPeers(_ mounts: [Mount]) throws(ContainrError) -> [Int: LaunchSlot] {
    var peers: [Int: LaunchSlot] = [:]
    for (index, mount) in mounts.enumerated() {
      guard case .bind(let source, let recursive) = mount.kind else { continue }
      guard source.isAbsolute else {
        throw ContainrError(.invalidConfiguration, "binding \(source)", hint: "the source of a bind mount is an absolute path")
      }
      guard mount.propagation == .shared || mount.propagation == .slave else { continue }
      let slot = makeSlot()
      append(.bind(slot, directory: .workingDirectory, path: source.string, recursive: recursive))
      peers[index] = slot
    }
    return peers
  }

  private mutating func append(
    _ mount: Mount, in slot: LaunchSlot, isPeer: Bool, root: LaunchSlot, context: RootFSContext
  ) {
    let path = mount.destination.description
    var followLinks = false
    switch mount.kind {
    case .proc: append(.mount(slot, type: "proc", source: "proc", attributes: mount.attributes))
    case .sysfs where !context.ownsNetworkNamespace:
      // A sysfs shows the network namespace, and only that namespace's owner may mount one.
      append(.bind(slot, directory: .workingDirectory, path: "/sys"))
      append(.mountAttributes(slot, set: mount.attributes, recursive: true))
    case .sysfs: append(.mount(slot, type: "sysfs", source: "sysfs", attributes: mount.attributes))
    case .tmpfs(let size, let mode):
      var options: [MountOption] = []
      if let mode { options.append(MountOption("mode", String(mode, radix: 8))) }
      if let size { options.append(MountOption("size", String(size.bytes))) }
      append(.mount(slot, type: "tmpfs", source: "tmpfs", options: options, attributes: mount.attributes))
      followLinks = !Self.ownPlaces.contains(mount.destination)
    case .devpts:
      var options = [MountOption("newinstance"), MountOption("ptmxmode", "0666"), MountOption("mode", "0620")]
      if let group = context.terminalGroup { options.append(MountOption("gid", String(group))) }
      append(.mount(slot, type: "devpts", source: "devpts", options: options, attributes: mount.attributes))
    case .mqueue: append(.mount(slot, type: "mqueue", source: "mqueue", attributes: mount.attributes))
    case .cgroup: return appendCgroups(mount, slot: slot, root: root, context: context)
    case .bind(let source, let recursive):
      if !isPeer { append(.bind(slot, directory: .workingDirectory, path: source.string, recursive: recursive)) }
      // A copy of a private mount is private.
      if isPeer || !mount.attributes.isEmpty || mount.propagation != .private {
        append(.mountAttributes(slot, set: mount.attributes, propagation: mount.propagation, recursive: recursive))
      }
      followLinks = true
    }
    append(.attach(slot, root: root, path: path, followLinks: followLinks))
    if mount.propagation != .private, !mount.isBind { append(.mountAttributes(slot, set: [], propagation: mount.propagation)) }
  }

  /// Where the default mounts go: no image may lead them elsewhere by a symbolic link.
  private static let ownPlaces = Set(Mount.defaults.map(\.destination))

  private mutating func appendCgroups(_ mount: Mount, slot: LaunchSlot, root: LaunchSlot, context: RootFSContext) {
    let path = mount.destination.description
    if context.cgroupHierarchies.isEmpty {
      guard context.showsUnifiedCgroup else { return }
      append(.mount(slot, type: "cgroup2", source: "cgroup", attributes: mount.attributes))
      append(.attach(slot, root: root, path: path))
      return
    }
    append(
      .mount(
        slot, type: "tmpfs", source: "cgroup", options: [MountOption("mode", "755")],
        attributes: mount.attributes.subtracting(.readOnly)))
    append(.attach(slot, root: root, path: path))
    for controllers in context.cgroupHierarchies {
      let hierarchy = makeSlot()
      append(
        .mount(
          hierarchy, type: "cgroup", source: "cgroup", options: controllers.map { MountOption($0) },
          attributes: mount.attributes))
      append(.attach(hierarchy, root: root, path: path + "/" + controllers.joined(separator: ",")))
    }
    if context.showsUnifiedCgroup {
      let unified = makeSlot()
      append(.mount(unified, type: "cgroup2", source: "cgroup", attributes: mount.attributes))
      append(.attach(unified, root: root, path: path + "/unified"))
    }
    append(.mountAttributes(slot, set: mount.attributes))
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
