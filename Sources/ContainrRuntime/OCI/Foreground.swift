import CContainrLinux
import ContainrCore
import Glibc
import SystemPackage

/// Stands in for a process of a container at the caller's terminal, in a service, in a shell: signals that the calling program
/// gets go to the process, its terminal is connected with standard input and output, and its exit code is the answer.
///
/// ```
/// let foreground = try Foreground()
/// exit(try foreground.wait(for: try runtime.exec(id, process)).code)
/// ```
///
/// To be made before the process, by a program with one thread: from then on all signals wait until they can be handed on.
public struct Foreground: ~Copyable {
  private let signals: OwnedDescriptor
  private let isSubreaper: Bool
  private let before: sigset_t

  /// Signals that are the program's own.
  private static let own: Set<Int32> = [SIGCHLD, SIGURG, SIGPIPE]
  /// What the kernel raises for faults of the program itself.
  private static let faults = [SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS, SIGPIPE]

  /// Takes over the signals of the calling thread.
  ///
  /// - Parameter isSubreaper: descendants whose parent has ended become the program's children and are reaped
  ///   (`PR_SET_CHILD_SUBREAPER`, prctl(2)). All children are, then: not for a program that has others.
  public init(isSubreaper: Bool = false) throws(ContainrError) {
    var set = sigset_t()
    sigfillset(&set)
    for number in Self.faults { sigdelset(&set, number) }
    let descriptor = try check(cl_signalfd(&set), .signal, "signalfd(2)", "watching for signals")
    if isSubreaper {
      // PR_SET_CHILD_SUBREAPER: no kernel of today refuses it.
      _ = cl_prctl(36, 1, 0, 0, 0)
    }
    var earlier = sigset_t()
    pthread_sigmask(SIG_BLOCK, &set, &earlier)
    before = earlier
    signals = OwnedDescriptor(owning: descriptor)
    self.isSubreaper = isSubreaper
  }

  deinit {
    var before = before
    pthread_sigmask(SIG_SETMASK, &before, nil)
  }

  /// Waits until the process has ended, and reaps it; meanwhile copies between its terminal and standard input and output.
  ///
  /// Blocks the calling thread.
  public func wait(for started: consuming OCIProcess) throws(ContainrError) -> TerminationStatus {
    var copy = TerminalCopy(started.terminal.take())
    defer { copy.end() }
    copy.resize()
    while true {
      if let status = try reap(started.process) {
        copy.drain()
        return status
      }
      var entries = [
        pollfd(fd: signals.rawValue, events: Int16(POLLIN), revents: 0),
        pollfd(fd: started.process.descriptor.rawValue, events: Int16(POLLIN), revents: 0),
      ]
      entries += copy.entries
      if poll(&entries, nfds_t(entries.count), -1) < 0 {
        if Errno.current == .interrupted { continue }
        throw .errno(.current, .containerState, "waiting for the process \(started.pid)", call: "poll(2)")
      }
      if entries[0].revents != 0 { try forwardSignals(to: started.process, copy) }
      copy.move(Array(entries.dropFirst(2)))
    }
  }

  private func forwardSignals(to process: borrowing ProcessDescriptor, _ copy: borrowing TerminalCopy) throws(ContainrError) {
    while true {
      let number = cl_signalfd_read(signals.rawValue)
      if number <= 0 { return }
      if number == SIGWINCH, copy.resize() { continue }
      if !Self.own.contains(number) { try process.send(Signal(rawValue: number)) }
    }
  }

  /// The end of the process, where it has come; others that ended are reaped on the way.
  private func reap(_ process: borrowing ProcessDescriptor) throws(ContainrError) -> TerminationStatus? {
    guard isSubreaper else { return process.hasEnded ? try process.reap() : nil }
    while true {
      var status: CInt = 0
      let pid = waitpid(-1, &status, WNOHANG)
      if pid == process.pid { return TerminationStatus(waitStatus: status) }
      if pid > 0 { continue }
      return process.hasEnded ? try process.reap() : nil
    }
  }
}

/// Bytes between a container's terminal and the caller's standard streams.
private struct TerminalCopy: ~Copyable {
  private var terminal: OwnedDescriptor?
  /// Its number, as long as it is open.
  private var number: CInt?
  private var saved: termios?
  private var readsInput = true
  /// What the terminal said and standard output has not taken yet, and the same for input.
  private var output: [UInt8] = []
  private var input: [UInt8] = []

  init(_ terminal: consuming OwnedDescriptor?) {
    guard let terminal else { return }
    let descriptor = terminal.rawValue
    number = descriptor
    self.terminal = consume terminal
    _ = cl_fcntl(descriptor, F_SETFL, Int(O_RDWR | O_NONBLOCK))
    var settings = termios()
    guard tcgetattr(0, &settings) == 0 else { return }
    saved = settings
    cfmakeraw(&settings)
    tcsetattr(0, TCSADRAIN, &settings)
  }

  /// Gives the caller's terminal its own settings back.
  mutating func end() {
    guard var settings = saved.take() else { return }
    tcsetattr(0, TCSADRAIN, &settings)
  }

  /// Gives the container's terminal the size of the caller's; false where there are not two.
  @discardableResult
  func resize() -> Bool {
    var rows: UInt16 = 0
    var columns: UInt16 = 0
    guard let descriptor = number, cl_terminal_size(0, &rows, &columns) >= 0, rows > 0 else { return false }
    return cl_set_terminal_size(descriptor, rows, columns) >= 0
  }

  /// What to wait for: the container's terminal, standard input, standard output.
  var entries: [pollfd] {
    guard let descriptor = number else { return [] }
    let events = (output.isEmpty ? POLLIN : 0) | (input.isEmpty ? 0 : POLLOUT)
    return [
      pollfd(fd: descriptor, events: Int16(events), revents: 0),
      pollfd(fd: readsInput && input.isEmpty ? 0 : -1, events: Int16(POLLIN), revents: 0),
      pollfd(fd: output.isEmpty ? -1 : 1, events: Int16(POLLOUT), revents: 0),
    ]
  }

  mutating func move(_ ready: [pollfd]) {
    guard ready.count == 3, let descriptor = number else { return }
    if ready[1].revents != 0 {
      input = Self.read(0) ?? []
      if input.isEmpty { readsInput = false }
    }
    if !input.isEmpty { input.removeFirst(Self.write(input, to: descriptor) ?? input.count) }
    if ready[2].revents != 0 { output.removeFirst(Self.write(output, to: 1) ?? output.count) }
    if ready[0].revents & Int16(POLLIN) != 0, output.isEmpty { output = Self.read(descriptor) ?? [] }
    // The other side is closed for good, and nothing more comes.
    if ready[0].revents & Int16(POLLHUP) != 0, ready[0].revents & Int16(POLLIN) == 0, output.isEmpty {
      terminal = nil
      number = nil
    }
  }

  /// Copies what is there after the process has ended.
  mutating func drain() {
    guard let descriptor = number else { return }
    repeat {
      while !output.isEmpty {
        var entry = pollfd(fd: 1, events: Int16(POLLOUT), revents: 0)
        poll(&entry, 1, -1)
        output.removeFirst(Self.write(output, to: 1) ?? output.count)
      }
      output = Self.read(descriptor) ?? []
    } while !output.isEmpty
  }

  /// Nil at the end, empty where nothing is there now.
  private static func read(_ descriptor: CInt) -> [UInt8]? {
    var bytes = [UInt8](repeating: 0, count: 4096)
    let count = Glibc.read(descriptor, &bytes, bytes.count)
    guard count > 0 else { return count < 0 && [EAGAIN, EINTR].contains(errno) ? [] : nil }
    return Array(bytes.prefix(count))
  }

  /// How many bytes were taken; nil where nobody is there any more.
  private static func write(_ bytes: [UInt8], to descriptor: CInt) -> Int? {
    let count = bytes.withUnsafeBytes { cl_write_quietly(descriptor, $0.baseAddress, $0.count) }
    if count >= 0 { return count }
    return [Int(EAGAIN), Int(EINTR)].contains(-count) ? 0 : nil
  }
}
