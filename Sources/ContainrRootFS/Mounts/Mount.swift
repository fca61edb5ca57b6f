import ContainrCore
import ContainrLaunch
import SystemPackage

/// Something that is mounted inside a container.
public struct Mount: Hashable, Sendable {
  /// What is mounted.
  public enum Kind: Hashable, Sendable {
    /// The processes of the container's pid namespace (proc(5)).
    case proc
    /// The kernel's objects, as the container's network namespace sees them (sysfs(5)).
    case sysfs
    /// Memory. Half of the machine's where no size is given; mode 1777 where no mode is, or with ``Mount/copiesUp`` the
    /// mode of the directory that is covered.
    case tmpfs(size: ByteCount?, mode: UInt32?)
    /// Terminals of the container's own (devpts).
    case devpts
    /// POSIX message queues of the container's IPC namespace (mq_overview(7)).
    case mqueue
    /// The container's own part of the cgroup tree.
    case cgroup
    /// A file or directory of the host. `recursive` takes what is mounted below it along.
    case bind(source: FilePath, recursive: Bool)
    /// Stacked layers.
    case overlay(OverlayRoot)
    /// Any other file system that the kernel has, with ``Mount/options`` as its only settings.
    case fileSystem(type: String, source: String?)
    /// The mount that is at the destination already: only what is named of attributes, propagation and options changes.
    case remount
  }

  /// What is mounted.
  public var kind: Kind
  /// Where. A missing mount point is made.
  public var destination: RootedPath
  /// Options for the file system, as in fsconfig(2). One that the kind has by itself is replaced by one of the same name
  /// here. None for a bind: its file system is mounted already.
  public var options: [MountOption] = []
  /// Attributes of the mount.
  public var attributes: MountAttributes
  /// Attributes taken away from a bind, which otherwise keeps those of its source: `rw`, `suid`, `dev`, `exec`.
  public var cleared: MountAttributes = []
  /// Attributes of the mount and of everything below it: `rro`, `rnosuid`.
  public var recursiveAttributes: MountAttributes = []
  /// Attributes taken away from the mount and from everything below it: `rrw`, `rsuid`.
  public var recursivelyCleared: MountAttributes = []
  /// How mount events travel. The default keeps them in. `slave` lets the host's later mounts below a bind mount's source
  /// in, `shared` lets the container's out too; both need a source that is shared on the host.
  public var propagation: MountPropagation
  /// Whether the propagation holds for everything below a bind too. That of a bind that is connected with the host always
  /// does.
  public var isPropagationRecursive = true
  /// The ids that files are shown with; nil shows those that they have.
  public var idMapping: MountIDMapping?
  /// The SELinux label of every file in the mount (`context=`); for file systems that take one.
  public var label: MountLabel?
  /// Whether new memory begins with a copy of what the root has at the destination (`tmpcopyup`). For tmpfs only.
  public var copiesUp = false

  /// Describes a mount.
  public init(
    _ kind: Kind, at destination: RootedPath, attributes: MountAttributes = [], propagation: MountPropagation = .private
  ) {
    self.kind = kind
    self.destination = destination
    self.attributes = attributes
    self.propagation = propagation
  }

  /// A file or directory of the host, with all that is mounted below it.
  public static func bind(from source: FilePath, to destination: RootedPath, readOnly: Bool = false) -> Mount {
    var mount = Mount(.bind(source: source, recursive: true), at: destination)
    if readOnly { mount.recursiveAttributes = .readOnly }
    return mount
  }

  /// Memory at a path, `nosuid,nodev,noexec` as Docker's `--tmpfs`. Half of the machine's memory where no size is given.
  public static func tmpfs(at destination: RootedPath, size: ByteCount? = nil, mode: UInt32 = 0o1777) -> Mount {
    Mount(.tmpfs(size: size, mode: mode), at: destination, attributes: [.noSuid, .noDev, .noExec])
  }

  /// What a container has by default: /proc, /dev, /dev/pts, /dev/shm, /dev/mqueue, /sys, /sys/fs/cgroup.
  public static let defaults: [Mount] = [
    Mount(.proc, at: .proc, attributes: [.noSuid, .noDev, .noExec]),
    Mount(.tmpfs(size: .kibibytes(65536), mode: 0o755), at: .dev, attributes: [.noSuid, .strictAccessTime]),
    Mount(.devpts, at: .devPts, attributes: [.noSuid, .noExec]),
    Mount(.tmpfs(size: .kibibytes(65536), mode: 0o1777), at: .devShm, attributes: [.noSuid, .noDev, .noExec]),
    Mount(.mqueue, at: .devMqueue, attributes: [.noSuid, .noDev, .noExec]),
    Mount(.sysfs, at: .sys, attributes: [.noSuid, .noDev, .noExec, .readOnly]),
    Mount(.cgroup, at: .sysFsCgroup, attributes: [.noSuid, .noDev, .noExec, .readOnly]),
  ]
}

extension RootedPath {
  /// A path that is known to be good when this file is compiled.
  private init(known: StaticString) {
    do throws(ContainrError) { self = try RootedPath("\(known)") } catch { preconditionFailure("\(known)") }
  }

  /// /proc.
  public static let proc = RootedPath(known: "/proc")
  /// /sys.
  public static let sys = RootedPath(known: "/sys")
  /// /sys/fs/cgroup.
  public static let sysFsCgroup = RootedPath(known: "/sys/fs/cgroup")
  /// /dev.
  public static let dev = RootedPath(known: "/dev")
  /// /dev/pts.
  public static let devPts = RootedPath(known: "/dev/pts")
  /// /dev/shm.
  public static let devShm = RootedPath(known: "/dev/shm")
  /// /dev/mqueue.
  public static let devMqueue = RootedPath(known: "/dev/mqueue")
}
