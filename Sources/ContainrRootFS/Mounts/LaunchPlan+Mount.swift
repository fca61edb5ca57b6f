import CContainrLinux
import ContainrCore
import ContainrLaunch
import Glibc
import SystemPackage

/// What mounts need that is made before the container's own mounts are private, or before there is a container at all.
struct PreparedMounts {
  /// Mounts that are copied already, by their place in the list.
  var mounts: [Int: LaunchSlot] = [:]
  /// User namespaces for id-mapped mounts, by the map that they stand for.
  var userNamespaces: [MountIDMap: (slot: LaunchSlot, descriptor: CInt)] = [:]
}

extension LaunchPlan {
  // MARK: Before the container

  /// Copies what stays connected with the host while the new namespace's mounts still are peers of the host's, and maps
  /// the ids of binds: that takes the privileges of who mounted the file system, which a container with a user namespace
  /// of its own has given up.
  mutating func prepare(_ mounts: [Mount], context: RootFSContext) throws(ContainrError) -> PreparedMounts {
    var prepared = PreparedMounts()
    for (index, mount) in mounts.enumerated() {
      try mount.validate()
      if let mapping = mount.idMapping {
        let namespace = try userNamespace(for: try mapping.map(in: context), &prepared)
        guard case .bind(let source, let recursive) = mount.kind else { continue }
        prepared.mounts[index] = inherit(
          owning: try mount.copy(of: source, recursive: recursive, userNamespace: namespace))
      } else if case .bind(let source, let recursive) = mount.kind,
        mount.propagation == .shared || mount.propagation == .slave
      {
        let slot = makeSlot()
        append(.bind(slot, directory: .workingDirectory, path: source.string, recursive: recursive))
        prepared.mounts[index] = slot
      }
    }
    return prepared
  }

  /// The descriptor of a user namespace for a map, which lives as long as the plan.
  private mutating func userNamespace(
    for map: MountIDMap, _ prepared: inout PreparedMounts
  ) throws(ContainrError) -> CInt {
    if let known = prepared.userNamespaces[map] { return known.descriptor }
    let namespace = try map.makeUserNamespace()
    let descriptor = namespace.rawValue
    prepared.userNamespaces[map] = (inherit(owning: namespace), descriptor)
    return descriptor
  }

  // MARK: One mount

  mutating func append(
    _ mount: Mount, in slot: LaunchSlot, index: Int, prepared: PreparedMounts, root: LaunchSlot, context: RootFSContext
  ) throws(ContainrError) {
    let path = mount.destination.description
    let attributes = mount.attributes.union(mount.recursiveAttributes)
    var followLinks = false
    switch mount.kind {
    case .proc: append(mount.new(slot, "proc", [], attributes))
    case .sysfs where !context.ownsNetworkNamespace:
      // A sysfs shows the network namespace, and only that namespace's owner may mount one.
      append(.bind(slot, directory: .workingDirectory, path: "/sys"))
      append(.mountAttributes(slot, set: attributes, recursive: true))
    case .sysfs: append(mount.new(slot, "sysfs", [], attributes))
    case .tmpfs(let size, let mode):
      var options: [MountOption] = []
      if let mode { options.append(MountOption("mode", String(mode, radix: 8))) }
      if let size { options.append(MountOption("size", String(size.bytes))) }
      followLinks = !Self.ownPlaces.contains(mount.destination)
      append(mount.new(slot, "tmpfs", options, mount.copiesUp ? attributes.subtracting(.readOnly) : attributes))
      if mount.copiesUp {
        append(.copyTree(to: slot, root: root, path: path, withAttributes: !mount.hasOwnMode))
        if attributes.contains(.readOnly) { append(.mountAttributes(slot, set: .readOnly)) }
      }
    case .devpts:
      var options = [MountOption("newinstance"), MountOption("ptmxmode", "0666"), MountOption("mode", "0620")]
      if let group = context.terminalGroup { options.append(MountOption("gid", String(group))) }
      append(mount.new(slot, "devpts", options, attributes))
    case .mqueue: append(mount.new(slot, "mqueue", [], attributes))
    case .cgroup: return appendCgroups(mount, slot: slot, root: root, context: context)
    case .bind(let source, let recursive):
      let isPrepared = prepared.mounts[index] != nil
      if !isPrepared { append(.bind(slot, directory: .workingDirectory, path: source.string, recursive: recursive)) }
      appendChanges(of: mount, to: slot, isPeer: isPrepared, recursive: recursive)
      followLinks = true
    case .overlay(let overlay):
      try overlay.append(to: &self, root: slot, context: context)
      if !attributes.isEmpty { append(.mountAttributes(slot, set: attributes)) }
      followLinks = true
    case .fileSystem(let type, let source):
      try append(fileSystem: type, source: source, mount, attributes, in: slot)
      followLinks = !Self.kernelTypes.contains(type)
    case .remount:
      append(.open(slot, directory: root, path: path, flags: CInt(CL_O_PATH), inRoot: true))
      if !mount.options.isEmpty { append(.reconfigure(slot, options: mount.options)) }
      appendChanges(of: mount, to: slot, isPeer: false, recursive: true)
      return
    }
    if let mapping = mount.idMapping, !mount.isBind {
      let namespace = prepared.userNamespaces[try mapping.map(in: context)]?.slot
      append(.mountAttributes(slot, set: [], userNamespace: namespace, recursive: mapping.isRecursive))
    }
    append(.attach(slot, root: root, path: path, followLinks: followLinks))
    if mount.propagation != .private, !mount.isBind { append(.mountAttributes(slot, set: [], propagation: mount.propagation)) }
  }

  /// What differs from the mount that was copied. A copy of a private mount is private.
  private mutating func appendChanges(of mount: Mount, to slot: LaunchSlot, isPeer: Bool, recursive: Bool) {
    let changesPropagation = isPeer || mount.propagation != .private
    let propagation = changesPropagation ? mount.propagation : nil
    // Peers of the host's are never left below: what is unmounted in the container would be gone there.
    let propagatesBelow = recursive && (mount.isPropagationRecursive || isPeer)
    if !mount.recursiveAttributes.isEmpty || !mount.recursivelyCleared.isEmpty || (changesPropagation && propagatesBelow) {
      append(
        .mountAttributes(
          slot, set: mount.recursiveAttributes, clear: mount.recursivelyCleared,
          propagation: propagatesBelow ? propagation : nil, recursive: recursive))
    }
    if !mount.attributes.isEmpty || !mount.cleared.isEmpty || (changesPropagation && !propagatesBelow) {
      append(
        .mountAttributes(
          slot, set: mount.attributes, clear: mount.cleared, propagation: propagatesBelow ? nil : propagation))
    }
  }

  /// Any file system: by the new calls, or where a value is too long for them (255 bytes) by the old one.
  private mutating func append(
    fileSystem type: String, source: String?, _ mount: Mount, _ attributes: MountAttributes, in slot: LaunchSlot
  ) throws(ContainrError) {
    let options = mount.labelled(mount.options)
    guard options.contains(where: { ($0.value?.utf8.count ?? 0) > 255 }) else {
      return append(.mount(slot, type: type, source: source, options: options, attributes: attributes))
    }
    let data = options.map { option in option.value.map { "\(option.key)=\($0)" } ?? option.key }.joined(separator: ",")
    guard data.utf8.count <= 4095 else {
      throw ContainrError(
        .unsupported, "mounting \(type) at \(mount.destination)", hint: "mount(2) takes 4095 bytes of options")
    }
    append(.classicMount(source: source ?? "none", target: OverlayRoot.classicTarget, type: type, flags: 0, data: data))
    append(.open(slot, directory: .workingDirectory, path: OverlayRoot.classicTarget, flags: CInt(CL_O_PATH)))
    if !attributes.isEmpty { append(.mountAttributes(slot, set: attributes)) }
  }

  /// Where the default mounts go: no image may lead them elsewhere by a symbolic link.
  private static let ownPlaces = Set(Mount.defaults.map(\.destination))
  /// File systems that show the kernel itself, which belong where they are asked for and nowhere else.
  private static let kernelTypes: Set<String> = [
    "proc", "sysfs", "cgroup", "cgroup2", "devpts", "mqueue", "devtmpfs", "securityfs", "debugfs", "tracefs", "bpf",
  ]

  private mutating func appendCgroups(_ mount: Mount, slot: LaunchSlot, root: LaunchSlot, context: RootFSContext) {
    let path = mount.destination.description
    let attributes = mount.attributes.union(mount.recursiveAttributes)
    if context.cgroupHierarchies.isEmpty {
      guard context.showsUnifiedCgroup else { return }
      append(.mount(slot, type: "cgroup2", source: "cgroup", options: mount.options, attributes: attributes))
      append(.attach(slot, root: root, path: path))
      return
    }
    append(
      .mount(
        slot, type: "tmpfs", source: "cgroup", options: [MountOption("mode", "755")],
        attributes: attributes.subtracting(.readOnly)))
    append(.attach(slot, root: root, path: path))
    for controllers in context.cgroupHierarchies {
      let hierarchy = makeSlot()
      append(
        .mount(
          hierarchy, type: "cgroup", source: "cgroup", options: controllers.map { MountOption($0) } + mount.options,
          attributes: attributes))
      append(.attach(hierarchy, root: root, path: path + "/" + controllers.joined(separator: ",")))
    }
    if context.showsUnifiedCgroup {
      let unified = makeSlot()
      append(.mount(unified, type: "cgroup2", source: "cgroup", attributes: attributes))
      append(.attach(unified, root: root, path: path + "/unified"))
    }
    append(.mountAttributes(slot, set: attributes))
  }
}

extension Mount {
  var isBind: Bool { if case .bind = kind { true } else { false } }

  /// Whether the mode of a tmpfs is given, so that a copy does not bring another.
  fileprivate var hasOwnMode: Bool {
    if case .tmpfs(_, .some) = kind { return true }
    return options.contains { $0.key == "mode" }
  }

  /// The operation for a new mount, whose options replace the kind's own of the same name.
  fileprivate func new(
    _ slot: LaunchSlot, _ type: String, _ own: [MountOption], _ attributes: MountAttributes
  ) -> LaunchOperation {
    // What every start goes through: nothing to look for.
    if options.isEmpty, label == nil {
      return .mount(slot, type: type, source: type, options: own, attributes: attributes)
    }
    let kept = own.filter { option in !options.contains { $0.key == option.key } }
    return .mount(slot, type: type, source: type, options: labelled(kept + options), attributes: attributes)
  }

  fileprivate func labelled(_ options: [MountOption]) -> [MountOption] {
    label.map { options + [MountOption("context", $0.description)] } ?? options
  }

  /// A copy of a mount of the host with other ids, attached nowhere.
  fileprivate func copy(
    of source: FilePath, recursive: Bool, userNamespace: CInt
  ) throws(ContainrError) -> OwnedDescriptor {
    let activity = "binding \(source)"
    let tree = OwnedDescriptor(
      owning: try check(
        cl_open_tree(AT_FDCWD, source.string, recursive ? 1 : 0), .rootfsMount, "open_tree(2)", activity))
    let result = cl_mount_idmap(tree.rawValue, userNamespace, idMapping?.isRecursive == true ? 1 : 0)
    if result == -EINVAL {
      throw ContainrError(
        .unsupported, activity, systemCall: SystemCall("mount_setattr(2)", .invalidArgument),
        hint: "idmap: a file system there takes no id maps, or has one already")
    }
    try check(result, .rootfsMount, "mount_setattr(2)", activity)
    return tree
  }

  /// Refuses what has no meaning for the kind, by the name of the option.
  fileprivate func validate() throws(ContainrError) {
    switch kind {
    case .bind(let source, _):
      guard source.isAbsolute else {
        throw ContainrError(.invalidConfiguration, "binding \(source)", hint: "the source of a bind mount is an absolute path")
      }
      if let option = options.first { throw refusal(option.key, "a bind shows a file system that is mounted already") }
    case .overlay:
      if let option = options.first { throw refusal(option.key, "an overlay's options follow from its layers") }
    default: break
    }
    if copiesUp {
      guard case .tmpfs = kind else { throw refusal("tmpcopyup", "only a tmpfs begins with a copy") }
    }
    if label != nil {
      switch kind {
      case .tmpfs, .mqueue, .devpts, .fileSystem: break
      default: throw refusal("context", "this kind of mount takes no label; tmpfs, mqueue, devpts and disks do")
      }
    }
    if idMapping != nil {
      switch kind {
      case .bind, .tmpfs, .fileSystem: break
      default: throw refusal("idmap", "this kind of mount takes no id maps; binds, tmpfs and disks do")
      }
    }
  }

  private func refusal(_ option: String, _ hint: String) -> ContainrError {
    ContainrError(.unsupported, "mounting at \(destination) with \(option)", hint: hint)
  }
}

extension MountIDMapping {
  fileprivate func map(in context: RootFSContext) throws(ContainrError) -> MountIDMap {
    switch self {
    case .own(let map, _): return map
    case .container:
      guard let map = context.idMap else {
        throw ContainrError(
          .invalidConfiguration, "mapping the ids of a mount",
          hint: "idmap without maps of its own follows the container's user namespace, and there is none")
      }
      return map
    }
  }
}
