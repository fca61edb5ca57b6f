import CContainrLinux

/// How a process ended (wait(2)).
public enum TerminationStatus: Hashable, Sendable {
  /// It exited with this code, 0 to 255.
  case exited(Int32)
  /// A signal killed it.
  case signaled(Signal)

  /// Reads a status in the form of wait(2).
  package init(waitStatus status: CInt) {
    if cl_w_ifexited(status) != 0 {
      self = .exited(cl_w_exitstatus(status))
    } else {
      self = .signaled(Signal(rawValue: cl_w_termsig(status)))
    }
  }

  /// The exit code as a shell and `docker run` give it: the code, or 128 and the signal's number.
  public var code: Int32 {
    switch self {
    case .exited(let code): code
    case .signaled(let signal): 128 + signal.rawValue
    }
  }

  /// Whether the process exited with 0.
  public var isSuccess: Bool { self == .exited(0) }
}
