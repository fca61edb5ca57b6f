import CContainrLinux
import ContainrCore
import Glibc
import Synchronization
import SystemPackage

/// A system call of another process that waits for its supervisor's answer (seccomp_unotify(2)).
///
/// The process can die, and its number can come to mean another, at any time. So every method here that touches the process
/// asks the kernel afterwards whether the call still waits: what such a method returns belongs to the process that made it.
///
/// A request that is dropped without an answer fails with `ENOSYS`, as without a supervisor.
public final class SeccompRequest: Sendable {
  /// The thread's id in the supervisor's pid namespace; 0 where it is in none that the supervisor sees.
  public let pid: Int32
  /// The interface that the call came by.
  public let architecture: SeccompArchitecture
  /// The call's number on ``architecture``.
  public let number: UInt32
  /// Its six registers.
  public let arguments: [UInt64]
  /// Where in the program the call is.
  public let instructionPointer: UInt64

  private let id: UInt64
  private let listener: SeccompListener
  private let isAnswered = Mutex(false)

  init(_ request: cl_seccomp_request, from listener: SeccompListener) {
    id = request.id
    pid = Int32(bitPattern: request.pid)
    number = UInt32(bitPattern: request.number)
    let isX32 = request.architecture == SeccompArchitecture.x86_64.rawValue && number >= SystemCallTable.x32Bit
    architecture = isX32 ? .x32 : SeccompArchitecture(rawValue: request.architecture)
    let registers = request.arguments
    arguments = [registers.0, registers.1, registers.2, registers.3, registers.4, registers.5]
    instructionPointer = request.instruction_pointer
    self.listener = listener
  }

  deinit {
    if isAnswered.withLock({ $0 }) { return }
    // A process that is gone needs no answer.
    _ = cl_seccomp_answer(listener.rawValue, id, 0, -ENOSYS, 0)
  }

  /// The call's name, `openat`; nil for a number that no table has.
  public var name: String? { SystemCallTable.name(of: number, on: architecture) }

  /// Whether the process still waits for the answer. It may have stopped by the time the caller looks at the result: use it to
  /// save work, not to decide.
  public var isWaiting: Bool { cl_seccomp_is_valid(listener.rawValue, id) == 0 }

  // MARK: Answers

  /// Answers the call, once.
  ///
  /// - Throws: `CONTAINER_STATE` for a second answer; `SECCOMP`.
  @discardableResult
  public func answer(_ answer: SeccompAnswer) throws(ContainrError) -> SeccompDelivery {
    try claim()
    let result =
      switch answer {
      case .continue: cl_seccomp_answer(listener.rawValue, id, 0, 0, 1)
      case .return(let value): cl_seccomp_answer(listener.rawValue, id, value, 0, 0)
      case .error(let errno): cl_seccomp_answer(listener.rawValue, id, 0, -errno.rawValue, 0)
      }
    return try delivery(of: result) == nil ? .processGone : .delivered
  }

  /// Answers the call with a descriptor: the process gets a copy of it, whose number the call returns, in one step (Linux 5.14).
  ///
  /// - Parameters:
  ///   - descriptor: the supervisor's own.
  ///   - number: which number it gets in the process, where an open descriptor is closed first; nil means the lowest free one.
  ///   - closesOnExec: whether it has `O_CLOEXEC` there.
  /// - Throws: `CONTAINER_STATE` for a second answer; `SECCOMP` where the process can have no more descriptors: then the
  ///   call still waits for another answer.
  @discardableResult
  public func answer(
    with descriptor: borrowing OwnedDescriptor, as number: Int32? = nil, closesOnExec: Bool = true
  ) throws(ContainrError) -> SeccompDelivery {
    try claim()
    do throws(ContainrError) {
      let added = try add(descriptor, as: number, closesOnExec: closesOnExec, answers: true)
      return added == nil ? .processGone : .delivered
    } catch {
      isAnswered.withLock { $0 = false }
      throw error
    }
  }

  /// Gives the process a copy of a descriptor before the answer (Linux 5.9).
  ///
  /// - Parameters:
  ///   - descriptor: the supervisor's own.
  ///   - number: which number it gets in the process, where an open descriptor is closed first; nil means the lowest free one.
  ///   - closesOnExec: whether it has `O_CLOEXEC` there.
  /// - Returns: its number in the process; nil where nobody waits any more.
  /// - Throws: `SECCOMP`.
  public func inject(
    _ descriptor: borrowing OwnedDescriptor, as number: Int32? = nil, closesOnExec: Bool = true
  ) throws(ContainrError) -> Int32? {
    try add(descriptor, as: number, closesOnExec: closesOnExec, answers: false)
  }

  private func add(
    _ descriptor: borrowing OwnedDescriptor, as number: Int32?, closesOnExec: Bool, answers: Bool
  ) throws(ContainrError) -> Int32? {
    let flags = closesOnExec ? O_CLOEXEC : 0
    return try delivery(
      of: cl_seccomp_add_descriptor(listener.rawValue, id, descriptor.rawValue, number ?? -1, flags, answers ? 1 : 0))
  }

  private func claim() throws(ContainrError) {
    let isFirst = isAnswered.withLock { isAnswered in
      defer { isAnswered = true }
      return !isAnswered
    }
    guard isFirst else {
      throw ContainrError(.containerState, activity, hint: "the call has been answered already")
    }
  }

  private func delivery(of result: CInt) throws(ContainrError) -> Int32? {
    if result == -ENOENT { return nil }
    return try check(result, .seccomp, "ioctl(2)", activity)
  }

  private var activity: String { "answering the system call \(name ?? String(number)) of the process \(pid)" }

  // MARK: Memory

  /// Reads the process's memory, and makes sure that it was this process's.
  ///
  /// Another thread may change what was read at once: copy it, decide on the copy, and answer with the result; do not continue
  /// the call because of it.
  ///
  /// - Parameters:
  ///   - address: a pointer among the ``arguments``.
  ///   - count: how many bytes, at most 16 MiB.
  /// - Returns: the bytes; nil where nobody waits any more.
  /// - Throws: `SECCOMP` where nothing is mapped there; `PERMISSION_DENIED` where the process may not be inspected
  ///   (`ptrace(2)`, PTRACE_MODE_ATTACH).
  public func readMemory(at address: UInt64, count: Int) throws(ContainrError) -> [UInt8]? {
    guard let memory = try openMemory() else { return nil }
    let result = read(memory, at: address, count: count)
    guard isWaiting else { return nil }
    let bytes = try result.get()
    guard bytes.count == count else { throw unreadable(.badAddress, address) }
    return bytes
  }

  /// Reads a text that ends with NUL, such as a path, and makes sure that it was this process's.
  ///
  /// - Parameters:
  ///   - address: a pointer among the ``arguments``.
  ///   - limit: the most bytes before the NUL.
  /// - Returns: the bytes without the NUL; nil where nobody waits any more.
  /// - Throws: `SECCOMP` where nothing is mapped there or no NUL is within the limit; `PERMISSION_DENIED`.
  public func readString(at address: UInt64, limit: Int = 4095) throws(ContainrError) -> [UInt8]? {
    guard let memory = try openMemory() else { return nil }
    var text: [UInt8] = []
    while text.count <= limit {
      // Up to the end of the page: the next one need not be there.
      let next = address &+ UInt64(text.count)
      let result = read(memory, at: next, count: min(4096 - Int(next % 4096), limit + 1 - text.count))
      guard isWaiting else { return nil }
      let part = try result.get()
      if let end = part.firstIndex(of: 0) { return text + part[..<end] }
      guard !part.isEmpty else { throw unreadable(.badAddress, next) }
      text += part
    }
    throw ContainrError(.seccomp, "reading a text of the process \(pid)", hint: "it is longer than \(limit) bytes")
  }

  /// Opens the memory of whoever has the id; nil where nobody waits any more.
  private func openMemory() throws(ContainrError) -> OwnedDescriptor? {
    let result = "/proc/\(pid)/mem".withCString { cl_openat(AT_FDCWD, $0, O_RDONLY | O_CLOEXEC, 0) }
    if result >= 0 { return OwnedDescriptor(owning: result) }
    guard isWaiting else { return nil }
    throw .errno(Errno(rawValue: -result), .seccomp, "opening the memory of the process \(pid)", call: "openat(2)")
  }

  private func read(
    _ memory: borrowing OwnedDescriptor, at address: UInt64, count: Int
  ) -> Result<[UInt8], ContainrError> {
    guard count >= 0, count <= 16 << 20, let offset = off_t(exactly: address) else {
      return .failure(unreadable(.badAddress, address))
    }
    let file = memory.rawValue
    var failure: Errno?
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, used in
      let result = pread(file, buffer.baseAddress, count, offset)
      used = max(0, result)
      if result < 0 { failure = .current }
    }
    if let failure { return .failure(unreadable(failure, address)) }
    return .success(bytes)
  }

  private func unreadable(_ errno: Errno, _ address: UInt64) -> ContainrError {
    .errno(errno, .seccomp, "reading the memory of the process \(pid) at 0x\(String(address, radix: 16))", call: "pread(2)")
  }
}
