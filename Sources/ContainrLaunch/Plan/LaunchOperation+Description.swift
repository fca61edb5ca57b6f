import ContainrCore

extension LaunchOperation {
  /// What is done, as a phrase in the imperative: `mount proc`.
  public var summary: String {
    switch self {
    case .propagation(let kind): "make every mount \(kind)"
    case .mount(let slot, let type, _, let options, let attributes):
      "\(slot) = new " + ([type] + options.map(\.text) + attributes.names).joined(separator: " ")
    case .bind(let slot, let directory, let path, let recursive):
      "\(slot) = copy of the mount \(path ?? "of \(directory)")\(recursive ? " and all below" : "")"
    case .mountAttributes(let slot, let set, let clear, let propagation, let userNamespace, let recursive):
      "set \(slot) to "
        + (set.names + clear.names.map { "not \($0)" } + (propagation.map { ["\($0)"] } ?? [])
        + (userNamespace == nil ? [] : ["id-mapped"])).joined(separator: " ") + (recursive ? ", and all below" : "")
    case .attach(let slot, _, let path, _, _): "attach \(slot) at \(path)"
    case .attachOnHost(let slot, let path): "attach \(slot) over the host's \(path)"
    case .classicMount(_, let target, let type, _, let data): "mount \(type) \(data) at \(target)"
    case .reconfigure(let slot, let options):
      "set the file system of \(slot) to " + options.map(\.text).joined(separator: " ")
    case .copyTree(let target, _, let path, _): "copy \(path) into \(target)"
    case .mask(_, let path, _, _): "hide \(path)"
    case .readOnly(_, let path): "make \(path) read-only"
    case .pivot(let root): "make \(root) the root, let go of the host's"
    case .changeRoot(let root): "change the root directory to \(root)"
    case .open(let slot, _, let path, _, _): "\(slot) = open \(path)"
    case .close(let slot): "close \(slot)"
    case .makeDirectory(_, let path, _): "make the directory \(path)"
    case .symbolicLink(_, let path, let target): "link \(path) to \(target)"
    case .device(_, let path, _, let device, _, _):
      "make the device \(path) (\(device >> 8 & 0xfff):\(device & 0xff | device >> 12 & 0xfff00))"
    case .writeProc(_, let path, let text): "write \"\(text)\" to /proc/\(path)"
    case .write(_, _, let activity): activity
    case .fileModeMask(let mask): "set the file mode mask to 0\(String(mask, radix: 8))"
    case .workingDirectory(let path, _): "go to \(path)"
    case .hostname(let name): "set the host name to \(name)"
    case .domainName(let name): "set the domain name to \(name)"
    case .interfaceUp(let name): "bring the interface \(name) up"
    case .resourceLimit(let resource, let soft, let hard): "limit resource \(resource) to \(soft), \(hard) at most"
    case .groups(let groups): "set the groups to [\(groups.map(String.init).joined(separator: " "))]"
    case .ids(let uid, let gid): "become user \(uid), group \(gid)"
    case .boundingCapabilities(let mask): "drop all but capabilities 0x\(String(mask, radix: 16)) for good"
    case .capabilities(let effective, let permitted, _):
      "set capabilities to 0x\(String(effective, radix: 16)) of 0x\(String(permitted, radix: 16))"
    case .ambientCapabilities(let mask): "set ambient capabilities to 0x\(String(mask, radix: 16))"
    case .control(let control): control.text
    case .seccomp(let filter, _, let listener):
      "filter system calls by \(filter.count / 8) instructions" + (listener.map { ", listener \($0)" } ?? "")
    case .sessionKeyring: "join a new session keyring"
    case .securityLabel(_, let module, _, let text): "ask \(module) for \"\(text)\""
    case .landlockRuleset(let slot, let files, let network, let scopes):
      "\(slot) = Landlock rules for file rights 0x\(String(files, radix: 16)), "
        + "network rights 0x\(String(network, radix: 16)), scopes 0x\(String(scopes, radix: 16))"
    case .landlockPath(let ruleset, _, let path, let rights, _):
      "\(ruleset): grant 0x\(String(rights, radix: 16)) below \(path)"
    case .landlockPort(let ruleset, let port, let rights):
      "\(ruleset): grant 0x\(String(rights, radix: 16)) on TCP port \(port)"
    case .landlockRestrict(let slot, _): "obey \(slot)"
    case .newSession: "start a session"
    case .terminal(_, let controller, let terminal, _, _, _): "\(controller), \(terminal) = a new terminal"
    case .controllingTerminal(let slot): "make \(slot) the controlling terminal"
    case .send(let slot, _, _): "send \(slot) to the parent"
    case .standardStreams: "set standard input, output and error"
    case .barrier(let barrier, _): "wait for \(barrier)"
    case .join(_, _, let activity): activity
    case .unshare: "move into new namespaces"
    case .awaitStart: "wait for the start"
    case .hook(let path, _, _, _, _): "run the hook \(path)"
    case .fork: "continue in a child inside the namespaces"
    case .signals: "reset signals"
    case .closeFrom(let first, let onExec): "close descriptors from \(first)\(onExec ? " on exec" : "")"
    case .execute(let paths, let arguments, _, _):
      "execute \(arguments.joined(separator: " "))\(paths.count > 1 ? " (first of \(paths.count) places)" : "")"
    }
  }

  /// The manual pages of the calls that the operation makes.
  public var manual: String {
    switch self {
    case .propagation, .mountAttributes: "mount_setattr(2), mount_namespaces(7)"
    case .mount: "fsopen(2), fsconfig(2), fsmount(2)"
    case .bind: "open_tree(2)"
    case .attach, .attachOnHost: "move_mount(2)"
    case .classicMount: "mount(2)"
    case .reconfigure: "fspick(2), fsconfig(2)"
    case .copyTree: "openat2(2), sendfile(2)"
    case .mask: "open_tree(2), move_mount(2)"
    case .readOnly: "open_tree(2), mount_setattr(2)"
    case .pivot: "pivot_root(2), umount2(2)"
    case .changeRoot: "chroot(2)"
    case .open: "openat2(2)"
    case .close: "close(2)"
    case .makeDirectory: "mkdirat(2)"
    case .symbolicLink: "symlinkat(2)"
    case .device: "mknodat(2)"
    case .writeProc: "write(2), proc(5)"
    case .write: "write(2), cgroups(7)"
    case .fileModeMask: "umask(2)"
    case .workingDirectory: "chdir(2), getcwd(2)"
    case .hostname: "sethostname(2), uts_namespaces(7)"
    case .domainName: "setdomainname(2), uts_namespaces(7)"
    case .interfaceUp: "netdevice(7)"
    case .resourceLimit: "prlimit(2)"
    case .groups: "setgroups(2)"
    case .ids: "setresgid(2), setresuid(2)"
    case .boundingCapabilities: "prctl(2), capabilities(7)"
    case .capabilities: "capset(2), capabilities(7)"
    case .ambientCapabilities: "prctl(2), capabilities(7)"
    case .control: "prctl(2)"
    case .seccomp: "seccomp(2)"
    case .sessionKeyring: "keyctl(2), session-keyring(7)"
    case .securityLabel: "write(2), proc_pid_attr(5)"
    case .landlockRuleset: "landlock_create_ruleset(2), landlock(7)"
    case .landlockPath, .landlockPort: "landlock_add_rule(2), landlock(7)"
    case .landlockRestrict: "landlock_restrict_self(2), landlock(7)"
    case .newSession: "setsid(2)"
    case .terminal: "pts(4), ioctl_tty(2)"
    case .controllingTerminal: "ioctl_tty(2)"
    case .send: "sendmsg(2), unix(7)"
    case .standardStreams: "dup3(2)"
    case .barrier: "read(2)"
    case .join: "setns(2), namespaces(7)"
    case .unshare: "unshare(2), namespaces(7)"
    case .fork: "clone3(2), pid_namespaces(7)"
    case .awaitStart: "accept(2), unix(7)"
    case .hook: "clone3(2), execve(2), waitid(2)"
    case .signals: "sigaction(2), sigprocmask(2)"
    case .closeFrom: "close_range(2)"
    case .execute: "execve(2)"
    }
  }

  /// The code for a failure whose error number says nothing more general.
  var errorCode: ContainrError.Code {
    switch self {
    case .propagation, .mount, .bind, .mountAttributes, .attach, .attachOnHost, .classicMount, .mask, .readOnly,
      .reconfigure, .copyTree:
      .rootfsMount
    case .pivot, .changeRoot: .rootfsPivot
    case .device, .symbolicLink: .rootfsDevice
    case .open, .close, .makeDirectory, .fileModeMask, .closeFrom: .ioFailure
    case .writeProc: .containerStart
    case .write: .cgroupAddProcess
    case .workingDirectory: .workingDirectory
    case .hostname, .domainName: .hostname
    case .interfaceUp: .networkSetup
    case .groups, .ids: .user
    case .boundingCapabilities, .capabilities, .ambientCapabilities: .capability
    case .seccomp: .seccomp
    case .securityLabel, .landlockRuleset, .landlockPath, .landlockPort, .landlockRestrict: .securityModule
    case .terminal, .controllingTerminal, .send: .terminal
    case .join: .namespaceJoin
    case .unshare: .namespaceCreate
    case .resourceLimit, .control, .sessionKeyring, .newSession, .standardStreams, .barrier, .fork, .awaitStart, .signals:
      .containerStart
    case .hook: .hook
    case .execute: .commandNotExecutable
    }
  }
}
