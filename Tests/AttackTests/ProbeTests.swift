import CContainrLinux
import ContainrRuntime
import ContainrRuntimeTestSupport
import ContainrTestSupport
import Glibc
import Testing

/// What a curious program finds when it tries everything: each call is made with arguments that do no harm where it is let
/// through, and that the kernel would not answer with a refusal.
@Suite(.requires(.root, .file("/usr/bin/perl"))) struct ProbeTests {
  struct Probe {
    let name: String
    let number: CInt
    /// Perl, evaluated in the probing program.
    let arguments: String
  }

  /// The calls that a default container may not make, or not so.
  static let refused: [Probe] = {
    let namespaces: [(String, CInt)] = [
      ("user", CL_CLONE_NEWUSER), ("mnt", CL_CLONE_NEWNS), ("net", CL_CLONE_NEWNET), ("pid", CL_CLONE_NEWPID),
      ("uts", CL_CLONE_NEWUTS), ("ipc", CL_CLONE_NEWIPC), ("cgroup", CL_CLONE_NEWCGROUP), ("time", CL_CLONE_NEWTIME),
    ].map { ($0.0, CInt(truncatingIfNeeded: Int64($0.1))) }
    return [
      Probe(name: "mount", number: CInt(SYS_mount), arguments: "$none, $none, $tmpfs, 0, 0"),
      Probe(name: "umount2", number: CInt(SYS_umount2), arguments: "$none, 0"),
      Probe(name: "pivot_root", number: CInt(SYS_pivot_root), arguments: "$none, $none"),
      Probe(name: "fsopen", number: CInt(SYS_fsopen), arguments: "$tmpfs, 1"),
      Probe(name: "open_tree", number: CInt(SYS_open_tree), arguments: "-100, $root, 1"),
      Probe(name: "move_mount", number: CInt(SYS_move_mount), arguments: "-1, $none, -1, $none, 0"),
      Probe(name: "fsmount", number: CInt(SYS_fsmount), arguments: "-1, 0, 0"),
      Probe(name: "fspick", number: CInt(SYS_fspick), arguments: "-100, $none, 0"),
      Probe(name: "mount_setattr", number: CInt(SYS_mount_setattr), arguments: "-1, $none, 0, 0, 0"),
      Probe(name: "setns", number: CInt(SYS_setns), arguments: "-1, 0"),
      Probe(name: "swapon", number: CInt(SYS_swapon), arguments: "$none, 0"),
      Probe(name: "swapoff", number: CInt(SYS_swapoff), arguments: "$none"),
      Probe(name: "acct", number: CInt(SYS_acct), arguments: "$none"),
      Probe(name: "reboot", number: CInt(SYS_reboot), arguments: "0, 0, 0, 0"),
      Probe(name: "kexec_load", number: CInt(SYS_kexec_load), arguments: "0, 99, 0, 0xffff"),
      Probe(name: "kexec_file_load", number: CInt(SYS_kexec_file_load), arguments: "-1, -1, 0, 0, 0xffff"),
      Probe(name: "init_module", number: CInt(SYS_init_module), arguments: "0, 0, 0"),
      Probe(name: "finit_module", number: CInt(SYS_finit_module), arguments: "-1, 0, 0xffff"),
      Probe(name: "delete_module", number: CInt(SYS_delete_module), arguments: "$none, 0x800"),
      Probe(name: "settimeofday", number: CInt(SYS_settimeofday), arguments: "$never, 0"),
      Probe(name: "clock_settime", number: CInt(SYS_clock_settime), arguments: "0, $never"),
      Probe(name: "syslog", number: CInt(SYS_syslog), arguments: "10, 0, 0"),
      Probe(name: "quotactl", number: CInt(SYS_quotactl), arguments: "0x80000100, $none, 0, 0"),
      Probe(name: "bpf", number: CInt(SYS_bpf), arguments: "5, 0, 0"),
      Probe(name: "perf_event_open", number: CInt(SYS_perf_event_open), arguments: "0, 0, -1, -1, 0"),
      Probe(name: "userfaultfd", number: CInt(SYS_userfaultfd), arguments: "0"),
      Probe(name: "io_uring_setup", number: CInt(SYS_io_uring_setup), arguments: "1, 0"),
      Probe(name: "keyctl", number: CInt(SYS_keyctl), arguments: "0, -3, 0, 0, 0"),
      Probe(name: "add_key", number: CInt(SYS_add_key), arguments: "0, 0, 0, 0, 0"),
      Probe(name: "request_key", number: CInt(SYS_request_key), arguments: "0, 0, 0, 0"),
      Probe(name: "open_by_handle_at", number: CInt(SYS_open_by_handle_at), arguments: "-1, 0, 0"),
      Probe(name: "fanotify_init", number: CInt(SYS_fanotify_init), arguments: "0, 0"),
      Probe(name: "lookup_dcookie", number: CInt(SYS_lookup_dcookie), arguments: "0, 0, 0"),
      Probe(name: "pidfd_getfd", number: CInt(SYS_pidfd_getfd), arguments: "-1, 0, 0"),
      Probe(name: "sethostname", number: CInt(SYS_sethostname), arguments: "$none, 1"),
      Probe(name: "setdomainname", number: CInt(SYS_setdomainname), arguments: "$none, 1"),
      Probe(name: "vhangup", number: CInt(SYS_vhangup), arguments: ""),
      Probe(name: "personality of another system", number: CInt(SYS_personality), arguments: "0x0a"),
      Probe(name: "clone3", number: 435, arguments: "0, 0"),
      Probe(name: "AF_ALG", number: CInt(SYS_socket), arguments: "38, 5, 0"),
      Probe(name: "AF_VSOCK", number: CInt(SYS_socket), arguments: "40, 1, 0"),
    ]
      + namespaces.map { Probe(name: "unshare \($0.0)", number: CInt(SYS_unshare), arguments: "\(UInt32(bitPattern: $0.1))") }
      + namespaces.filter { $0.0 != "time" }.map {
        Probe(name: "clone \($0.0)", number: CInt(SYS_clone), arguments: "\(UInt32(bitPattern: $0.1) | 17), 0, 0, 0, 0")
      }
  }()

  /// Makes each call in a child of its own, and prints its name and the error's number, 0 for none.
  private static func script(_ probes: [Probe]) -> String {
    """
    my ($none, $tmpfs, $root, $never) = ("/nonexistent", "tmpfs", "/", pack("q2", 0, 1 << 60));
    sub probe {
      my ($name, $number, @arguments) = @_;
      pipe(my $reader, my $writer);
      if (!fork) {
        my $self = $$;
        local $! = 0;
        my $result = syscall($number, @arguments);
        my $error = $result == -1 ? $! + 0 : 0;
        POSIX::_exit(0) if $number == \(SYS_clone) && $result == 0;
        syswrite $writer, $error;
        POSIX::_exit(0);
      }
      close $writer;
      wait;
      print "$name: ", scalar <$reader>, "\\n";
    }
    use POSIX ();

    """
      + probes.map { "probe('\($0.name)', \($0.number)\($0.arguments.isEmpty ? "" : ", ")\($0.arguments));" }
      .joined(separator: "\n")
  }

  private static func answers(_ output: String) -> [String: CInt] {
    var answers: [String: CInt] = [:]
    for line in output.split(separator: "\n") {
      guard let colon = line.lastIndex(of: ":") else { continue }
      answers[String(line[..<colon])] = CInt(line[colon...].dropFirst(2))
    }
    return answers
  }

  @Test func everyDangerousCallIsRefusedInADefaultContainer() async throws {
    try await MachineFixture.with { fixture in
      let (output, status) = try await fixture.run(fixture.configuration(["perl", "-e", Self.script(Self.refused)]))
      #expect(status.isSuccess, "\(output)")
      let answers = Self.answers(output)
      for probe in Self.refused {
        let answer = answers[probe.name]
        #expect(answer == EPERM || answer == ENOSYS || answer == EACCES, "\(probe.name): \(answer ?? -1)")
      }
    }
  }

  // Without the walls the same calls are answered otherwise, so that the test above says something.
  @Test func withoutTheWallsTheKernelAnswersMostOfTheSameCalls() async throws {
    try await MachineFixture.with { fixture in
      var configuration = fixture.configuration(["perl", "-e", Self.script(Self.refused)])
      configuration.makePrivileged()
      let answers = Self.answers(try await fixture.run(configuration).output)
      #expect(answers.count == Self.refused.count)
      let refused = Self.refused.filter { answers[$0.name] == EPERM || answers[$0.name] == ENOSYS }.map(\.name)

      // What the kernel was built without, and what a privileged container without CAP_SYS_RESOURCE cannot do.
      #expect(refused.count < Self.refused.count / 4, "\(refused)")
    }
  }
}
