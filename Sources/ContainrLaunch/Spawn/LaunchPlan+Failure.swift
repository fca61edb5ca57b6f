import ContainrCore
import SystemPackage

extension LaunchPlan {
  /// The error of `clone3(2)`.
  func cloneFailure(_ errno: Errno) -> ContainrError {
    let activity = namespaceFlags == 0 ? "creating a process" : "creating namespaces"
    var error = ContainrError.errno(errno, .namespaceCreate, activity, call: "clone3(2)")
    if errno == .notPermitted, namespaceFlags != 0 { Self.refusedNamespaces(&error, flags: namespaceFlags) }
    switch errno {
    case .noSpace, .tooManyUsers:
      error.code = .resourceExhausted
      error.hint = "a limit under /proc/sys/user is reached"
    case .resourceTemporarilyUnavailable:
      error.code = .resourceExhausted
      error.hint = "the limit of processes is reached: RLIMIT_NPROC, or pids.max of this process's cgroup"
    default: break
    }
    return error
  }

  /// Words and hint for the most usual failure of all: no right to make namespaces.
  private static func refusedNamespaces(_ error: inout ContainrError, flags: UInt64) {
    error.activity = "cannot create namespace"
    let asksForUserNamespace = flags & 0x1000_0000 != 0
    error.hint =
      asksForUserNamespace
      ? "user namespaces may be switched off: see /proc/sys/user/max_user_namespaces"
      : "run as root, or ask for a user namespace (rootless)"
  }

  /// The error of one operation.
  func failure(of operation: LaunchOperation, _ errno: Errno, call: String, message: String) -> ContainrError {
    var error: ContainrError
    switch (operation, errno) {
    case (.execute(_, let arguments, _, _), _):
      error = Self.executeFailure(arguments[0], errno, call: call)
    case (.workingDirectory(let path, _), .improperLink):
      error = ContainrError(
        .pathEscape, "going to the working directory \(path)", systemCall: SystemCall(call, errno),
        hint: "it is outside of the container")
    case (.workingDirectory(let path, _), _):
      error = ContainrError(
        .workingDirectory, "going to the working directory \(path)", systemCall: SystemCall(call, errno))
    case (.hook(let path, _, _, _, let timeout), _):
      error = ContainrError(
        errno == .timedOut ? .timeout : .hook, "running the hook \(path)", systemCall: SystemCall(call, errno),
        hint: errno == .timedOut
          ? "it was killed after its limit of \(timeout) s" : message.isEmpty ? nil : "it ended with \(message)")
    case (.barrier(let barrier, _), _):
      error = ContainrError(
        .containerStart, "waiting for \(barrier)", systemCall: SystemCall(call, errno), hint: "the parent gave up")
    case (.securityLabel(_, let module, _, let text), _):
      error = Self.labelFailure(module, text, errno, call: call)
    case (.control(.ownCore), .invalidArgument), (.control(.ownCore), .operationNotSupportedByDevice):
      error = ContainrError(
        .kernelUnsupported, operation.activity, systemCall: SystemCall(call, errno),
        hint: "core scheduling needs CONFIG_SCHED_CORE and a processor with several threads a core")
    default:
      error = .errno(errno, operation.errorCode, operation.activity, call: call)
    }
    if case .unshare(let flags) = operation, errno == .notPermitted { Self.refusedNamespaces(&error, flags: flags) }
    if case .attach(_, _, _, _, followLinks: false) = operation, errno == .tooManySymbolicLinkLevels {
      error.code = .pathEscape
      error.hint = "a symbolic link stands where a mount point must be"
    }
    if case .hook = operation { return error }
    switch (operation, errno) {
    case (.mountAttributes(_, _, _, _, .some, _), .invalidArgument):
      error.code = .unsupported
      error.hint = "idmap: this file system takes no id maps, or has one already; see mount_setattr(2), MOUNT_ATTR_IDMAP"
    case (.mount(_, let type, _, _, _), .operationNotSupportedByDevice),
      (.classicMount(_, _, let type, _, _), .operationNotSupportedByDevice):
      error.code = .kernelUnsupported
      error.hint = "this kernel has no file system \(type): see /proc/filesystems"
    case (.bind(_, _, _, recursive: false), .invalidArgument):
      error.hint = "a user namespace may not uncover what lies below a mount: bind recursively"
    case (.copyTree, .argListTooLong):
      error.hint = "tmpcopyup copies trees of at most 64 levels"
    default: break
    }
    if !message.isEmpty { error.hint = "the kernel says: \(message.trimmingKernelPrefix)" }
    return error
  }

  private static func labelFailure(_ module: String, _ text: String, _ errno: Errno, call: String) -> ContainrError {
    let hint: String? =
      switch errno {
      case .noSuchFileOrDirectory: "the profile is not loaded, or the kernel runs without \(module)"
      case .invalidArgument: "\(module) knows no such label, or is not running"
      case .permissionDenied, .notPermitted: "\(module) does not let this program give that label"
      default: nil
      }
    return ContainrError(
      .securityModule, "asking \(module) for the label \"\(text)\"", systemCall: SystemCall(call, errno), hint: hint)
  }

  private static func executeFailure(_ command: String, _ errno: Errno, call: String) -> ContainrError {
    let call = SystemCall(call, errno)
    switch errno {
    case .noSuchFileOrDirectory, .notDirectory:
      return ContainrError(
        .commandNotFound, "executing \(command)", systemCall: call,
        hint: "the command, or the interpreter that it names, is not in the container's PATH")
    case .permissionDenied:
      return ContainrError(
        .commandNotExecutable, "executing \(command)", systemCall: call, hint: "it must be a file with execute permission")
    case .execFormatError:
      return ContainrError(
        .commandNotExecutable, "executing \(command)", systemCall: call,
        hint: "it is no program of this architecture, and has no #! line")
    case .argListTooLong:
      return ContainrError(
        .invalidArgument, "executing \(command)", systemCall: call, hint: "arguments and environment are too long")
    default:
      return ContainrError(.commandNotExecutable, "executing \(command)", systemCall: call)
    }
  }
}

extension LaunchOperation {
  /// The summary as a phrase in -ing, for errors.
  var activity: String {
    switch self {
    case .mount(_, let type, _, _, _): "mounting \(type)"
    case .bind(_, _, let path?, _): "binding \(path)"
    case .attach(_, _, let path, _, _): "mounting at \(path)"
    case .copyTree(_, _, let path, _): "copying up \(path)"
    case .hostname: "setting the host name"
    case .join(_, _, let activity): activity
    case .write(_, _, let activity): activity
    default: "launching: \(summary)"
    }
  }
}

extension String {
  /// Messages of a file system context begin with a level: "e overlay: …".
  fileprivate var trimmingKernelPrefix: String {
    var text = self[...]
    if text.count > 2, text.dropFirst().first == " " { text = text.dropFirst(2) }
    while let last = text.last, last.isWhitespace { text.removeLast() }
    return String(text)
  }
}
