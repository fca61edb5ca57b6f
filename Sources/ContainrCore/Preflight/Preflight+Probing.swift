import Glibc

extension Preflight {
  /// Decides for each feature whether it is there: by asking the kernel where a question without effect exists, else by
  /// kernel files, else by the version.
  struct Probing {
    let kernel: KernelVersion
    let cgroups: Cgroups
    let capabilities: UInt64
    /// Whether an overlay context tells what it knows. Before Linux 6.5 it took every option and judged them at the mount.
    private var overlayAnswers: Bool?

    init(kernel: KernelVersion, cgroups: Cgroups, capabilities: UInt64) {
      self.kernel = kernel
      self.cgroups = cgroups
      self.capabilities = capabilities
    }

    mutating func status(of name: KernelFeature, _ source: PreflightSource) -> Status {
      switch name {
      case .mountNamespace, .utsNamespace, .ipcNamespace, .pidNamespace, .networkNamespace, .cgroupNamespace, .timeNamespace:
        namespace(name, source)
      case .userNamespace: userNamespace(source)
      case .unprivilegedUserNamespaces: unprivilegedUserNamespaces(source)
      case .idMapPrograms: idMapPrograms(source)
      case .cgroups:
        cgroups.layout == .none
          ? .missing(reason: "no cgroup file system is mounted", hint: "mount -t cgroup2 cgroup2 /sys/fs/cgroup") : .available
      case .overlay:
        hasFileSystem("overlay", source)
          ? .available
          : .missing(
            reason: "/proc/filesystems does not list overlay", hint: "load the module: modprobe overlay (CONFIG_OVERLAY_FS)")
      case .overlayVolatile: overlayOption(name, .overlayOption("volatile"), source)
      case .overlayUserAttributes: overlayOption(name, .overlayOption("userxattr"), source)
      case .overlayLayerAppend: overlayOption(name, .overlayOption("lowerdir+"), source)
      case .overlayDataOnly: overlayOption(name, .overlayOption("datadir+"), source)
      case .overlayDescriptors: overlayOption(name, .overlayDescriptor, source)
      case .mountAPI: call(name, source.probe(.fsopen))
      case .mountSetAttributes: call(name, source.probe(.mountSetAttributes))
      case .idMappedMounts: idMappedMounts(source)
      case .openat2: call(name, source.probe(.openat2))
      case .clone3: call(name, source.probe(.clone3))
      case .cloneIntoCgroup: cloneIntoCgroup(source)
      case .closeRange: call(name, source.probe(.closeRange))
      case .pidfd: call(name, source.probe(.pidfd))
      case .pidfdInformation: pidfdInformation(source)
      case .seccomp, .seccompNotification: seccomp(name, source)
      case .landlock: landlock(source)
      }
    }

    // MARK: Calls

    /// A call that does not exist is missing; any other answer than ENOSYS proves it.
    private func call(_ name: KernelFeature, _ result: CInt) -> Status { result == -ENOSYS ? absent(name) : .available }

    private func absent(_ name: KernelFeature, _ reason: String? = nil) -> Status {
      if let fallback = name.fallback { return .degraded(fallback: fallback) }
      guard let minimum = name.minimumKernel, kernel < minimum else {
        return .missing(
          reason: reason ?? "Linux \(kernel) answers that it does not exist",
          hint: "the kernel was built without it, or a seccomp filter around this process hides it")
      }
      return .missing(
        reason: reason ?? "Linux \(kernel) does not have it", hint: "boot Linux \(minimum) or newer")
    }

    private func idMappedMounts(_ source: PreflightSource) -> Status {
      if source.probe(.mountSetAttributes) == -ENOSYS { return absent(.idMappedMounts) }
      return source.exists("/proc/self/ns/user") ? .available : absent(.idMappedMounts, "the kernel has no user namespaces")
    }

    private func cloneIntoCgroup(_ source: PreflightSource) -> Status {
      // Only cgroup v2 directories can be given: without one the flag has no use.
      guard source.probe(.cloneIntoCgroup) == -EBADF, cgroups.unified != nil else { return absent(.cloneIntoCgroup) }
      return .available
    }

    private func pidfdInformation(_ source: PreflightSource) -> Status {
      let result = source.probe(.pidfdInformation)
      let isKnown = result >= 0 || result == -ENODATA
      return isKnown && kernel >= KernelVersion(6, 15) ? .available : absent(.pidfdInformation)
    }

    private func landlock(_ source: PreflightSource) -> Status {
      switch source.probe(.landlock) {
      case 1...: .available
      case -EOPNOTSUPP: .missing(reason: "it is built in and not enabled", hint: "add landlock to the kernel's lsm= parameter")
      default: absent(.landlock)
      }
    }

    private func seccomp(_ name: KernelFeature, _ source: PreflightSource) -> Status {
      let actions = source.text("/proc/sys/kernel/seccomp/actions_avail")?.split { $0 == " " || $0 == "\n" }
      let needed: Substring = name == .seccomp ? "errno" : "user_notif"
      return actions?.contains(needed) == true
        ? .available : absent(name, "/proc/sys/kernel/seccomp/actions_avail does not list \(needed)")
    }

    // MARK: Namespaces

    private func namespace(_ name: KernelFeature, _ source: PreflightSource) -> Status {
      let file = "/proc/self/ns/" + name.rawValue.dropFirst("namespace.".count)
      return source.exists(file) ? .available : absent(name, "there is no \(file)")
    }

    private func number(_ path: String, _ source: PreflightSource) -> Int? {
      source.text(path).flatMap { Int($0.prefix { $0 != "\n" }) }
    }

    private func userNamespace(_ source: PreflightSource) -> Status {
      let existence = namespace(.userNamespace, source)
      guard existence == .available, number("/proc/sys/user/max_user_namespaces", source) == 0 else { return existence }
      return .denied(
        reason: "/proc/sys/user/max_user_namespaces is 0", hint: "sysctl -w user.max_user_namespaces=15000")
    }

    private func unprivilegedUserNamespaces(_ source: PreflightSource) -> Status {
      let status = userNamespace(source)
      guard status == .available else { return status }
      if number("/proc/sys/kernel/unprivileged_userns_clone", source) == 0 {
        return .denied(
          reason: "/proc/sys/kernel/unprivileged_userns_clone is 0", hint: "sysctl -w kernel.unprivileged_userns_clone=1")
      }
      if let restriction = number("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", source), restriction != 0 {
        return .denied(
          reason: "AppArmor restricts them (kernel.apparmor_restrict_unprivileged_userns)",
          hint: "give the program an AppArmor profile with the rule \"userns,\", or set the sysctl to 0")
      }
      return .available
    }

    private func idMapPrograms(_ source: PreflightSource) -> Status {
      for name in ["newuidmap", "newgidmap"] {
        let programs = ["/usr/bin/", "/bin/", "/usr/local/bin/", "/usr/sbin/"].compactMap { source.program($0 + name) }
        guard let program = programs.first else {
          return .missing(reason: "\(name) is not installed", hint: "apt-get install uidmap")
        }
        guard program.isSetUserID || program.hasCapabilities else {
          return .denied(reason: "\(name) is neither set-user-id nor has capabilities", hint: "chmod u+s \(name)")
        }
      }
      return .available
    }

    // MARK: Overlay

    private func hasFileSystem(_ type: String, _ source: PreflightSource) -> Bool {
      (source.text("/proc/filesystems") ?? "").split(separator: "\n").contains { line in
        line.split { $0 == "\t" || $0 == " " }.last.map(String.init) == type
      }
    }

    private mutating func overlayOption(
      _ name: KernelFeature, _ probe: PreflightSource.Probe, _ source: PreflightSource
    ) -> Status {
      guard hasFileSystem("overlay", source) else { return .missing(reason: "there is no overlay", hint: "modprobe overlay") }
      let answers: Bool
      if let known = overlayAnswers {
        answers = known
      } else {
        answers = source.probe(.overlay) >= 0 && source.probe(.overlayOption("containr-no-such-option")) == -EINVAL
        overlayAnswers = answers
      }
      let isThere = answers ? source.probe(probe) >= 0 : name.minimumKernel.map { kernel >= $0 } ?? false
      return isThere ? .available : absent(name)
    }
  }
}
