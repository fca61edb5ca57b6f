import CContainrInit
import CContainrLinux
import ContainrCore
import Glibc
import SystemPackage

/// A launch in progress: a process between `clone3(2)` and `execve(2)`, and the parent's side of its barriers.
///
/// ```
/// let session = try LaunchSession(plan)
/// while let barrier = try session.next() { …; try session.pass() }
/// let result = try session.finish()
/// ```
///
/// The process shares this program's memory until it executes its own, so the thread that cloned it is held that long.
/// A plan without barriers runs on the calling thread; one with barriers gets a thread of its own, and a session may rest
/// at a barrier for as long as it likes.
///
/// Dropping a session that has not finished makes the process give up, and reaps it.
public final class LaunchSession: @unchecked Sendable {
  // @unchecked: `arguments`, `report` and `nanoseconds` are written by the kernel and by the cloning thread before the child
  // runs its first operation, and by the child while that thread is held in clone3. This side reads the pids in `arguments`
  // and `report` only after the child has sent a byte, and the rest only after the thread was joined. Every method is for one
  // thread at a time.
  private let plan: LaunchPlan
  private let bytes: [UInt64]
  private let socket: CInt
  private let arguments: UnsafeMutablePointer<ci_spawn>
  private let report: UnsafeMutablePointer<ci_report>
  private let nanoseconds: UnsafeMutableBufferPointer<UInt64>
  /// A mapping that holds `report` and `nanoseconds` where the child does not share this program's memory.
  private let shared: UnsafeMutableRawBufferPointer?
  private var thread: pthread_t?
  private var received: OwnedDescriptor?
  private var isFinished = false

  /// Starts a process that runs a plan.
  ///
  /// - Parameters:
  ///   - plan: what the process does.
  ///   - traced: whether every operation is timed.
  /// - Throws: `INVALID_ARGUMENT` for a string with a NUL byte, `RESOURCE_EXHAUSTED` where no descriptor is left.
  public init(_ plan: LaunchPlan, traced: Bool = false) throws(ContainrError) {
    var plan = plan
    let bytes = try plan.encoded()
    var childEnd: CInt = -1
    var parentEnd: CInt = -1
    if let slot = plan.parentSocket {
      var pair = try OwnedDescriptor.socketPair()
      parentEnd = pair.takeFirst().release()
      childEnd = pair.takeSecond().release()
      plan.setSlot(slot, to: childEnd)
    }
    self.plan = plan
    self.bytes = bytes
    socket = parentEnd
    arguments = .allocate(capacity: 1)
    arguments.initialize(to: ci_spawn())
    let count = traced ? plan.operations.count : 0
    if plan.copiesMemory {
      let size = MemoryLayout<ci_report>.stride + count * 8 + 8
      let memory = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)
      guard let memory, memory != MAP_FAILED else {
        let error = ContainrError.errno(.current, .containerStart, "sharing memory with the new process", call: "mmap(2)")
        if childEnd >= 0 { close(childEnd) }
        if parentEnd >= 0 { close(parentEnd) }
        arguments.deallocate()
        throw error
      }
      shared = UnsafeMutableRawBufferPointer(start: memory, count: size)
      report = memory.bindMemory(to: ci_report.self, capacity: 1)
      let times = (memory + (MemoryLayout<ci_report>.stride + 7) / 8 * 8).bindMemory(to: UInt64.self, capacity: count)
      nanoseconds = UnsafeMutableBufferPointer(start: times, count: count)
    } else {
      shared = nil
      report = .allocate(capacity: 1)
      nanoseconds = .allocate(capacity: count)
    }
    report.initialize(to: ci_report())
    nanoseconds.initialize(repeating: 0)

    guard plan.hasBarriers else {
      launch.run()
      if childEnd >= 0 { close(childEnd) }
      return
    }
    // The closing of the last child's end tells this side that the process runs its program, or has failed. The thread must
    // not hold `self`: dropping the session is what ends it.
    let launch = launch
    let end = childEnd
    thread = Thread.start(name: "containr-launch") {
      launch.run()
      close(end)
    }
  }

  deinit {
    if socket >= 0 {
      // Not only closed: another process that is being cloned may hold a copy of this end until it executes.
      shutdown(socket, CInt(SHUT_RDWR))
      close(socket)
    }
    if let thread { pthread_join(thread, nil) }
    if !isFinished, arguments.pointee.pidfd >= 0 {
      let process = ProcessDescriptor(owning: OwnedDescriptor(owning: arguments.pointee.pidfd), pid: arguments.pointee.pid)
      _ = Result { try process.send(.kill) }
      _ = Result { try process.reap() }
      if report.pointee.pid > 0,
        case .success(let second) = Result(catching: { try ProcessDescriptor(pid: report.pointee.pid) })
      {
        _ = Result { try second.send(.kill) }
        _ = Result { try second.reap() }
      }
    }
    arguments.deallocate()
    if let shared {
      munmap(shared.baseAddress!, shared.count)
    } else {
      report.deallocate()
      nanoseconds.deallocate()
    }
  }

  /// The process id. Known from the first barrier on; after ``LaunchOperation/fork`` it is the id of the process that goes on.
  public var pid: Int32 { report.pointee.pid > 0 ? report.pointee.pid : arguments.pointee.pid }

  // MARK: Barriers

  /// Waits until the process stands at a barrier, and names it; nil once it runs its program or has failed.
  ///
  /// Blocks the calling thread.
  public func next() throws(ContainrError) -> LaunchBarrier? {
    guard socket >= 0 else { return nil }
    while true {
      var byte: CChar = 0
      var descriptor: CInt = -1
      let result = cl_receive_descriptor(socket, &byte, &descriptor)
      if result == -EINTR { continue }
      if result == 0 || result == -ECONNRESET { return nil }
      try check(result, .containerStart, "recvmsg(2)", "waiting for the new process")
      guard descriptor >= 0 else { return LaunchBarrier(rawValue: UInt8(bitPattern: byte)) }
      received = OwnedDescriptor(owning: descriptor)
    }
  }

  /// Lets the process go on past the barrier that ``next()`` named.
  public func pass() throws(ContainrError) { try answer(0) }

  /// Makes the process give up at the barrier that ``next()`` named.
  public func abort() throws(ContainrError) { try answer(1) }

  private func answer(_ byte: UInt8) throws(ContainrError) {
    var byte = byte
    guard send(socket, &byte, 1, CInt(MSG_NOSIGNAL)) == 1 || Errno.current == .brokenPipe else {
      throw .errno(.current, .containerStart, "answering the new process", call: "send(2)")
    }
  }

  // MARK: The end

  /// Waits until the process runs its program, and hands it over. A process that failed has been reaped.
  ///
  /// Blocks the calling thread.
  ///
  /// - Throws: the exact failure: the operation, the system call and its error number.
  public func finish() throws(ContainrError) -> LaunchResult {
    if let barrier = try next() {
      throw ContainrError(.internalError, "launching a process", hint: "nobody served the barrier for \(barrier)")
    }
    if let thread { pthread_join(thread, nil) }
    thread = nil
    isFinished = true
    guard arguments.pointee.pidfd >= 0 else { throw failure() }
    var process = ProcessDescriptor(owning: OwnedDescriptor(owning: arguments.pointee.pidfd), pid: arguments.pointee.pid)
    if report.pointee.pid > 0 {
      // The first process has done its part: it made the second, which is our child too.
      _ = try process.reap()
      process = try ProcessDescriptor(pid: report.pointee.pid)
    }
    guard report.pointee.error == 0 else {
      _ = try process.reap()
      throw failure()
    }
    return LaunchResult(
      process: process, descriptor: received.take(),
      durations: nanoseconds.isEmpty ? nil : nanoseconds.map { .nanoseconds(Int64($0)) })
  }

  private func failure() -> ContainrError {
    let report = report.pointee
    let errno = Errno(rawValue: report.error)
    let call = ci_call_name(report.call).map { String(cString: $0) + "(2)" } ?? "system call \(report.call)"
    if report.error == 0 {
      return ContainrError(
        .internalError, "checking the launch plan", hint: "operation \(report.operation) is malformed")
    }
    guard report.operation >= 0 else { return plan.cloneFailure(errno) }
    let message = withUnsafeBytes(of: report.message) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    return plan.failure(of: plan.operations[Int(report.operation)], errno, call: call, message: message)
  }

  private var launch: Launch {
    Launch(
      plan: plan, bytes: bytes, socket: socket, arguments: arguments, report: report,
      nanoseconds: nanoseconds.isEmpty ? nil : nanoseconds.baseAddress)
  }
}

/// What the cloning thread works with.
//
// @unchecked: the pointers are the session's, which joins the thread before it gives them back.
private struct Launch: @unchecked Sendable {
  let plan: LaunchPlan
  let bytes: [UInt64]
  let socket: CInt
  let arguments: UnsafeMutablePointer<ci_spawn>
  let report: UnsafeMutablePointer<ci_report>
  let nanoseconds: UnsafeMutablePointer<UInt64>?

  func run() {
    bytes.withUnsafeBytes { bytes in
      plan.inherited.withUnsafeBufferPointer { slots in
        arguments.pointee.plan = bytes.baseAddress
        arguments.pointee.plan_size = bytes.count
        arguments.pointee.clone_flags = plan.namespaceFlags
        arguments.pointee.cgroup = plan.cgroupDescriptor ?? -1
        arguments.pointee.slots = slots.baseAddress
        arguments.pointee.slot_count = slots.count
        arguments.pointee.parent_end = socket
        arguments.pointee.nanoseconds = nanoseconds
        arguments.pointee.report = report
        arguments.pointee.copy_memory = plan.copiesMemory ? 1 : 0
        _ = ci_spawn(arguments)
      }
    }
  }
}

extension LaunchPlan {
  /// Starts a process that runs this plan, which has no barriers, and waits until it runs its program.
  ///
  /// Blocks the calling thread, for a millisecond as a rule.
  ///
  /// - Throws: the exact failure; the process has been reaped then.
  public func spawn(traced: Bool = false) throws(ContainrError) -> LaunchResult {
    try LaunchSession(self, traced: traced).finish()
  }
}
