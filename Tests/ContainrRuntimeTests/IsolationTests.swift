import CContainrLinux
import ContainrRuntime
import ContainrTestSupport
import Glibc
import SystemPackage
import Testing

@Suite(.requires(.root, .file("/bin/busybox"))) struct IsolationTests {
  @Test func theHostNameIsTheContainersAndTheHostKeepsItsOwn() async throws {
    try await Fixture.with { fixture in
      let before = try FileContents.text("/proc/sys/kernel/hostname")
      let (output, _) = try await fixture.shell("hostname; cat /proc/sys/kernel/domainname") {
        $0.hostname = "inside-only"
        $0.domainName = "domain.inside"
      }
      #expect(output == "inside-only\ndomain.inside\n")
      #expect(try FileContents.text("/proc/sys/kernel/hostname") == before)
    }
  }

  @Test func theHostNameIsTheShortIdByDefault() async throws {
    try await Fixture.with { fixture in
      var configuration = fixture.configuration("sh", "-c", "hostname; echo $HOSTNAME")
      configuration.id = try ContainerID("some-long-name-of-a-container")
      #expect(try await fixture.run(configuration).output == "some-long-na\nsome-long-na\n")
    }
  }

  @Test(arguments: [ContainerConfiguration.WritableLayer.disk, .memory(limit: .mebibytes(16)), .none])
  func theHostSeesNoMountOfARunningContainer(_ layer: ContainerConfiguration.WritableLayer) async throws {
    try await Fixture.with { fixture in
      let before = try FileContents.text("/proc/self/mountinfo").split(separator: "\n").count
      try await fixture.withShell {
        $0.writableLayer = layer
      } _: { container in
        let table = try FileContents.text("/proc/self/mountinfo")
        #expect(!table.contains(container.id.description))
        #expect(!table.contains(fixture.state.path.string))
        #expect(before > 0)
      }
    }
  }

  @Test func everyNamespaceButTheUsersIsTheContainersOwn() async throws {
    try await Fixture.with { fixture in
      let (output, _) = try await fixture.shell("for n in mnt uts ipc pid net cgroup user; do readlink /proc/self/ns/$n; done")
      let inside = output.split(separator: "\n").map(String.init)
      try #require(inside.count == 7)
      for (index, name) in ["mnt", "uts", "ipc", "pid", "net", "cgroup", "user"].enumerated() {
        var buffer = [CChar](repeating: 0, count: 64)
        let count = readlink("/proc/self/ns/\(name)", &buffer, 64)
        let outside = String(decoding: buffer[..<count].map(UInt8.init(bitPattern:)), as: UTF8.self)
        #expect((inside[index] == outside) == (name == "user"), "\(name)")
      }
    }
  }

  @Test func messageQueuesAndSharedMemoryOfTheHostAreNotThere() async throws {
    try await Fixture.with { fixture in
      let queue = msgget(IPC_PRIVATE, 0o600)
      try #require(queue >= 0)
      defer { msgctl(queue, IPC_RMID, nil) }
      let (output, _) = try await fixture.shell(
        "tail -n +2 /proc/sysvipc/msg; tail -n +2 /proc/sysvipc/shm; ls -A /dev/mqueue /dev/shm")
      #expect(output == "/dev/mqueue:\n\n/dev/shm:\n")
    }
  }

  @Test func networkNoneHasTheLoopbackInterfaceOnlyAndItIsUp() async throws {
    try await Fixture.with { fixture in
      let (output, _) = try await fixture.shell(
        "ls /sys/class/net; cat /sys/class/net/lo/flags; ping -c1 -W1 127.0.0.1 | grep -c 'bytes from'")
      // IFF_UP 1, IFF_LOOPBACK 8.
      #expect(output == "lo\n0x9\n1\n")
    }
  }

  @Test func networkHostHasTheHostsInterfaces() async throws {
    try await Fixture.with { fixture in
      let (output, _) = try await fixture.shell("readlink /proc/self/ns/net; ls /sys/class/net") { $0.network = .host }
      var buffer = [CChar](repeating: 0, count: 64)
      let count = readlink("/proc/self/ns/net", &buffer, 64)
      let namespace = String(decoding: buffer[..<count].map(UInt8.init(bitPattern:)), as: UTF8.self)
      let names = try FileTree.names(in: "/sys/class/net").sorted()
      #expect(output.split(separator: "\n").map(String.init).sorted() == ([namespace] + names).sorted())
    }
  }

  // CVE-2020-15257: an abstract socket has no owner and no mode, only a network namespace.
  @Test func cve_2020_15257_containrListensOnNoAbstractSocketThatAContainerOnTheHostsNetworkCouldReach() async throws {
    try await Fixture.with { fixture in
      try await fixture.withShell {
        $0.network = .host
      } _: { container in
        let (output, status) = try await fixture.execute("cat /proc/net/unix", in: container)
        #expect(status.isSuccess)
        // A leading @ stands for the zero byte of an abstract name. Those of other programs on this machine are not ours.
        let abstract = output.split(separator: "\n").filter { $0.contains(" @") && $0.contains("containr") }
        #expect(abstract.isEmpty)
      }
    }
  }

  // MARK: Files of the kernel

  @Test func cve_2022_0492_sysIsReadOnlyAndSoAreTheCgroups() async throws {
    try await Fixture.with { fixture in
      let (output, _) = try await fixture.shell(
        """
        touch /sys/x 2>&1 | grep -c 'Read-only'
        echo 1 2>/dev/null > /sys/kernel/uevent_seqnum || echo refused
        ls /sys/fs/cgroup | grep -q . && echo shown
        mkdir /sys/fs/cgroup/$(ls /sys/fs/cgroup | head -1)/x 2>/dev/null || echo refused
        cat /proc/self/cgroup | grep -vc ':/$'
        """)
      #expect(output == "1\nrefused\nshown\nrefused\n0\n")
    }
  }

  @Test func devHasTheStandardNodesAndLinks() async throws {
    try await Fixture.with { fixture in
      let (output, _) = try await fixture.shell(
        """
        for n in null zero full random urandom tty; do stat -c '%n %t:%T %a %u:%g' /dev/$n; done
        for l in fd stdin stdout stderr ptmx core; do echo $l $(readlink /dev/$l); done
        head -c 4 /dev/zero | hexdump -v -e '/1 "%x"'; echo
        echo x > /dev/full 2>/dev/null || echo full
        head -c 8 /dev/urandom | wc -c
        ls /dev | tr '\\n' ' '
        """)
      #expect(
        output == """
          /dev/null 1:3 666 0:0
          /dev/zero 1:5 666 0:0
          /dev/full 1:7 666 0:0
          /dev/random 1:8 666 0:0
          /dev/urandom 1:9 666 0:0
          /dev/tty 5:0 666 0:0
          fd /proc/self/fd
          stdin /proc/self/fd/0
          stdout /proc/self/fd/1
          stderr /proc/self/fd/2
          ptmx pts/ptmx
          core /proc/kcore
          0000
          full
          8
          core fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero\u{20}
          """)
    }
  }

  @Test func terminalsOfTheContainerAreItsOwn() async throws {
    try await Fixture.with { fixture in
      let (output, _) = try await fixture.shell("ls /dev/pts; stat -c %a /dev/pts/ptmx")
      #expect(output == "ptmx\n666\n")
    }
  }

  @Test func maskedFilesAreEmptyAndMaskedDirectoriesShowNothing() async throws {
    try await Fixture.with { fixture in
      let paths = MaskedPaths.default.filter { access($0, F_OK) == 0 }
      try #require(paths.contains("/proc/keys") && paths.contains("/sys/firmware"))
      let (output, _) = try await fixture.shell(
        """
        for p in \(paths.joined(separator: " ")); do
          if [ -d $p ]; then [ -z "$(ls -A $p)" ] && touch $p/x 2>&1 | grep -q Read-only && echo $p hidden
          else [ -z "$(cat $p)" ] && stat -c '%n %t:%T' $p; fi
        done
        """)
      let lines = output.split(separator: "\n").map(String.init)
      var expected: [String] = []
      for path in paths {
        var status = stat()
        stat(path, &status)
        expected.append(status.st_mode & S_IFMT == S_IFDIR ? "\(path) hidden" : "\(path) 1:3")
      }
      #expect(lines == expected)
    }
  }

  @Test func readOnlyPathsAreReadOnlyMountsAndRefuseWrites() async throws {
    try await Fixture.with { fixture in
      let (output, _) = try await fixture.shell(
        """
        awk '$5 ~ "^/proc/" && $6 ~ "^ro" {print $5}' /proc/self/mountinfo | sort | tr '\\n' ' '; echo
        echo 1 2>&1 > /proc/sys/vm/overcommit_memory || echo refused
        echo b 2>&1 > /proc/sysrq-trigger || echo refused
        """)
      let expected = ReadonlyPaths.default.filter { access($0, F_OK) == 0 }.sorted()
      let mounts = output.split(separator: "\n").first.map { $0.split(separator: " ").map(String.init) } ?? []
      #expect(Set(expected).isSubset(of: Set(mounts)), "\(mounts)")
      #expect(output.components(of: "refused") == 2, "\(output)")
    }
  }

  @Test func theHostsDiskCannotBeOpenedThoughANodeForItCanBeMade() async throws {
    try await Fixture.with { fixture in
      let (output, _) = try await fixture.shell(
        """
        for number in 7:0 8:0 254:0; do
          mknod /disk b ${number%:*} ${number#*:} && echo made
          head -c 1 /disk 2>&1 | grep -c 'Operation not permitted'
          rm /disk
        done
        mknod /kmsg c 1 11 && head -c 1 /kmsg 2>&1 | grep -c 'Operation not permitted'
        """)
      #expect(output == "made\n1\nmade\n1\nmade\n1\n1\n")
    }
  }
}

extension String {
  func components(of part: String) -> Int {
    var count = 0
    var rest = self[...]
    while let range = rest.firstRange(of: part) {
      count += 1
      rest = rest[range.upperBound...]
    }
    return count
  }
}
