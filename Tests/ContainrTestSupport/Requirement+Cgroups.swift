import CContainrLinux
import Glibc

extension Requirement {
  /// The two interfaces of control groups.
  public enum CgroupVersion: Int, Sendable {
    case v1 = 1
    case v2 = 2
  }

  /// A cgroup controller, by the kernel's name for it, in a mounted hierarchy of this version.
  public static func cgroupController(_ name: String, _ version: CgroupVersion) -> Requirement {
    Requirement("the controller \(name) of cgroup v\(version.rawValue)") {
      mounts().contains { mount in
        switch version {
        case .v1: mount.type == "cgroup" && mount.options.contains(Substring(name))
        case .v2:
          mount.type == "cgroup2" && (words("\(mount.point)/cgroup.controllers") ?? []).contains(Substring(name))
        }
      }
    }
  }

  /// A cgroup v1 hierarchy with this controller under /sys/fs/cgroup.
  public static func cgroupV1(_ controller: String) -> Requirement {
    .file("/sys/fs/cgroup/\(controller)/cgroup.procs")
  }

  /// Pressure stall information: the kernel has it, it was not switched off (`psi=0`), and it takes triggers.
  public static let pressure = Requirement("pressure stall information (/proc/pressure)") {
    // A window of whole two seconds is open to everyone (Documentation/accounting/psi.rst). Closing ends the trigger.
    let descriptor = open("/proc/pressure/memory", O_RDWR | O_NONBLOCK | O_CLOEXEC)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    let trigger = Array("some 1900000 2000000\0".utf8)
    return write(descriptor, trigger, trigger.count) == trigger.count
  }

  /// A huge page of 2 MiB that can be had now.
  public static let hugepages = Requirement("a free huge page of 2 MiB (vm.nr_hugepages)") {
    // The size of the page stands in bits 26 to 31 (mmap(2), MAP_HUGE_SHIFT). Mapping reserves it.
    let size = 2 << 20
    let flags = MAP_PRIVATE | MAP_ANONYMOUS | CInt(MAP_HUGETLB) | 21 << 26
    let page = mmap(nil, size, PROT_READ | PROT_WRITE, flags, -1, 0)
    guard let page, page != MAP_FAILED else { return false }
    return munmap(page, size) == 0
  }

  private struct Mount {
    var point: Substring
    var type: Substring
    var options: [Substring]
  }

  /// The mounts of this process, as proc_pid_mounts(5) describes them.
  private static func mounts() -> [Mount] {
    (text("/proc/self/mounts") ?? "").split(separator: "\n").compactMap { line in
      let fields = line.split(separator: " ")
      return fields.count < 4 ? nil : Mount(point: fields[1], type: fields[2], options: fields[3].split(separator: ","))
    }
  }

  private static func words(_ path: String) -> [Substring]? { text(path)?.split { $0 == " " || $0 == "\n" } }

  /// The content of a file of the kernel, nil if it cannot be read.
  static func text(_ path: String) -> String? {
    guard let file = fopen(path, "re") else { return nil }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var part = [UInt8](repeating: 0, count: 16_384)
    while case let count = fread(&part, 1, part.count, file), count > 0 { bytes += part.prefix(count) }
    return String(decoding: bytes, as: UTF8.self)
  }
}
