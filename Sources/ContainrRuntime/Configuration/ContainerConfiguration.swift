import ContainrCgroups
import ContainrCore
import ContainrNamespaces
import ContainrRootFS
import ContainrSecurity
import SystemPackage

/// Everything that makes a container: a value, with a secure default for every field but the root.
///
/// ```
/// let configuration = ContainerConfiguration(rootFS: RootFS(.directory("/srv/rootfs"))) {
///   $0.process.arguments = ["/bin/sh", "-c", "echo hello"]
///   $0.resources.memory.limit = .mebibytes(64)
/// }
/// ```
public struct ContainerConfiguration: Hashable, Sendable {
  /// The id, unique in a state directory. Random by default.
  public var id = ContainerID.random()
  /// The file tree.
  public var rootFS: RootFS
  /// Directories that stay writable where the root is read-only, with what the image has in them; made where they are
  /// missing. The `Volumes` of an image's configuration.
  public var volumes: [RootedPath] = []
  /// Where the changes of an overlay root without a writable layer of its own go.
  public var writableLayer = WritableLayer.disk
  /// The program.
  public var process = ProcessConfiguration()
  /// What asks the program to end: the `StopSignal` of an image's configuration.
  public var stopSignal = Signal.terminate
  /// The host name; the first 12 characters of the id by default.
  public var hostname: String?
  /// The NIS domain name; the kernel's default where nil.
  public var domainName: String?
  /// The network.
  public var network = NetworkMode.none
  /// The id maps of a user namespace of the container's own; nil shares the caller's user namespace.
  public var userNamespace: IDMaps?
  /// Limits on memory, CPU, processes and devices.
  public var resources = CgroupResources { $0.devices = DeviceRule.containerDefaults }
  /// Whether the container gets a cgroup of its own. Without one, limits are refused, and
  /// device rules of its own, too; the default rules are kept by not granting CAP_MKNOD.
  public var hasCgroup = true
  /// Kernel parameters of the container's namespaces, `net.ipv4.ip_forward` or `kernel/shmmax`.
  public var sysctls: [String: String] = [:]
  /// The system calls that the container may make.
  public var seccomp = SeccompConfiguration.containerDefault
  /// The Landlock rules that its processes are under.
  public var landlock = LandlockConfiguration.automatic
  /// The AppArmor profile that its processes are under.
  public var appArmor = AppArmorConfiguration.automatic
  /// The SELinux label that its processes have. Their files need one that goes with it.
  public var seLinux = SELinuxConfiguration.disabled
  /// Whether its processes share a processor core with none but each other (`PR_SCHED_CORE`, Linux 5.14).
  public var hasOwnCore = false
  /// Whether a first process of user 0 is refused.
  public var requiresOrdinaryUser = false
  /// Which of /etc/hosts, /etc/hostname and /etc/resolv.conf are made for the container.
  public var hostFiles = HostFiles.none

  /// Where the changes of a container go.
  public enum WritableLayer: Hashable, Sendable {
    /// To the container's directory, unsynced, and removed with it.
    case disk
    /// To memory, which the container is charged for.
    case memory(limit: ByteCount?)
    /// Nowhere: the root is read-only.
    case none
  }

  /// Which files in /etc are made for the container and bound over the image's.
  public enum HostFiles: Hashable, Sendable {
    /// The root's own.
    case none
    /// hosts and hostname with the container's name, and the host's resolv.conf where the host's network is used.
    case managed
  }

  /// Takes a root, with masked and read-only paths as Docker has them, and everything else by default.
  public init(rootFS: RootFS) {
    self.rootFS = rootFS
    self.rootFS.maskedPaths = MaskedPaths.default
    self.rootFS.readonlyPaths = ReadonlyPaths.default
  }

  /// Takes a root and changes the defaults.
  public init(rootFS: RootFS, _ configure: (inout ContainerConfiguration) throws -> Void) rethrows {
    self.init(rootFS: rootFS)
    try configure(&self)
  }
}
