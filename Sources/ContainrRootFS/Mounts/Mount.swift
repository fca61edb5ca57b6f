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
    /// Memory.
    case tmpfs(size: ByteCount?, mode: UInt32?)
    /// Terminals of the container's own (devpts).
    case devpts
    /// POSIX message queues of the container's IPC namespace (mq_overview(7)).
    case mqueue
    /// The container's own part of the cgroup tree.
    case cgroup
    /// A file or directory of the host. `recursive` takes what is mounted below it along; `idMapped` is not possible here.
    case bind(source: FilePath, recursive: Bool)
  }

  /// What is mounted.
  public var kind: Kind
  /// Where. A missing mount point is made.
  public var destination: RootedPath
  /// Attributes of the mount; for a bind they hold for everything below it too.
  public var attributes: MountAttributes
  /// How mount events travel. The default keeps them in. `slave` lets the host's later mounts below a bind mount's source
  /// in, `shared` lets the container's out too; both need a source that is shared on the host.
  public var propagation: MountPropagation

  /// Describes a mount.
  public init(
    _ kind: Kind, at destination: RootedPath, attributes: MountAttributes = [], propagation: MountPropagation = .private
  ) {
    self.kind = kind
    self.destination = destination
    self.attributes = attributes
    self.propagation = propagation
  }

  var isBind: Bool { if case .bind = kind { true } else { false } }

  /// A file or directory of the host, with all that is mounted below it.
  public static func bind(from source: FilePath, to destination: RootedPath, readOnly: Bool = false) -> Mount {
    Mount(.bind(source: source, recursive: true), at: destination, attributes: readOnly ? .readOnly : [])
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
