import CContainrLinux
import ContainrCore
import ContainrOCI
import Glibc
import SystemPackage

/// What tells a process from a later one with the same id.
struct ProcessIdentity: Hashable, Sendable {
  let pid: Int32
  /// The inode of its pidfd, unique since boot (pidfs, Linux 6.9), else its start time in clock ticks.
  let mark: UInt64

  init(_ process: borrowing ProcessDescriptor) throws(ContainrError) {
    pid = process.pid
    mark = try Self.mark(process)
  }

  init(_ cursor: JSON.Cursor) throws(ContainrError) {
    pid = try cursor.required("pid").integer(Int32.self)
    mark = try cursor.required("mark").integer(UInt64.self)
  }

  var json: JSON { ["pid": .integer(Int64(pid)), "mark": .unsigned(mark)] }

  /// The process, where it is still there.
  func open() throws(ContainrError) -> ProcessDescriptor? {
    let descriptor = cl_pidfd_open(pid, 0)
    if descriptor == -ESRCH || descriptor == -EINVAL { return nil }
    try check(descriptor, .containerState, "pidfd_open(2)", "opening the process \(pid)")
    let process = ProcessDescriptor(owning: OwnedDescriptor(owning: descriptor), pid: pid)
    if process.hasEnded { return nil }
    guard try Self.mark(process) == mark else { return nil }
    return consume process
  }

  private static let pidfsMagic = 0x5049_4446

  private static func mark(_ process: borrowing ProcessDescriptor) throws(ContainrError) -> UInt64 {
    var system = statfs()
    var status = stat()
    if fstatfs(process.descriptor.rawValue, &system) == 0, Int(system.f_type) == pidfsMagic,
      fstat(process.descriptor.rawValue, &status) == 0
    {
      return UInt64(status.st_ino)
    }
    // proc_pid_stat(5): the 22nd field, counted from the end of the name, which may hold anything.
    guard let text = try FileContents.textIfPresent(FilePath("/proc/\(process.pid)/stat")), let end = text.lastIndex(of: ")")
    else {
      return 0
    }
    let fields = text[end...].split(separator: " ")
    return fields.count > 20 ? UInt64(fields[20]) ?? 0 : 0
  }
}
