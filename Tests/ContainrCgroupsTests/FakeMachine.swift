import ContainrCgroups
import ContainrCore
import ContainrTestSupport
import SystemPackage

/// A temporary directory that poses as /, with a mount table: files are ordinary and made when they are written.
struct FakeMachine {
  enum Kind { case v1, v2, hybrid }

  var root: FilePath
  var mountInfo: [UInt8]

  func layout() throws -> CgroupLayout { try CgroupLayout(mountInfo: mountInfo, root: root) }

  func text(_ path: String) throws -> String? { try FileContents.textIfPresent(FilePath(root.string + path)) }
  func exists(_ path: String) throws -> Bool {
    try FileTree.names(in: FilePath(root.string + path).removingLastComponent()).contains(
      FilePath(path).lastComponent?.string ?? "")
  }

  private static let base = """
    23 1 0:2 / / rw - ext4 /dev/vda rw
    30 23 0:20 / /sys rw - sysfs sysfs rw
    31 30 0:28 / /sys/fs/cgroup rw,relatime shared:9 - tmpfs tmpfs rw,mode=755

    """
  static let v1 = Array(
    (base + """
      32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct
      33 31 0:32 / /sys/fs/cgroup/memory rw,relatime shared:11 - cgroup cgroup rw,memory
      34 31 0:33 / /sys/fs/cgroup/pids rw,relatime - cgroup cgroup rw,pids
      35 31 0:34 / /sys/fs/cgroup/devices rw,relatime - cgroup cgroup rw,devices
      36 31 0:35 / /sys/fs/cgroup/freezer rw,relatime - cgroup cgroup rw,freezer
      37 31 0:36 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,xattr,name=systemd
      38 31 0:37 / /sys/fs/cgroup/cpuset rw,relatime - cgroup cgroup rw,cpuset

      """).utf8)
  static let v2 = Array(
    """
    23 1 0:2 / / rw - ext4 /dev/vda rw
    30 23 0:20 / /sys rw - sysfs sysfs rw
    31 30 0:28 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate,memory_recursiveprot

    """.utf8)
  static let hybrid = v1 + Array("39 31 0:40 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n".utf8)
}

func withFakeMachine(_ kind: FakeMachine.Kind, _ body: (FakeMachine) throws -> Void) async throws {
  try await withTemporaryDirectory { root in
    func make(_ name: String) throws { try FileTree.makeDirectories(FilePath(root.string + "/sys/fs/cgroup/" + name)) }
    func write(_ path: String, _ text: String) throws {
      try FileContents.replace(FilePath(root.string + path), with: text.utf8, durable: false)
    }
    let table: [UInt8]
    switch kind {
    case .v1, .hybrid:
      for name in ["cpu,cpuacct", "memory", "pids", "devices", "freezer", "systemd", "cpuset"] { try make(name) }
      table = kind == .v1 ? FakeMachine.v1 : FakeMachine.hybrid
      if kind == .hybrid {
        try make("unified")
        try write("/sys/fs/cgroup/unified/cgroup.controllers", "hugetlb\n")
      }
    case .v2:
      try FileTree.makeDirectories(FilePath(root.string + "/sys/fs/cgroup"))
      try write("/sys/fs/cgroup/cgroup.controllers", "cpuset cpu io memory pids\n")
      table = FakeMachine.v2
    }
    try body(FakeMachine(root: root, mountInfo: table))
  }
}
