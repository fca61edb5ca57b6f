import ContainrCore
import Testing

@testable import ContainrSecurity

@Suite struct DefaultProfileTests {
  static let filter = Result { try FilterSimulator(SeccompFilter(compiling: .containerDefault())) }
  let simulator: FilterSimulator

  init() throws { simulator = try Self.filter.get() }

  /// The calls that Docker documents as refused by default, and what else the kernel has of their kinds.
  static let refused = [
    "acct", "add_key", "bpf", "clock_settime", "create_module", "delete_module", "finit_module", "get_kernel_syms",
    "get_mempolicy", "init_module", "ioperm", "iopl", "io_uring_enter", "io_uring_register", "io_uring_setup", "kcmp",
    "kexec_file_load", "kexec_load", "keyctl", "lookup_dcookie", "mbind", "mount", "move_pages", "nfsservctl",
    "open_by_handle_at", "perf_event_open", "pivot_root", "query_module", "quotactl", "reboot", "request_key", "set_mempolicy",
    "setns", "settimeofday", "swapon", "swapoff", "sysfs", "_sysctl", "umount2", "unshare", "uselib", "userfaultfd", "ustat",
    "fsopen", "fsconfig", "fsmount", "fspick", "move_mount", "open_tree", "mount_setattr", "pidfd_getfd", "process_madvise",
    "sethostname", "setdomainname", "syslog", "vhangup", "fanotify_init",
  ]

  @Test(arguments: refused) func refusesWithEPERM(name: String) throws {
    #expect(try simulator.decide(name) == Returned.eperm)
    // x32 never had the oldest ones.
    if simulator.has(name, on: .x32) { #expect(try simulator.decide(name, on: .x32) == Returned.eperm) }
    #expect(try simulator.decide(name, [.max, .max, .max, .max, .max, .max]) == Returned.eperm)
  }

  @Test(arguments: ["mount", "umount", "umount2", "stime", "vm86", "vm86old", "keyctl", "unshare", "clock_settime64", "reboot"])
  func refusesOn32BitsToo(name: String) throws {
    #expect(try simulator.decide(name, on: .x86) == Returned.eperm)
  }

  @Test(arguments: [
    "read", "openat", "openat2", "execve", "execveat", "futex", "futex_waitv", "mmap", "rseq", "statx", "chroot", "mknod",
    "chown",
    "setuid", "setgroups", "capset", "ptrace", "process_vm_readv", "seccomp", "prctl", "ioctl", "epoll_pwait2", "memfd_create",
    "mseal", "statmount", "setxattrat", "cachestat", "file_getattr",
    "pidfd_open", "pidfd_send_signal", "close_range", "landlock_restrict_self", "faccessat2", "getrandom", "membarrier",
    "copy_file_range", "name_to_handle_at", "sched_setaffinity", "shmget", "mq_open", "inotify_init1", "adjtimex", "arch_prctl",
    "modify_ldt", "io_setup", "connect", "accept4", "sendmmsg", "fork", "vfork", "wait4", "personality",
  ])
  func allowsWhatProgramsNeed(name: String) throws {
    #expect(try simulator.decide(name) == Returned.allow)
  }

  @Test func threadsAndProcessesMayBeMadeButNoNamespaces() throws {
    let thread: UInt64 = 0x003d_0f00
    #expect(try simulator.decide("clone", [thread]) == Returned.allow)
    #expect(try simulator.decide("clone", [17]) == Returned.allow)
    for flag in [0x0002_0000, 0x0200_0000, 0x0400_0000, 0x0800_0000, 0x1000_0000, 0x2000_0000, 0x4000_0000] as [UInt64] {
      for architecture in SeccompArchitecture.ofMachine {
        #expect(try simulator.decide("clone", [thread | flag], on: architecture) == Returned.eperm)
      }
      #expect(try simulator.decide("clone", [0xdead_beef_0000_0000 | flag]) == Returned.eperm)
    }
  }

  @Test func clone3AnswersENOSYSSoThatLibrariesUseClone() throws {
    for architecture in SeccompArchitecture.ofMachine {
      #expect(try simulator.decide("clone3", on: architecture) == Returned.enosys)
    }
  }

  @Test func personalityTakesTheDocumentedValuesOnly() throws {
    for value in [0, 8, 0x2_0000, 0x2_0008, 0xffff_ffff, 0xffff_ffff_ffff_ffff] as [UInt64] {
      #expect(try simulator.decide("personality", [value]) == Returned.allow)
    }
    for value in [1, 9, 0x4_0000, 0x10_0000, 0x7fff_ffff, 0xffff_ffff_0004_0000] as [UInt64] {
      #expect(try simulator.decide("personality", [value]) == Returned.eperm)
    }
  }

  @Test("CVE-2019-10063: the upper half of an argument opens nothing", arguments: ["socket", "socketpair"])
  func socketFamilies(name: String) throws {
    for architecture in SeccompArchitecture.ofMachine {
      for family in UInt64(0)..<64 {
        let expected = family == 38 || family == 40 || family > 47 ? Returned.eperm : Returned.allow
        #expect(try simulator.decide(name, [family], on: architecture) == expected, "family \(family)")
      }
    }
    for high in [1, 0x8000_0000, 0xffff_ffff] as [UInt64] {
      #expect(try simulator.decide(name, [high << 32 | 40]) == Returned.eperm)
      #expect(try simulator.decide(name, [high << 32 | 38]) == Returned.eperm)
      #expect(try simulator.decide(name, [high << 32 | 1]) == Returned.allow)
    }
  }

  @Test("seccomp bypass by another ABI: socketcall(2) makes no socket")
  func socketcall() throws {
    // socket and socketpair have conditions, which no filter can check behind a pointer.
    #expect(try simulator.run(.x86, 102, [1]).value == Returned.eperm)
    #expect(try simulator.run(.x86, 102, [8]).value == Returned.eperm)
    for call in [2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20] as [UInt64] {
      #expect(try simulator.run(.x86, 102, [call]).value == Returned.allow, "call \(call)")
    }
    #expect(try simulator.run(.x86, 102, [21]).value == Returned.eperm)
  }

  @Test func systemVCallsWorkThroughIpcOn32Bits() throws {
    for call in [1, 2, 3, 4, 11, 12, 13, 14, 21, 22, 23, 24] as [UInt64] {
      #expect(try simulator.run(.x86, 117, [call]).value == Returned.allow)
    }
    for call in [0, 5, 10, 25, 0x1_0015] as [UInt64] { #expect(try simulator.run(.x86, 117, [call]).value == Returned.eperm) }
  }

  @Test("seccomp bypass by another ABI: foreign architectures end the process")
  func otherArchitectures() throws {
    for token in [.aarch64, .arm, SeccompArchitecture(rawValue: 0), SeccompArchitecture(rawValue: 0x8000_0016)] {
      #expect(try simulator.run(token, 0).value == Returned.killProcess)
    }
  }

  @Test func newerCallsAnswerENOSYSSoThatLibrariesFallBack() throws {
    for number in [470, 500, 512, 547, 1000, 0x3fff_ffff] as [UInt32] {
      #expect(try simulator.run(.x86_64, number).value == Returned.enosys)
      #expect(try simulator.run(.x86, number).value == Returned.enosys)
    }
    #expect(try simulator.run(.x32, 0x4000_0000 | 600).value == Returned.enosys)
    #expect(try simulator.run(.x86_64, 0xffff_ffff).value == Returned.enosys)
  }

  /// The whole table against an independent reading of the rules.
  @Test(arguments: [
    CapabilitySet.dockerDefault, [], .named, [.sysAdmin], [.sysModule, .sysTime, .bpf],
  ])
  func filterDecidesAsTheProfileSays(capabilities: CapabilitySet) throws {
    let profile = SeccompProfile.containerDefault(for: capabilities)
    let simulator = FilterSimulator(try SeccompFilter(compiling: profile))
    let samples: [UInt64] = [0, 1, 8, 17, 40, 44, 0x2_0008, 0x1000_0000, 0x7e02_0000, 0xffff_ffff]
    for architecture in SeccompArchitecture.ofMachine {
      let newest = profile.newest(on: architecture)
      let base: UInt32 = architecture == .x32 ? 0x4000_0000 : 0
      for number in base..<(base + 560) where !(architecture == .x86 && (number == 102 || number == 117)) {
        for sample in samples {
          let arguments = [sample, 0, sample, 0, 0, 0]
          let actual = try simulator.run(architecture, number, arguments).value
          let expected = profile.expected(architecture, number, arguments, newest: newest)
          #expect(actual == expected.returnValue, "\(architecture.rawValue) \(number) \(sample): \(expected)")
        }
      }
    }
  }

  @Test(arguments: [
    (
      Capability.sysAdmin,
      ["mount", "umount2", "unshare", "setns", "bpf", "fsopen", "open_tree_attr", "clone3", "sethostname", "pivot_root"]
    ),
    (.sysModule, ["init_module", "finit_module", "delete_module"]), (.sysPtrace, ["kcmp", "pidfd_getfd", "userfaultfd"]),
    (.sysTime, ["settimeofday", "clock_settime"]), (.sysRawio, ["iopl", "ioperm"]), (.sysBoot, ["reboot"]),
    (.dacReadSearch, ["open_by_handle_at"]), (.bpf, ["bpf"]), (.perfmon, ["perf_event_open"]), (.sysNice, ["mbind"]),
    (.syslog, ["syslog"]), (.sysTtyConfig, ["vhangup"]), (.sysPacct, ["acct"]), (.sysChroot, ["chroot"]),
  ])
  func capabilityOpensItsCallsAndNothingElseOpensThem(capability: Capability, names: [String]) throws {
    let with = FilterSimulator(try SeccompFilter(compiling: .containerDefault(for: [capability])))
    let without = FilterSimulator(try SeccompFilter(compiling: .containerDefault(for: [])))
    for name in names {
      #expect(try with.decide(name) == Returned.allow)
      #expect(try without.decide(name) != Returned.allow)
    }
  }

  @Test func namespacesByCloneNeedSysAdmin() throws {
    let with = FilterSimulator(try SeccompFilter(compiling: .containerDefault(for: [.sysAdmin])))
    #expect(try with.decide("clone", [0x1000_0011]) == Returned.allow)
  }

  @Test(arguments: ["keyctl", "add_key", "kexec_load", "kexec_file_load", "swapon", "io_uring_setup"])
  func someCallsStayClosedWithEveryCapability(name: String) throws {
    let all = FilterSimulator(try SeccompFilter(compiling: .containerDefault(for: .named)))
    #expect(try all.decide(name) == Returned.eperm)
  }

  @Test(arguments: ["read", "write", "futex", "openat", "mmap", "epoll_wait", "clock_gettime"])
  func frequentCallsAreDecidedInFewInstructions(name: String) throws {
    let number = try simulator.number(of: name, on: .native)
    #expect(try simulator.run(.native, number).steps <= 16)
  }

  @Test func gatesAreTheCapabilitiesOfTheTable() {
    #expect(ContainerSystemCalls.gates == CapabilitySet(ContainerSystemCalls.gated.map(\.capability)))
  }

  @Test func everyCallIsListedOnce() {
    let open = ContainerSystemCalls.open
    let gated = Set(ContainerSystemCalls.gated.flatMap(\.names))
    #expect(Set(open).count == open.count)
    #expect(gated.isDisjoint(with: open) && gated.isDisjoint(with: ContainerSystemCalls.closed))
    #expect(Set(open).isDisjoint(with: ContainerSystemCalls.closed))
  }

  /// Cached filters are named after the revision: a changed profile with the old revision would never be loaded.
  @Test func changedProfileHasARaisedRevision() {
    let content = [CapabilitySet.dockerDefault, .named, []].map { SeccompProfile.containerDefault(for: $0).canonicalText }
    let recorded = [2: "sha256:169ea7daaa5c02c1a426e23b48125752648ff753eed8613f0e76c0d862b69cc5"]
    #expect(Digest(of: content.joined().utf8).description == recorded[SeccompProfile.containerDefaultRevision])
  }
}
