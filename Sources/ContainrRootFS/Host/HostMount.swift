import CContainrLinux
import ContainrCore
import ContainrLaunch
import Glibc
import SystemPackage

/// The blocking side of ``MountedRootFS``.
struct HostMount: Sendable {
  let source: RootFS.Source
  let mountPoint: FilePath
  let isReadOnly: Bool
  let appendsLayers: Bool

  // MARK: Mounting

  func setUp() throws(ContainrError) {
    guard mountPoint.isAbsolute else {
      throw ContainrError(.invalidConfiguration, "mounting at \(mountPoint)", hint: "the mount point is an absolute path")
    }
    try FileTree.makeDirectories(mountPoint, mode: 0o755)
    if try isMounted() { return }
    switch source {
    case .directory(let path): try bind(path, readOnly: isReadOnly)
    case .overlay(let overlay):
      if let layer = overlay.soleLayer { try bind(layer, readOnly: true) } else { try mount(overlay) }
    }
  }

  private func bind(_ path: FilePath, readOnly: Bool) throws(ContainrError) {
    let directory = try OwnedDescriptor.open(path, flags: CInt(CL_O_PATH) | O_DIRECTORY, code: .rootfsNotFound)
    let target = try openTarget()
    // With the same directory on both sides nobody could tell this mount from one that was there before.
    if try identity(directory).isSameFile(as: try identity(target)) {
      throw ContainrError(
        .invalidConfiguration, "binding \(path) to itself", hint: "mount it at another directory")
    }
    let tree = OwnedDescriptor(
      owning: try check(cl_open_tree(directory.rawValue, "", 1), .rootfsMount, "open_tree(2)", "copying the mount \(path)"))
    // Private before it is attached: unmounting must not travel back to what is mounted below the source.
    try setAttributes(tree, readOnly: readOnly)
    try attach(tree, to: target)
  }

  private func mount(_ overlay: OverlayRoot) throws(ContainrError) {
    for layer in overlay.layers { _ = try RootDirectory(host: layer) }
    let stagesMemory = try stageMemory(overlay)
    do throws(ContainrError) {
      var holders = DescriptorList()
      var options = try OverlayOptions(overlay, userNamespace: false, appendsLayers: appendsLayers)
      if options.directory != nil {
        // Too long for the kernel, and the working directory belongs to the whole program: name them by descriptors.
        options = try OverlayOptions(
          holders.replacePaths(of: overlay), userNamespace: false, appendsLayers: appendsLayers)
      }
      let target = try openTarget()
      switch options.form {
      case .options(let list):
        let tree = try makeMount(type: "overlay", source: mark, options: list)
        try setAttributes(tree, readOnly: isReadOnly)
        try attach(tree, to: target)
      case .text(let text):
        // The old call knows no descriptors, but this path is one.
        try check(
          cl_mount(mark, "/proc/self/fd/\(target.rawValue)", "overlay", text), .rootfsMount, "mount(2)",
          "mounting overlay at \(mountPoint)")
        try setAttributes(try openTarget(), readOnly: isReadOnly)
      }
      holders.close()
    } catch {
      if stagesMemory, case .memory(let staging, _) = overlay.writableLayer { _ = cl_unmount(staging.string, 1) }
      throw explained(error, overlay)
    }
  }

  /// The memory of the writable layer; whether it was mounted now.
  private func stageMemory(_ overlay: OverlayRoot) throws(ContainrError) -> Bool {
    guard case .memory(let staging, let limit) = overlay.writableLayer else { return false }
    let target = try OwnedDescriptor.open(staging, flags: CInt(CL_O_PATH) | O_DIRECTORY, code: .rootfsNotFound)
    if try mountSource(target) == mark { return false }
    var options = [MountOption("mode", "0755")]
    if let limit { options.append(MountOption("size", String(limit.bytes))) }
    let memory = try makeMount(type: "tmpfs", source: mark, options: options)
    for name in ["upper", "work"] {
      guard mkdirat(memory.rawValue, name, 0o755) == 0 else {
        throw .errno(.current, .rootfsMount, "making the writable layer", call: "mkdirat(2)")
      }
    }
    try setAttributes(memory, readOnly: false)
    try attach(memory, to: target)
    return true
  }

  private func makeMount(
    type: String, source: String, options: [MountOption]
  ) throws(ContainrError) -> OwnedDescriptor {
    let activity = "mounting \(type) at \(mountPoint)"
    let context = OwnedDescriptor(owning: try check(cl_fsopen(type), .rootfsMount, "fsopen(2)", activity))
    for option in [MountOption("source", source)] + options {
      let result = cl_fsconfig_set(context.rawValue, option.key, option.value)
      guard result >= 0 else { throw refused(result, activity, context) }
    }
    let result = cl_fsconfig_create(context.rawValue)
    guard result >= 0 else { throw refused(result, activity, context) }
    return OwnedDescriptor(owning: try check(cl_fsmount(context.rawValue, 0), .rootfsMount, "fsmount(2)", activity))
  }

  /// An error with the kernel's own words, where it has some.
  private func refused(_ result: CInt, _ activity: String, _ context: borrowing OwnedDescriptor) -> ContainrError {
    var error = ContainrError.errno(Errno(rawValue: -result), .rootfsMount, activity, call: "fsconfig(2)")
    var bytes = [UInt8](repeating: 0, count: 256)
    let count = read(context.rawValue, &bytes, bytes.count)
    // "e overlay: …": a level comes first.
    if count > 2 {
      let message = String(decoding: bytes[2..<count], as: UTF8.self).split(separator: "\n").joined(separator: " ")
      error.hint = "the kernel says: \(message)"
    }
    return error
  }

  private func setAttributes(_ mount: borrowing OwnedDescriptor, readOnly: Bool) throws(ContainrError) {
    let attributes: MountAttributes = readOnly ? .readOnly : []
    try check(
      cl_mount_setattr(mount.rawValue, attributes.rawValue, 0, MountPropagation.private.rawValue, 1), .rootfsMount,
      "mount_setattr(2)", "setting the attributes of \(mountPoint)")
  }

  private func attach(
    _ mount: borrowing OwnedDescriptor, to target: borrowing OwnedDescriptor
  ) throws(ContainrError) {
    try check(
      cl_move_mount(mount.rawValue, target.rawValue), .rootfsMount, "move_mount(2)", "mounting at \(mountPoint)")
  }

  private func explained(_ error: ContainrError, _ overlay: OverlayRoot) -> ContainrError {
    guard let path = volatileMark(overlay), access(path.string, F_OK) == 0 else { return error }
    var error = error
    error.hint =
      "its writable layer was in use when the machine went down, or still is: \(path); nothing of it is certain, start afresh"
    return error
  }

  // MARK: Unmounting

  func tearDown() throws(ContainrError) {
    if try isMounted() {
      // A copy of mounts is let go of as a whole; an overlay only when nobody uses it, because its layers are next.
      var isOverlay = false
      if case .overlay(let overlay) = source { isOverlay = overlay.soleLayer == nil }
      try unmount(mountPoint, lazily: !isOverlay)
    }
    guard case .overlay(let overlay) = source else { return }
    if case .memory(let staging, _) = overlay.writableLayer {
      guard let target = try openIfPresent(staging) else { return }
      let isStaged = try mountSource(target) == mark
      close(target.release())
      if isStaged { try unmount(staging, lazily: false) }
    } else if let path = volatileMark(overlay) {
      // The kernel leaves it to say that nothing was synced. After an unmount nothing is lost: it is all in the page cache.
      try FileTree.remove(path)
    }
  }

  private func unmount(_ path: FilePath, lazily: Bool) throws(ContainrError) {
    var result = cl_unmount(path.string, lazily ? 1 : 0)
    // A process that another thread is starting has a copy of each of this program's descriptors until it executes.
    for _ in 0..<50 where result == -EBUSY {
      usleep(2000)
      result = cl_unmount(path.string, lazily ? 1 : 0)
    }
    try check(
      result, .rootfsUnmount, "umount2(2)", "unmounting \(path)",
      hint: result == -EBUSY ? "a process has a file or its working directory there, or something is mounted below" : nil)
  }

  /// The directory by which overlayfs refuses a layer whose last mount was `volatile`.
  private func volatileMark(_ overlay: OverlayRoot) -> FilePath? {
    guard case .directories(_, let work, durable: false) = overlay.writableLayer else { return nil }
    return work.appending("work").appending("incompat").appending("volatile")
  }

  // MARK: What is there

  func isMounted() throws(ContainrError) -> Bool {
    guard let target = try openIfPresent(mountPoint) else { return false }
    let here = try identity(target)
    guard here.isRoot else { return false }
    switch source {
    case .directory(let path): return try isCopy(here, of: path)
    case .overlay(let overlay):
      if let layer = overlay.soleLayer { return try isCopy(here, of: layer) }
      return try mountSource(target) == mark
    }
  }

  private func isCopy(_ mount: MountIdentity, of path: FilePath) throws(ContainrError) -> Bool {
    guard let directory = try openIfPresent(path) else { return false }
    let source = try identity(directory)
    return source.isSameFile(as: mount) && source.mount != mount.mount
  }

  /// What the mount is called in mountinfo, so that another process, or this one after a crash, knows it again.
  private var mark: String {
    guard case .overlay(let overlay) = source else { return "containr" }
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    let places = overlay.directories.map { [$0.upper, $0.work] } ?? []
    for path in overlay.layers + places + [mountPoint] {
      for byte in path.string.utf8 + [0] { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    }
    return "containr-" + String(hash, radix: 16)
  }

  private func openTarget() throws(ContainrError) -> OwnedDescriptor {
    try OwnedDescriptor.open(mountPoint, flags: CInt(CL_O_PATH) | O_DIRECTORY, code: .rootfsMount)
  }

  private func openIfPresent(_ path: FilePath) throws(ContainrError) -> OwnedDescriptor? {
    let result = cl_openat(AT_FDCWD, path.string, CInt(CL_O_PATH) | O_DIRECTORY | O_CLOEXEC, 0)
    if result == -ENOENT || result == -ENOTDIR { return nil }
    return OwnedDescriptor(owning: try check(result, .ioFailure, "openat(2)", "opening \(path)"))
  }

  private func identity(_ descriptor: borrowing OwnedDescriptor) throws(ContainrError) -> MountIdentity {
    try MountIdentity(descriptor, "reading the mount at \(mountPoint)")
  }

  /// What a descriptor's mount is called; nil where the descriptor is not the mount's topmost directory.
  private func mountSource(_ target: borrowing OwnedDescriptor) throws(ContainrError) -> String? {
    let identity = try identity(target)
    guard identity.isRoot else { return nil }
    var name = [CChar](repeating: 0, count: 256)
    let length = cl_mount_source(target.rawValue, &name, name.count)
    if length >= 0 { return String(decoding: name[..<Int(length)].map(UInt8.init(bitPattern:)), as: UTF8.self) }
    // proc(5): id, parent, device, root, mount point, options, optional fields, a hyphen, type, source, more options.
    for line in try FileContents.text("/proc/self/mountinfo").split(separator: "\n") {
      let fields = line.split(separator: " ")
      guard UInt64(fields[0]) == identity.mount, let hyphen = fields.firstIndex(of: "-"), fields.count > hyphen + 2 else {
        continue
      }
      return String(fields[hyphen + 2])
    }
    return nil
  }
}

/// Which mount a descriptor is on, and which file it is.
struct MountIdentity {
  let mount: UInt64
  let device: UInt64
  let inode: UInt64
  let isRoot: Bool

  init(_ descriptor: borrowing OwnedDescriptor, _ activity: @autoclosure () -> String) throws(ContainrError) {
    var identity = cl_mount_identity()
    try check(cl_mount_identity(descriptor.rawValue, &identity), .ioFailure, "statx(2)", activity())
    mount = identity.mount
    device = identity.device
    inode = identity.inode
    isRoot = identity.is_root != 0
  }

  func isSameFile(as other: MountIdentity) -> Bool { device == other.device && inode == other.inode }
}

/// Descriptors that stand in for paths.
private struct DescriptorList: ~Copyable {
  private var descriptors: [CInt] = []

  mutating func replacePaths(of overlay: OverlayRoot) throws(ContainrError) -> OverlayRoot {
    var overlay = overlay
    for index in overlay.layers.indices { overlay.layers[index] = try name(overlay.layers[index]) }
    if let places = overlay.directories {
      overlay.writableLayer = .directories(
        upper: try name(places.upper), work: try name(places.work), durable: !overlay.isVolatile)
    }
    return overlay
  }

  private mutating func name(_ path: FilePath) throws(ContainrError) -> FilePath {
    let directory = try OwnedDescriptor.open(path, flags: CInt(CL_O_PATH) | O_DIRECTORY, code: .rootfsNotFound)
    descriptors.append(directory.release())
    return FilePath("/proc/self/fd/\(descriptors[descriptors.count - 1])")
  }

  consuming func close() {}
  deinit { for descriptor in descriptors { Glibc.close(descriptor) } }
}
