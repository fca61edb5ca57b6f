import CContainrLinux
import ContainrCore
import Glibc
import Synchronization
import SystemPackage

/// The times at which a ``PressureTrigger`` fired, each as the pressure just after it: ``Cgroup/pressureEvents(_:)``.
///
/// The kernel fires once in a window at most, and keeps one firing that nobody has read: a reader that is late gets one
/// element, and no backlog. For one reader. Ends when the cgroup is gone; cancelling the reading task throws
/// `CancellationError`. Either closes the descriptor and so takes the trigger back, and so does the end of the value.
public struct PressureEvents: AsyncSequence, Sendable {
  private let file: TriggerFile

  init(_ trigger: PressureTrigger, in directory: CgroupDirectory) throws(ContainrError) {
    file = try TriggerFile(trigger, in: directory)
  }

  /// Reads the events. Several iterators of one value share them.
  public func makeAsyncIterator() -> Iterator { Iterator(file: file) }

  /// Waits for one firing after the other.
  public struct Iterator: AsyncIteratorProtocol {
    fileprivate let file: TriggerFile

    /// The pressure after the next firing; nil once the cgroup is gone.
    ///
    /// - Throws: `CancellationError`; `CGROUP_STATISTICS` where the file has another form than documented.
    public mutating func next() async throws -> PressureStatistics? {
      do {
        guard let descriptor = file.descriptor else { return nil }
        try await EventLoop.shared.urgent(descriptor)
        return try file.read()
      } catch {
        file.close()
        throw error
      }
    }
  }
}

/// A pressure file with a trigger in it.
private final class TriggerFile: Sendable {
  private let path: String
  private let open: Mutex<OwnedDescriptor?>

  init(_ trigger: PressureTrigger, in directory: CgroupDirectory) throws(ContainrError) {
    path = directory.file("\(trigger.resource.rawValue).pressure")
    let activity = "setting the pressure trigger \"\(trigger)\" in \(path)"
    let result = cl_openat(AT_FDCWD, path, O_RDWR | O_NONBLOCK | O_CLOEXEC, 0)
    guard result != -ENOENT, result != -EOPNOTSUPP else {
      throw ContainrError(
        .unsupported, activity, systemCall: SystemCall("openat(2)", Errno(rawValue: -result)),
        hint: access(directory.path, F_OK) == 0
          ? "this kernel has no pressure stall information: CONFIG_PSI, and psi=1 on its command line"
          : "the cgroup is gone")
    }
    let file = OwnedDescriptor(owning: try check(result, .cgroupStatistics, "openat(2)", activity))
    // The kernel wants the byte 0 at the end.
    if let errno = CgroupDirectory.write("\(trigger)\0", to: file.rawValue) {
      if errno == .notSupported {
        throw .errno(
          errno, .unsupported, activity, call: "write(2)", hint: "pressure stall information is off: boot with psi=1")
      }
      throw .errno(
        errno, .cgroupLimit, activity, call: "write(2)",
        hint: errno == .invalidArgument
          ? "without CAP_SYS_RESOURCE the window must be a multiple of 2 s (Linux 6.4); before, triggers need it"
          : nil)
    }
    open = Mutex(file)
  }

  var descriptor: CInt? { open.withLock { $0?.rawValue } }

  func close() { open.withLock { $0 = nil } }

  /// The pressure now; nil, and closed, once the cgroup is gone.
  func read() throws(ContainrError) -> PressureStatistics? {
    guard let descriptor else { return nil }
    let result = withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 512) {
      buffer -> Result<PressureStatistics?, ContainrError> in
      let count = pread(descriptor, buffer.baseAddress!, buffer.count, 0)
      let errno = Errno.current
      if count < 0, errno == .operationNotSupportedByDevice { return .success(nil) }
      return Result { () throws(ContainrError) in
        guard count >= 0 else { throw .errno(errno, .cgroupStatistics, "reading \(path)", call: "pread(2)") }
        return try PressureStatistics(KernelText(UnsafeBufferPointer(rebasing: buffer[..<count])))
      }
    }
    let pressure = try result.get()
    if pressure == nil { close() }
    return pressure
  }
}
