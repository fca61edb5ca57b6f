import SystemPackage

/// What a supervisor answers to a system call (seccomp_unotify(2)).
public enum SeccompAnswer: Hashable, Sendable {
  /// The kernel makes the call as if there were no filter.
  ///
  /// This is no permission check. Another thread of the program can change what a pointer among the arguments points to
  /// between the supervisor's look and the kernel's: whoever continues a call because of what is in memory has decided
  /// nothing. Continue only what would be safe with any content, because the kernel or another wall refuses the rest.
  case `continue`
  /// The call returns a value without being made.
  case `return`(Int64)
  /// The call fails without being made.
  case error(Errno)
}
