extension ContainrError {
  /// A stable identifier of a kind of failure: an open set, so that a new code breaks no caller.
  public struct Code: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    /// The identifier as it is printed, `PERMISSION_DENIED`.
    public let rawValue: String
    /// Names a code; a package above Containr may have its own.
    public init(rawValue: String) { self.rawValue = rawValue }
    private init(_ rawValue: String) { self.rawValue = rawValue }
    /// The identifier.
    public var description: String { rawValue }

    // MARK: The machine and the caller

    /// The caller lacks a privilege: root, a capability, an owner's rights.
    public static let permissionDenied = Code("PERMISSION_DENIED")
    /// The kernel lacks a feature that the configuration needs.
    public static let kernelUnsupported = Code("KERNEL_UNSUPPORTED")
    /// The option or operation is known, and cannot be done here.
    public static let unsupported = Code("UNSUPPORTED")
    /// Containr does not have this yet.
    public static let notImplemented = Code("NOT_IMPLEMENTED")
    /// An argument or configuration value is malformed or out of range.
    public static let invalidArgument = Code("INVALID_ARGUMENT")
    /// A set of values contradicts itself.
    public static let invalidConfiguration = Code("INVALID_CONFIGURATION")
    /// Memory, descriptors, processes or disk space ran out.
    public static let resourceExhausted = Code("RESOURCE_EXHAUSTED")
    /// A file or directory could not be read or written.
    public static let ioFailure = Code("IO_FAILURE")
    /// A path left the directory that it must stay in.
    public static let pathEscape = Code("PATH_ESCAPE")
    /// The operation was given up because its time was over.
    public static let timeout = Code("TIMEOUT")
    /// A defect in Containr itself.
    public static let internalError = Code("INTERNAL")

    // MARK: Namespaces

    /// A namespace could not be created.
    public static let namespaceCreate = Code("NAMESPACE_CREATE")
    /// A namespace could not be joined.
    public static let namespaceJoin = Code("NAMESPACE_JOIN")
    /// A uid or gid map was refused.
    public static let idMapping = Code("ID_MAPPING")
    /// The host name or domain name could not be set.
    public static let hostname = Code("HOSTNAME")

    // MARK: cgroups

    /// A cgroup could not be created.
    public static let cgroupCreate = Code("CGROUP_CREATE")
    /// A process could not be put into a cgroup.
    public static let cgroupAddProcess = Code("CGROUP_ADD_PROCESS")
    /// A limit was refused by the kernel.
    public static let cgroupLimit = Code("CGROUP_LIMIT")
    /// A cgroup file could not be read.
    public static let cgroupStatistics = Code("CGROUP_STATISTICS")
    /// A cgroup could not be removed.
    public static let cgroupRemove = Code("CGROUP_REMOVE")
    /// The controller is not there, or not delegated to the caller.
    public static let cgroupControllerMissing = Code("CGROUP_CONTROLLER_MISSING")

    // MARK: Root file system

    /// A file system could not be mounted.
    public static let rootfsMount = Code("ROOTFS_MOUNT")
    /// A file system could not be unmounted.
    public static let rootfsUnmount = Code("ROOTFS_UNMOUNT")
    /// The root could not be changed.
    public static let rootfsPivot = Code("ROOTFS_PIVOT")
    /// A device node or link in /dev could not be made.
    public static let rootfsDevice = Code("ROOTFS_DEVICE")
    /// The root file system is not there, or is no directory.
    public static let rootfsNotFound = Code("ROOTFS_NOT_FOUND")

    // MARK: Snapshots

    /// No snapshot has this name.
    public static let snapshotNotFound = Code("SNAPSHOT_NOT_FOUND")
    /// The snapshot's name is taken.
    public static let snapshotAlreadyExists = Code("SNAPSHOT_ALREADY_EXISTS")
    /// The snapshot's kind, or others that began from it, do not allow the operation.
    public static let snapshotState = Code("SNAPSHOT_STATE")

    // MARK: Security

    /// A capability is unknown or could not be set.
    public static let capability = Code("CAPABILITY")
    /// A seccomp profile is malformed, or the filter was refused.
    public static let seccomp = Code("SECCOMP")
    /// A Linux security module refused a label, or is not there.
    public static let securityModule = Code("SECURITY_MODULE")
    /// The user or group is not to be found, or malformed.
    public static let user = Code("USER")

    // MARK: Images

    /// The image is not in the store.
    public static let imageNotFound = Code("IMAGE_NOT_FOUND")
    /// An image reference is malformed.
    public static let imageReference = Code("IMAGE_REFERENCE")
    /// A document of an image is malformed or ambiguous.
    public static let imageInvalid = Code("IMAGE_INVALID")
    /// The content has another digest or size than its descriptor.
    public static let digestMismatch = Code("DIGEST_MISMATCH")
    /// A layer could not be decompressed, read as tar, or unpacked safely.
    public static let layerInvalid = Code("LAYER_INVALID")

    // MARK: Containers

    /// No container has this id or name.
    public static let containerNotFound = Code("CONTAINER_NOT_FOUND")
    /// The id or name is taken.
    public static let containerAlreadyExists = Code("CONTAINER_ALREADY_EXISTS")
    /// The container's state does not allow the operation.
    public static let containerState = Code("CONTAINER_STATE")
    /// The process between clone and exec could not be set up.
    public static let containerStart = Code("CONTAINER_START")
    /// The command is not in the container. Exit status 127.
    public static let commandNotFound = Code("COMMAND_NOT_FOUND")
    /// The command is there and cannot be executed. Exit status 126.
    public static let commandNotExecutable = Code("COMMAND_NOT_EXECUTABLE")
    /// The working directory is not there, or is outside the container.
    public static let workingDirectory = Code("WORKING_DIRECTORY")
    /// A hook could not be run, or failed.
    public static let hook = Code("HOOK")
    /// The terminal could not be set up.
    public static let terminal = Code("TERMINAL")
    /// A signal is unknown or could not be sent.
    public static let signal = Code("SIGNAL")
    /// A network interface could not be configured.
    public static let networkSetup = Code("NETWORK_SETUP")
  }
}

extension ContainrError.Code {
  /// Every code that Containr itself throws, in the order of the documentation.
  public static let all: [ContainrError.Code] = [
    .permissionDenied, .kernelUnsupported, .unsupported, .notImplemented, .invalidArgument, .invalidConfiguration,
    .resourceExhausted, .ioFailure, .pathEscape, .timeout, .internalError,
    .namespaceCreate, .namespaceJoin, .idMapping, .hostname,
    .cgroupCreate, .cgroupAddProcess, .cgroupLimit, .cgroupStatistics, .cgroupRemove, .cgroupControllerMissing,
    .rootfsMount, .rootfsUnmount, .rootfsPivot, .rootfsDevice, .rootfsNotFound,
    .snapshotNotFound, .snapshotAlreadyExists, .snapshotState,
    .capability, .seccomp, .securityModule, .user,
    .imageNotFound, .imageReference, .imageInvalid, .digestMismatch, .layerInvalid,
    .containerNotFound, .containerAlreadyExists, .containerState, .containerStart, .commandNotFound,
    .commandNotExecutable, .workingDirectory, .hook, .terminal, .signal, .networkSetup,
  ]
}
