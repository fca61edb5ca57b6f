/// Something of the kernel or the machine that a container can need. The raw value is its stable name in
/// `containr system info`.
public enum KernelFeature: String, Hashable, Sendable, CaseIterable {
  /// A namespace (namespaces(7)): mounts.
  case mountNamespace = "namespace.mnt"
  /// Host and domain name.
  case utsNamespace = "namespace.uts"
  /// System V IPC and POSIX message queues.
  case ipcNamespace = "namespace.ipc"
  /// Process ids.
  case pidNamespace = "namespace.pid"
  /// Network stack.
  case networkNamespace = "namespace.net"
  /// User and group ids.
  case userNamespace = "namespace.user"
  /// The cgroup root.
  case cgroupNamespace = "namespace.cgroup"
  /// Boot and monotonic clocks.
  case timeNamespace = "namespace.time"
  /// User namespaces made by an ordinary user, which rootless containers need.
  case unprivilegedUserNamespaces = "user-namespaces.unprivileged"
  /// `newuidmap` and `newgidmap` of the package uidmap, for ranges of ids in rootless containers.
  case idMapPrograms = "newuidmap"
  /// The cgroup file system, in any version.
  case cgroups = "cgroups"
  /// overlayfs.
  case overlay = "overlay"
  /// Overlay's `volatile`: no sync at unmount, for ephemeral containers.
  case overlayVolatile = "overlay.volatile"
  /// Overlay's `userxattr`: overlay in a user namespace.
  case overlayUserAttributes = "overlay.userxattr"
  /// Overlay's `lowerdir+`: one lower layer a call of fsconfig(2), without a limit of the list's length.
  case overlayLayerAppend = "overlay.lowerdir+"
  /// Overlay layers given by descriptor.
  case overlayDescriptors = "overlay.descriptors"
  /// Overlay's data-only layers, `datadir+`.
  case overlayDataOnly = "overlay.datadir+"
  /// fsopen(2), fsmount(2), open_tree(2), move_mount(2).
  case mountAPI = "mount-api"
  /// mount_setattr(2): attributes of a whole mount tree.
  case mountSetAttributes = "mount_setattr"
  /// Mounts that map the owners of files (`MOUNT_ATTR_IDMAP`).
  case idMappedMounts = "idmapped-mounts"
  /// openat2(2): path resolution that stays in a root.
  case openat2 = "openat2"
  /// clone3(2).
  case clone3 = "clone3"
  /// Birth inside a cgroup v2 (`CLONE_INTO_CGROUP`).
  case cloneIntoCgroup = "clone-into-cgroup"
  /// close_range(2).
  case closeRange = "close_range"
  /// Process descriptors (pidfd_open(2)).
  case pidfd = "pidfd"
  /// The exit status of a process that others reaped (`PIDFD_GET_INFO`).
  case pidfdInformation = "pidfd.exit-info"
  /// seccomp(2) filters.
  case seccomp = "seccomp"
  /// seccomp's user notification.
  case seccompNotification = "seccomp.user-notification"
  /// Landlock.
  case landlock = "landlock"

  /// The first kernel that has it; nil where no kernel gives it.
  public var minimumKernel: KernelVersion? {
    switch self {
    case .mountNamespace: KernelVersion(2, 4, 19)
    case .utsNamespace, .ipcNamespace: KernelVersion(2, 6, 19)
    case .pidNamespace, .cgroups: KernelVersion(2, 6, 24)
    case .networkNamespace: KernelVersion(2, 6, 29)
    case .userNamespace, .unprivilegedUserNamespaces: KernelVersion(3, 8)
    case .cgroupNamespace: KernelVersion(4, 6)
    case .timeNamespace, .openat2: KernelVersion(5, 6)
    case .idMapPrograms: nil
    case .overlay: KernelVersion(3, 18)
    case .overlayVolatile: KernelVersion(5, 10)
    case .overlayUserAttributes: KernelVersion(5, 11)
    case .overlayLayerAppend, .overlayDataOnly: KernelVersion(6, 7)
    case .overlayDescriptors: KernelVersion(6, 13)
    case .mountAPI: KernelVersion(5, 2)
    case .mountSetAttributes, .idMappedMounts: KernelVersion(5, 12)
    case .clone3, .pidfd: KernelVersion(5, 3)
    case .cloneIntoCgroup: KernelVersion(5, 7)
    case .closeRange: KernelVersion(5, 9)
    case .pidfdInformation: KernelVersion(6, 15)
    case .seccomp: KernelVersion(3, 5)
    case .seccompNotification: KernelVersion(5, 0)
    case .landlock: KernelVersion(5, 13)
    }
  }

  /// What Containr does without it; nil where nothing stands in for it.
  var fallback: String? {
    switch self {
    case .overlayLayerAppend, .overlayDescriptors: "layers are named in one string of paths"
    case .pidfdInformation: "only the parent learns the exit status"
    default: nil
    }
  }
}
