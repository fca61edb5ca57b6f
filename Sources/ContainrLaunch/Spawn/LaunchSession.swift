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
/// A plan without barriers runs on the calling thread; one with barriers or with a seccomp listener gets a thread of its own,
/// and a session may rest at a barrier for as long as it likes.
///
/// Dropping a session that has not finished makes the process give up, and reaps it. Every method is for one thread at a
/// time.
public final class LaunchSession {
  private let plan: LaunchPlan
  private let socket: CInt
  private let call: CloneCall
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
    socket = parentEnd
    let call: CloneCall
    do throws(ContainrError) {
      call = try CloneCall(plan, bytes: bytes, parentEnd: parentEnd, traced: traced)
    } catch {
      for end in [childEnd, parentEnd] where end >= 0 { close(end) }
      throw error
    }
    self.call = call

    guard plan.needsServing, !plan.isDetached else {
      call.make()
      if childEnd >= 0 { close(childEnd) }
      return
    }
    let end = childEnd
    do throws(ContainrError) {
      thread = try Thread.start(name: "containr-launch") {
        call.make()
        // The closing of the last child's end tells the session that the process runs its program, or has failed.
        close(end)
      }
    } catch {
      close(end)
      throw error
    }
  }

  deinit {
    if socket >= 0 {
      // Not only closed: another process that is being cloned may hold a copy of this end until it executes.
      shutdown(socket, CInt(SHUT_RDWR))
      close(socket)
    }
    if let thread { pthread_join(thread, nil) }
    if !isFinished, call.arguments.pointee.pidfd >= 0 {
      let process = ProcessDescriptor(
        owning: OwnedDescriptor(owning: call.arguments.pointee.pidfd), pid: call.arguments.pointee.pid)
      // It is this program's own unreaped child: neither call can fail, and a deinit could not say so.
      _ = Result { try process.send(.kill) }
      _ = Result { try process.reap() }
      let second = call.report.pointee.pid
      if second > 0, case .success(let process) = Result(catching: { try ProcessDescriptor(pid: second) }) {
        _ = Result { try process.send(.kill) }
        _ = Result { try process.reap() }
      }
    }
  }

  /// The process id. Known from the first barrier on; after ``LaunchOperation/fork`` it is the id of the process that goes on.
  public var pid: Int32 { call.report.pointee.pid > 0 ? call.report.pointee.pid : call.arguments.pointee.pid }

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

  /// Waits until the process sends a descriptor, and takes it: a seccomp listener, without whose owner the process may not get
  /// as far as its program. Nil where the process fails before.
  ///
  /// Blocks the calling thread. To be called once all barriers are passed.
  ///
  /// - Throws: `INTERNAL` where the process stands at a barrier.
  public func receiveDescriptor() throws(ContainrError) -> OwnedDescriptor? {
    while received == nil, socket >= 0 {
      var byte: CChar = 0
      var descriptor: CInt = -1
      let result = cl_receive_descriptor(socket, &byte, &descriptor)
      if result == -EINTR { continue }
      if result == 0 || result == -ECONNRESET { return nil }
      try check(result, .containerStart, "recvmsg(2)", "waiting for a descriptor of the new process")
      if descriptor < 0 {
        throw ContainrError(.internalError, "waiting for a descriptor of the new process", hint: "it stands at a barrier")
      }
      received = OwnedDescriptor(owning: descriptor)
    }
    return received.take()
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
    return try result()
  }

  /// Lets a detached process go on from the barrier that ``next()`` named, the last one of its plan, and hands it over. It
  /// lives on when this program ends.
  ///
  /// - Throws: the exact failure of a process that did not reach its barrier.
  public func leave() throws(ContainrError) -> LaunchResult {
    try pass()
    return try result()
  }

  private func result() throws(ContainrError) -> LaunchResult {
    isFinished = true
    let arguments = call.arguments
    let report = call.report
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
      durations: call.nanoseconds.isEmpty ? nil : call.nanoseconds.map { .nanoseconds(Int64($0)) })
  }

  private func failure() -> ContainrError { plan.failure(call.report.pointee) }
}

extension LaunchPlan {
  /// The error that a report of the child tells.
  func failure(_ report: ci_report) -> ContainrError {
    let errno = Errno(rawValue: report.error)
    let name = ci_call_name(report.call).map { String(cString: $0) + "(2)" } ?? "system call \(report.call)"
    if report.error == 0 {
      return ContainrError(
        .internalError, "checking the launch plan", hint: "operation \(report.operation) is malformed")
    }
    guard report.operation >= 0, report.operation < operations.count else { return cloneFailure(errno) }
    let message = withUnsafeBytes(of: report.message) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    return failure(of: operations[Int(report.operation)], errno, call: name, message: message)
  }
}

/// One call of `ci_spawn()` with the memory that it fills.
//
// @unchecked: `arguments` and `report` are written by the kernel and by the cloning thread before the child runs its first
// operation, and by the child while that thread is held in clone3. The session reads `arguments.pid` only after the child
// has sent a byte, and the rest only after it has joined the thread. A detached child writes to a mapping that both have; the
// session reads it when the child stands at a barrier, or has closed its socket by its end.
private final class CloneCall: @unchecked Sendable {
  let arguments: UnsafeMutablePointer<ci_spawn>
  let report: UnsafeMutablePointer<ci_report>
  let nanoseconds: UnsafeMutableBufferPointer<UInt64>
  /// A mapping that holds `report` and `nanoseconds` where the child does not share this program's memory.
  private let shared: UnsafeMutableRawBufferPointer?
  private let plan: LaunchPlan
  private let bytes: [UInt64]

  init(_ plan: LaunchPlan, bytes: [UInt64], parentEnd: CInt, traced: Bool) throws(ContainrError) {
    self.plan = plan
    self.bytes = bytes
    let count = traced ? plan.operations.count : 0
    if plan.copiesMemory {
      let reportSize = (MemoryLayout<ci_report>.stride + 7) / 8 * 8
      let size = reportSize + count * MemoryLayout<UInt64>.stride
      let memory = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)
      guard let memory, memory != MAP_FAILED else {
        throw .errno(.current, .containerStart, "sharing memory with the new process", call: "mmap(2)")
      }
      shared = UnsafeMutableRawBufferPointer(start: memory, count: size)
      report = memory.bindMemory(to: ci_report.self, capacity: 1)
      nanoseconds = UnsafeMutableBufferPointer(
        start: (memory + reportSize).bindMemory(to: UInt64.self, capacity: count), count: count)
    } else {
      shared = nil
      report = .allocate(capacity: 1)
      nanoseconds = .allocate(capacity: count)
    }
    arguments = .allocate(capacity: 1)
    arguments.initialize(to: ci_spawn())
    report.initialize(to: ci_report())
    nanoseconds.initialize(repeating: 0)
    // Until there is a process: 0 would be a descriptor of this program's.
    arguments.pointee.pidfd = -1
    arguments.pointee.pid = -1
    arguments.pointee.clone_flags = plan.namespaceFlags
    arguments.pointee.cgroup = plan.cgroupDescriptor ?? -1
    arguments.pointee.parent_end = parentEnd
    arguments.pointee.nanoseconds = traced ? nanoseconds.baseAddress : nil
    arguments.pointee.report = report
    arguments.pointee.copy_memory = plan.copiesMemory ? 1 : 0
    arguments.pointee.detached = plan.isDetached ? 1 : 0
  }

  deinit {
    arguments.deallocate()
    if let shared {
      munmap(shared.baseAddress!, shared.count)
    } else {
      report.deallocate()
      nanoseconds.deallocate()
    }
  }

  func make() {
    bytes.withUnsafeBytes { bytes in
      plan.inherited.withUnsafeBufferPointer { slots in
        arguments.pointee.plan = bytes.baseAddress
        arguments.pointee.plan_size = bytes.count
        arguments.pointee.slots = slots.baseAddress
        arguments.pointee.slot_count = slots.count
        // The result is in the report.
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
