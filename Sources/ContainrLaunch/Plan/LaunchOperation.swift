import ContainrCore

/// One step of a launch plan: what the new process asks the kernel for, with every decision already made.
///
/// Paths called `path` are resolved inside the root that the operation names, by `openat2(2)` with `RESOLVE_IN_ROOT`.
public enum LaunchOperation: Sendable, Hashable {
  // MARK: Mounts

  /// Sets the propagation of every mount of the new mount namespace.
  case propagation(MountPropagation)
  /// Makes a new mount that is attached nowhere yet. An option without a value is a flag.
  case mount(
    LaunchSlot, type: String, source: String? = nil, options: [MountOption] = [], attributes: MountAttributes = [])
  /// Copies the mount at a path (of the host where `directory` is the working directory); nil is the descriptor itself.
  case bind(LaunchSlot, directory: LaunchSlot, path: String? = nil, recursive: Bool = true)
  /// Changes attributes and propagation of a mount and, when recursive, of all below it.
  case mountAttributes(
    LaunchSlot, set: MountAttributes, clear: MountAttributes = [], propagation: MountPropagation? = nil,
    userNamespace: LaunchSlot? = nil, recursive: Bool = false)
  /// Attaches a mount inside a root; `create` makes a missing mount point, `followLinks` allows symbolic links in the path.
  case attach(LaunchSlot, root: LaunchSlot, path: String, create: Bool = true, followLinks: Bool = false)
  /// Attaches a mount at a path of the host, as the new mount namespace shows it.
  case attachOnHost(LaunchSlot, path: String)
  /// Mounts by the old call, for kernels that need it.
  case classicMount(source: String, target: String, type: String, flags: UInt64, data: String)
  /// Changes options of the file system that a mount shows.
  case reconfigure(LaunchSlot, options: [MountOption])
  /// Fills the directory of a new mount with what a root has at a path; a missing path is empty. It follows no link and
  /// leaves out what is mounted there. `withAttributes` gives the directory itself the mode and owner of the path's, too.
  case copyTree(to: LaunchSlot, root: LaunchSlot, path: String, withAttributes: Bool = false)
  /// Covers a path, where it exists: a file by the null device, a directory by an empty one.
  case mask(root: LaunchSlot, path: String, nullDevice: LaunchSlot, emptyDirectory: LaunchSlot)
  /// Makes a path, where it exists, read-only with all below it.
  case readOnly(root: LaunchSlot, path: String)
  /// Makes a mount the root, and lets go of the old one.
  case pivot(root: LaunchSlot)
  /// Makes a directory the root without letting go of the old one.
  case changeRoot(LaunchSlot)

  // MARK: Files

  /// Opens a path of the host, or inside the directory when `inRoot`.
  case open(LaunchSlot, directory: LaunchSlot, path: String, flags: CInt, inRoot: Bool = false)
  /// Closes a descriptor.
  case close(LaunchSlot)
  /// Makes a directory and every missing one above it.
  case makeDirectory(root: LaunchSlot, path: String, mode: UInt32)
  /// Makes a symbolic link; one that is there stays.
  case symbolicLink(root: LaunchSlot, path: String, target: String)
  /// Makes a device node. The mode includes the type, `S_IFCHR | 0666`.
  case device(root: LaunchSlot, path: String, mode: UInt32, device: UInt64, uid: UInt32 = 0, gid: UInt32 = 0)
  /// Writes to a file below a procfs mount that this plan made.
  case writeProc(LaunchSlot, path: String, text: String)
  /// Writes to a descriptor.
  case write(LaunchSlot, text: String, activity: String)
  /// Sets the mask for modes of new files.
  case fileModeMask(UInt32)
  /// Changes the working directory. `anywhere` allows one outside of the root, for a process that keeps the host's.
  case workingDirectory(String, anywhere: Bool = false)

  // MARK: Names

  /// Sets the host name of the UTS namespace.
  case hostname(String)
  /// Sets the NIS domain name of the UTS namespace.
  case domainName(String)
  /// Brings a network interface up.
  case interfaceUp(String)

  // MARK: Privileges

  /// Sets a resource limit (getrlimit(2)).
  case resourceLimit(resource: UInt32, soft: UInt64, hard: UInt64)
  /// Sets the supplementary groups.
  case groups([UInt32])
  /// Sets real, effective and saved user and group id.
  case ids(uid: UInt32, gid: UInt32)
  /// Drops every capability from the bounding set that is not in the mask.
  case boundingCapabilities(UInt64)
  /// Sets effective, permitted and inheritable capabilities.
  case capabilities(effective: UInt64, permitted: UInt64, inheritable: UInt64)
  /// Sets the ambient capabilities.
  case ambientCapabilities(UInt64)
  /// Sets an attribute of the process (prctl(2)).
  case control(ProcessControl)
  /// Loads a seccomp filter: the bytes of `struct sock_filter[]`. With `SECCOMP_FILTER_FLAG_NEW_LISTENER` among the flags the
  /// kernel makes a listener, which goes into a slot; it is closed on exec.
  case seccomp(filter: [UInt8], flags: UInt32 = 0, listener: LaunchSlot? = nil)
  /// Joins a new session keyring, so that the parent's keys stay out of reach.
  case sessionKeyring(name: String? = nil)
  /// Asks a security module for a label by writing to the process's own attribute file below a procfs mount:
  /// `self/attr/apparmor/exec`.
  case securityLabel(LaunchSlot, module: String, path: String, text: String)
  /// Makes a Landlock rule set that denies the given rights wherever no rule grants them.
  case landlockRuleset(LaunchSlot, files: UInt64, network: UInt64, scopes: UInt64)
  /// Grants rights on a path inside a root, and on all below it.
  case landlockPath(ruleset: LaunchSlot, root: LaunchSlot, path: String, rights: UInt64, mayBeMissing: Bool = false)
  /// Grants rights on a TCP port.
  case landlockPort(ruleset: LaunchSlot, port: UInt16, rights: UInt64)
  /// Puts the process under a Landlock rule set for good.
  case landlockRestrict(LaunchSlot, flags: UInt32 = 0)

  // MARK: Streams and terminal

  /// Starts a new session.
  case newSession
  /// Opens a new terminal of a devpts mount, which then belongs to a user.
  case terminal(
    devpts: LaunchSlot, controller: LaunchSlot, terminal: LaunchSlot, rows: UInt16, columns: UInt16, owner: UInt32 = 0)
  /// Makes a terminal the controlling one of the session.
  case controllingTerminal(LaunchSlot)
  /// Sends a descriptor to the parent. The mark is in a register that `sendmsg(2)` does not use, so that a seccomp filter can
  /// let this one call through.
  case send(LaunchSlot, socket: LaunchSlot, mark: UInt64 = 0)
  /// Puts descriptors in the places of standard input, output and error; nil keeps what is there.
  case standardStreams(LaunchSlot?, LaunchSlot?, LaunchSlot?)

  // MARK: Processes

  /// Waits until the parent has done its part.
  case barrier(LaunchBarrier, socket: LaunchSlot)
  /// Joins namespaces: one by its descriptor, or several of a process by its pidfd (Linux 5.8).
  case join(LaunchSlot, flags: UInt64, activity: String)
  /// Waits, for as long as it takes, until somebody connects to a listening socket and writes a byte: who made the process may
  /// be gone by then. Every descriptor from `first` on is closed. What fails later is told to the connection.
  case awaitStart(LaunchSlot, first: UInt32)
  /// Runs a program with the whole environment given and a text as its input, and waits for its end. It is killed after
  /// `timeout` seconds; 0 is no limit. A NUL in the text becomes the process's own id.
  case hook(path: String, arguments: [String], environment: [String], input: [UInt8], timeout: UInt32 = 0)
  /// Moves into new namespaces.
  case unshare(flags: UInt64)
  /// Continues in a new child of the parent, inside the pid namespace joined before.
  case fork
  /// Resets every signal's disposition, and blocks the given signals only (bit n − 1 is signal n).
  case signals(blocked: UInt64 = 0)
  /// Closes every descriptor from a number on, at once or on exec.
  case closeFrom(UInt32, onExec: Bool)
  /// Fails as ``execute(paths:arguments:environment:byDescriptor:)`` would where none of the paths can be executed.
  case findProgram(paths: [String], command: String)
  /// Sets how the kernel schedules the process and places its memory.
  case attribute(ProcessAttribute)
  /// Executes the first of the paths that is there. By descriptor, nobody can swap the file after the check. A program of the
  /// host, whose path nobody in a container has chosen, may be any link: `/proc/<pid>/exe` too.
  case execute(
    paths: [String], arguments: [String], environment: [String], byDescriptor: Bool = false, throughAnyLink: Bool = false)
}

/// A file system option for fsconfig(2): `key=value`, or a flag.
public struct MountOption: Hashable, Sendable {
  /// The option's name.
  public var key: String
  /// Its value; nil for a flag.
  public var value: String?

  /// Makes an option.
  public init(_ key: String, _ value: String? = nil) {
    self.key = key
    self.value = value
  }

  var text: String { value.map { "\(key)=\($0)" } ?? key }
}

/// An attribute of a process that prctl(2) sets.
public enum ProcessControl: Hashable, Sendable {
  /// No privileges by execve(2) any more (`PR_SET_NO_NEW_PRIVS`).
  case noNewPrivileges
  /// Keep permitted capabilities when the user id changes (`PR_SET_KEEPCAPS`).
  case keepCapabilities
  /// Whether others may inspect the process (`PR_SET_DUMPABLE`).
  case dumpable(Bool)
  /// The signal that the death of the parent's thread sends (`PR_SET_PDEATHSIG`).
  case parentDeathSignal(CInt)
  /// Share a processor core with none but its own descendants (`PR_SCHED_CORE_CREATE`, Linux 5.14).
  case ownCore

  var arguments: (option: UInt64, value: UInt64) {
    switch self {
    case .noNewPrivileges: (38, 1)
    case .keepCapabilities: (8, 1)
    case .dumpable(let on): (4, on ? 1 : 0)
    case .parentDeathSignal(let number): (1, UInt64(number))
    case .ownCore: (62, 1)
    }
  }

  var text: String {
    switch self {
    case .noNewPrivileges: "no new privileges"
    case .keepCapabilities: "keep capabilities over the change of user"
    case .dumpable(let on): on ? "allow inspection" : "refuse inspection by others"
    case .parentDeathSignal(let number): "die by signal \(number) with the parent"
    case .ownCore: "share a core with no one else"
    }
  }
}

/// A point where the new process waits for its parent.
public struct LaunchBarrier: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
  /// The byte that announces it, 1 to 255.
  public let rawValue: UInt8
  /// Names a barrier of one's own; 1 to 15 are taken.
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  /// The parent writes the id maps of the new user namespace.
  public static let idMaps = LaunchBarrier(rawValue: 1)
  /// The parent puts the process into cgroups.
  public static let cgroups = LaunchBarrier(rawValue: 2)
  /// The parent puts interfaces into the network namespace.
  public static let network = LaunchBarrier(rawValue: 3)
  /// The parent runs hooks.
  public static let hooks = LaunchBarrier(rawValue: 4)
  /// The parent decides when the program starts.
  public static let start = LaunchBarrier(rawValue: 5)

  /// What the process waits for.
  public var description: String {
    switch self {
    case .idMaps: "the id maps"
    case .cgroups: "the cgroups"
    case .network: "the network"
    case .hooks: "the hooks"
    case .start: "the start signal"
    default: "barrier \(rawValue)"
    }
  }
}
