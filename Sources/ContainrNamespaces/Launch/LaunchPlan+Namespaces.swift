import CContainrLinux
import ContainrCore
import ContainrLaunch
import Glibc
import SystemPackage

extension LaunchPlan {
  /// Puts the process into its namespaces: creates, joins, waits for the id maps, becomes root inside.
  ///
  /// To be called first, on an empty plan. With a new user namespace, the parent calls ``IDMaps/write(pid:)`` at
  /// ``LaunchBarrier/idMaps``. A new cgroup namespace is left to ``enterCgroupNamespace(_:)``, because its root is the cgroup
  /// that the process is in when it is made.
  ///
  /// What is open for joining belongs to the plan.
  ///
  /// - Throws: `NAMESPACE_JOIN` where a path or descriptor is no namespace of its kind, `INVALID_CONFIGURATION` for a new user
  ///   namespace without id maps, `KERNEL_UNSUPPORTED` for a time namespace that this kernel cannot enter on execve(2).
  public mutating func enter(_ namespaces: Namespaces) throws(ContainrError) {
    let created = namespaces.created.subtracting([.cgroup, .time])
    let joined = namespaces.joined
    try namespaces.validate()

    if joined.isEmpty {
      namespaceFlags |= created.rawValue
    } else {
      // Whoever is in the joined pid namespace must not read this program's memory, which the process still shares.
      if joined.contains(.pid) { append(.control(.dumpable(false))) }
      if joined.contains(.time) { copiesMemory = true }
      try join(namespaces)
      if created.contains(.user) || joined.contains(.user) {
        // A new namespace belongs to the user namespace of the moment, so it is made after that is made or joined. One that
        // is joined must be joined with the privileges from before, or with those in its owner: see join.
        if !created.isEmpty { append(.unshare(flags: created.rawValue)) }
      } else {
        namespaceFlags |= created.rawValue
      }
    }
    if namespaces.time == .new { try enterNewTimeNamespace(namespaces.timeOffsets) }
    if created.contains(.user), let maps = namespaces.idMaps {
      append(.barrier(.idMaps, socket: makeParentSocket()))
      if !maps.deniesSetgroups { append(.groups([])) }
      if maps.users.hostID(of: 0) != nil, maps.groups.hostID(of: 0) != nil { append(.ids(uid: 0, gid: 0)) }
    } else if joined.contains(.user) {
      append(.ids(uid: 0, gid: 0))
    }
    // unshare(2) and setns(2) put children into a pid namespace, never the caller.
    if joined.contains(.pid) || (created.contains(.pid) && namespaceFlags & NamespaceSet.pid.rawValue == 0) {
      append(.fork)
    }
  }

  /// Makes the cgroup namespace that the configuration asks for. Its root is the cgroup that the process is in by then.
  public mutating func enterCgroupNamespace(_ namespaces: Namespaces) {
    if namespaces.cgroup == .new { append(.unshare(flags: NamespaceSet.cgroup.rawValue)) }
  }

  /// Joins namespaces of a running process by its pidfd in one setns(2) (Linux 5.8), as `exec` does.
  ///
  /// The plan owns a copy of the pidfd. Where ``NamespaceSet/pid`` is among the kinds, the process goes on as a child inside;
  /// where ``NamespaceSet/time`` is, it gets a copy of the caller's memory (``copiesMemory``).
  ///
  /// - Parameters:
  ///   - process: the process to join.
  ///   - kinds: which of its namespaces; only those that differ from the caller's, a user namespace above all.
  public mutating func join(_ process: borrowing ProcessDescriptor, kinds: NamespaceSet) throws(ContainrError) {
    guard !kinds.isEmpty else { return }
    if kinds.contains(.pid) { append(.control(.dumpable(false))) }
    if kinds.contains(.time) { copiesMemory = true }
    let slot = inherit(owning: try process.descriptor.duplicate())
    append(.join(slot, flags: kinds.rawValue, activity: "joining the namespaces \(kinds) of the process \(process.pid)"))
    append(.close(slot))
    if kinds.contains(.pid) { append(.fork) }
  }

  // MARK: Parts

  /// The joins, around that of the user namespace: a namespace that the joined user namespace owns, or an unknown one, is
  /// joined with the capabilities in there; any other with those of the caller, which the join gives up.
  private mutating func join(_ namespaces: Namespaces) throws(ContainrError) {
    var before: [LaunchOperation] = []
    var after: [LaunchOperation] = []
    var userJoin: LaunchOperation?
    var userIdentity: NamespaceIdentity?
    // The user namespace first, because the others are compared with it.
    let kinds = namespaces.joined.kinds.sorted { $0 == .user && $1 != .user }
    for kind in kinds {
      let source = namespaces[kind]
      let slot = try slot(for: source, kind)
      let operation = LaunchOperation.join(slot.slot, flags: kind.cloneFlag, activity: "joining \(source.phrase(kind))")
      if kind == .user {
        userJoin = operation
        userIdentity = try slot.namespace.map { descriptor throws(ContainrError) in try Namespace.identity(of: descriptor) }
      } else if namespaces.user.isJoined {
        let isOwned = try slot.namespace.map { descriptor throws(ContainrError) in
          try Self.isOwned(descriptor, by: userIdentity)
        }
        if isOwned ?? true { after.append(operation) } else { before.append(operation) }
      } else {
        before.append(operation)
      }
    }
    for operation in before { append(operation) }
    if let userJoin { append(userJoin) }
    for operation in after { append(operation) }
  }

  private static func isOwned(_ descriptor: CInt, by user: NamespaceIdentity?) throws(ContainrError) -> Bool {
    let result = cl_namespace_owner(descriptor)
    if result == -EPERM { return true }
    let owner = OwnedDescriptor(
      owning: try check(result, .namespaceJoin, "ioctl_ns(2)", "finding the owner of a namespace"))
    return try Namespace.identity(of: owner.rawValue) == user
  }

  /// A slot with a descriptor that setns(2) takes; also the namespace's own descriptor, where it is not a pidfd.
  private mutating func slot(
    for source: NamespaceSource, _ kind: NamespaceKind
  ) throws(ContainrError) -> (slot: LaunchSlot, namespace: CInt?) {
    switch source {
    case .host, .new:
      throw ContainrError(.internalError, "joining the \(kind) namespace")
    case .path(let path): return own(try Namespace(path: path, kind: kind))
    case .process(let pid): return own(try Namespace.of(process: pid, kind))
    case .descriptor(let descriptor):
      _ = try Namespace.checkedKind(of: descriptor, expected: kind, named: "descriptor \(descriptor)")
      return (inherit(descriptor), descriptor)
    case .processDescriptor(let descriptor): return (inherit(descriptor), nil)
    }
  }

  private mutating func own(_ namespace: consuming Namespace) -> (slot: LaunchSlot, namespace: CInt?) {
    let descriptor = namespace.takeDescriptor()
    let number = descriptor.rawValue
    return (inherit(owning: descriptor), number)
  }

  /// Makes a time namespace and sets its clocks. The process enters it when it executes its program.
  private mutating func enterNewTimeNamespace(_ offsets: TimeOffsets) throws(ContainrError) {
    append(.unshare(flags: NamespaceSet.time.rawValue))
    guard !offsets.isZero else { return }
    // The caller's /proc knows the process by the id it has out here, whatever pid and mount namespaces it is in.
    let proc = inherit(owning: try OwnedDescriptor.open("/proc", flags: CInt(CL_O_PATH) | O_DIRECTORY))
    append(.writeProc(proc, path: "self/timens_offsets", text: offsets.text))
    append(.close(proc))
  }
}

extension Namespaces {
  /// Refuses what no kernel, or not this one, can do.
  func validate() throws(ContainrError) {
    if user == .new, idMaps == nil {
      throw ContainrError(
        .invalidConfiguration, "choosing namespaces", hint: "a new user namespace needs id maps, such as IDMaps.rootless()")
    }
    if user != .new, idMaps != nil {
      throw ContainrError(
        .invalidConfiguration, "choosing namespaces", hint: "id maps are for a new user namespace only")
    }
    if time != .new, !timeOffsets.isZero {
      throw ContainrError(
        .invalidConfiguration, "choosing namespaces", hint: "clock offsets are for a new time namespace only")
    }
    if time == .new, !KernelRelease.current.isAtLeast(6, 3) {
      throw ContainrError(
        .kernelUnsupported, "creating a time namespace",
        hint: "it needs Linux 6.3, where execve(2) enters it; this is \(KernelRelease.current)")
    }
  }
}

extension NamespaceSource {
  fileprivate func phrase(_ kind: NamespaceKind) -> String {
    switch self {
    case .path(let path): "the \(kind) namespace \(path)"
    case .process(let pid): "the \(kind) namespace of the process \(pid)"
    default: "a \(kind) namespace"
    }
  }
}

extension Namespace {
  consuming func takeDescriptor() -> OwnedDescriptor { descriptor }
}
