import CContainrLinux
import ContainrCore
import Glibc
import SystemPackage

/// Device rules as an eBPF program of type `BPF_PROG_TYPE_CGROUP_DEVICE` (`cgroup-v2.rst` Device controller).
///
/// The kernel calls it with kind, wanted access, major and minor number before a device node is made or opened, and refuses
/// with `EPERM` where it returns 0. The rules are tried from the last to the first; each takes the access that it allows
/// off what is wanted, and nothing left is success: so for each bit of access the last rule that names it counts.
struct DeviceProgram {
  private(set) var instructions: [BPFInstruction] = []

  init(_ rules: [DeviceRule]) {
    // struct bpf_cgroup_dev_ctx { __u32 access_type; /* access << 16 | kind */ __u32 major; __u32 minor; }
    instructions = [
      .load32(.r2, from: .r1, offset: 0),
      .move(.r3, .r2),
      .and(.r2, 0xffff),  // kind: 1 block, 2 character
      .shiftRight(.r3, 16),  // wanted access
      .load32(.r4, from: .r1, offset: 4),
      .load32(.r5, from: .r1, offset: 8),
    ]
    for rule in rules.reversed() where !rule.access.isEmpty { append(rule) }
    instructions += [.move(.r0, 0), .exit]
  }

  private mutating func append(_ rule: DeviceRule) {
    var conditions: [(BPFInstruction.Register, UInt32)] = []
    switch rule.kind {
    case .all: break
    case .block: conditions.append((.r2, 1))
    case .character: conditions.append((.r2, 2))
    }
    if let major = rule.major { conditions.append((.r4, major)) }
    if let minor = rule.minor { conditions.append((.r5, minor)) }
    let verdict: [BPFInstruction] =
      rule.allow
      ? [.and(.r3, ~rule.access.rawValue), .jumpUnlessEqual(.r3, 0, by: 2), .move(.r0, 1), .exit]
      : [.move(.r0, .r3), .and(.r0, rule.access.rawValue), .jumpIfEqual(.r0, 0, by: 2), .move(.r0, 0), .exit]
    for (index, condition) in conditions.enumerated() {
      let rest = conditions.count - index - 1 + verdict.count
      instructions.append(.jumpUnlessEqual(condition.0, condition.1, by: Int16(rest)))
    }
    instructions += verdict
  }

  /// Loads the program and attaches it to a version 2 directory, in place of the one that was attached by this library.
  ///
  /// Programs of others on the directory, systemd's for one, stay: all that are attached to it and above must allow
  /// (`BPF_F_ALLOW_MULTI`). The exchange is one call (`BPF_F_REPLACE`, Linux 5.6), so at every moment one of the two is in
  /// force; before 5.6 both are for a moment. The kernel drops the program with the directory. Needs CAP_BPF or CAP_SYS_ADMIN,
  /// and CAP_NET_ADMIN.
  func attach(to directory: CgroupDirectory) throws(ContainrError) {
    let target = try OwnedDescriptor.open(
      FilePath(directory.path), flags: O_RDONLY | O_DIRECTORY, code: .cgroupLimit)
    let program = try load()
    var old = directory.isFresh ? [] : try Self.attached(to: target, directory)
    if let first = old.first {
      let result = cl_bpf_device_replace(target.rawValue, program.rawValue, first)
      if result != -EINVAL {
        try check(result, .cgroupLimit, "bpf(2)", "replacing the device program of \(directory.path)", hint: Self.hint)
        old.removeFirst()
      } else {
        try attachBeside(target, program, directory)
      }
    } else {
      try attachBeside(target, program, directory)
    }
    for id in old {
      try check(
        cl_bpf_device_detach(target.rawValue, id), .cgroupLimit, "bpf(2)",
        "detaching a device program from \(directory.path)")
    }
  }

  private func attachBeside(
    _ target: borrowing OwnedDescriptor, _ program: borrowing OwnedDescriptor, _ directory: CgroupDirectory
  ) throws(ContainrError) {
    try check(
      cl_bpf_device_attach(target.rawValue, program.rawValue), .cgroupLimit, "bpf(2)",
      "attaching the device program to \(directory.path)", hint: Self.hint)
  }

  /// The ids of the device programs on the directory that this library attached.
  static func attached(
    to target: borrowing OwnedDescriptor, _ directory: CgroupDirectory
  ) throws(ContainrError) -> [UInt32] {
    // The kernel's BPF_CGROUP_MAX_PROGS.
    var ids = [UInt32](repeating: 0, count: 64)
    let count = try check(
      cl_bpf_device_query(target.rawValue, &ids, UInt32(ids.count)), .cgroupLimit, "bpf(2)",
      "listing the device programs of \(directory.path)", hint: hint)
    return Array(ids.prefix(Int(count)))
  }

  private static let hint = "needs CAP_BPF and CAP_NET_ADMIN (or CAP_SYS_ADMIN) and CONFIG_CGROUP_BPF"

  /// Has the kernel verify and compile the program.
  func load() throws(ContainrError) -> OwnedDescriptor {
    let words = instructions.map(\.encoded)
    let result = words.withUnsafeBufferPointer { cl_bpf_device_load($0.baseAddress, UInt32($0.count)) }
    return OwnedDescriptor(
      owning: try check(
        result, .cgroupLimit, "bpf(2)", "loading a device program of \(words.count) instructions",
        hint: Self.hint))
  }
}
