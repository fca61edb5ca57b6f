/// What the kernel does with a system call (`seccomp(2)`, `SECCOMP_RET_*`).
public enum SeccompAction: Hashable, Sendable {
  /// Ends the process by `SIGSYS`.
  case killProcess
  /// Ends the thread.
  case killThread
  /// Sends `SIGSYS` to the thread.
  case trap
  /// Fails the call with an error number, 1 to 4095; 0 makes it succeed without being made.
  case errno(UInt16)
  /// Hands the call to a supervisor, who answers for the kernel: ``SeccompListener``. It fails with `ENOSYS` where there is
  /// none.
  case notify
  /// Hands the call to a tracer with a message; it fails with `ENOSYS` where there is none.
  case trace(UInt16)
  /// Lets the call through, and writes it to the audit log.
  case log
  /// Lets the call through.
  case allow

  /// The value that the filter returns.
  var returnValue: UInt32 {
    switch self {
    case .killProcess: 0x8000_0000
    case .killThread: 0
    case .trap: 0x0003_0000
    case .errno(let number): 0x0005_0000 | UInt32(number)
    case .notify: 0x7fc0_0000
    case .trace(let message): 0x7ff0_0000 | UInt32(message)
    case .log: 0x7ffc_0000
    case .allow: 0x7fff_0000
    }
  }

  /// Whether the call is executed.
  var letsThrough: Bool { self == .allow || self == .log }
}

extension SeccompAction: CustomStringConvertible {
  /// `allow`, `errno 1`.
  public var description: String {
    switch self {
    case .killProcess: "kill process"
    case .killThread: "kill thread"
    case .trap: "trap"
    case .errno(let number): "errno \(number)"
    case .notify: "notify"
    case .trace(let message): "trace \(message)"
    case .log: "log"
    case .allow: "allow"
    }
  }
}
