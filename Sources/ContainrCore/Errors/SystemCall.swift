import SystemPackage

/// A system call that failed, and with what.
public struct SystemCall: Sendable, Hashable, CustomStringConvertible {
  /// The call with its manual section, `mount(2)`.
  public var name: String
  /// The error number.
  public var errno: Errno

  /// Names a call by its manual page.
  public init(_ name: String, _ errno: Errno) {
    self.name = name
    self.errno = errno
  }

  /// `mount(2): EPERM (Operation not permitted)`.
  public var description: String { "\(name): \(errno.symbol) (\(errno))" }
}

extension Errno {
  /// The constant's name, `EPERM`; a number where it has none here.
  public var symbol: String {
    Self.symbols[rawValue] ?? "errno \(rawValue)"
  }

  private static let symbols: [CInt: String] = [
    1: "EPERM", 2: "ENOENT", 3: "ESRCH", 4: "EINTR", 5: "EIO", 6: "ENXIO", 7: "E2BIG", 8: "ENOEXEC", 9: "EBADF",
    10: "ECHILD", 11: "EAGAIN", 12: "ENOMEM", 13: "EACCES", 14: "EFAULT", 15: "ENOTBLK", 16: "EBUSY", 17: "EEXIST",
    18: "EXDEV", 19: "ENODEV", 20: "ENOTDIR", 21: "EISDIR", 22: "EINVAL", 23: "ENFILE", 24: "EMFILE", 25: "ENOTTY",
    26: "ETXTBSY", 27: "EFBIG", 28: "ENOSPC", 29: "ESPIPE", 30: "EROFS", 31: "EMLINK", 32: "EPIPE", 34: "ERANGE",
    35: "EDEADLK", 36: "ENAMETOOLONG", 38: "ENOSYS", 39: "ENOTEMPTY", 40: "ELOOP", 61: "ENODATA", 71: "EPROTO",
    75: "EOVERFLOW", 87: "EUSERS", 95: "EOPNOTSUPP", 97: "EAFNOSUPPORT", 98: "EADDRINUSE", 104: "ECONNRESET",
    110: "ETIMEDOUT", 111: "ECONNREFUSED", 116: "ESTALE", 122: "EDQUOT",
  ]
}
