import SystemPackage

extension ContainrError {
  /// Makes the error of a failed system call: a missing privilege, a missing kernel feature and exhaustion have codes of
  /// their own; for every other error number `code` is used.
  ///
  /// - Parameters:
  ///   - code: the code for error numbers that say nothing general.
  ///   - activity: what was being done.
  ///   - call: the call with its manual section, `openat2(2)`.
  ///   - errno: the error number, positive.
  ///   - hint: what a person can do, instead of the general hint of the error number.
  public static func errno(
    _ errno: Errno, _ code: Code, _ activity: String, call: String, hint: String? = nil
  ) -> ContainrError {
    var code = code
    var general: String?
    switch errno {
    case .notPermitted, .permissionDenied:
      code = .permissionDenied
      general = "run as root, or with the capability that \(call) names"
    case .noFunction:
      code = .kernelUnsupported
      general = "this kernel has no \(call); see `containr system info`"
    case .noMemory, .tooManyOpenFiles, .tooManyOpenFilesInSystem, .noSpace:
      code = .resourceExhausted
      general = Self.exhaustionHint(errno)
    default: break
    }
    return ContainrError(code, activity, systemCall: SystemCall(call, errno), hint: hint ?? general)
  }

  private static func exhaustionHint(_ errno: Errno) -> String {
    switch errno {
    case .noSpace: "free disk space or inodes, or raise the limit under /proc/sys/user"
    case .noMemory: "free memory, or raise the memory limit of this process's cgroup"
    default: "raise RLIMIT_NOFILE (ulimit -n), or close descriptors"
    }
  }
}

/// Throws the error of a call of `CContainrLinux`, which returns a negated errno; passes any other value on.
@discardableResult
package func check<Value: FixedWidthInteger & SignedInteger>(
  _ result: Value, _ code: ContainrError.Code, _ call: String, _ activity: @autoclosure () -> String,
  hint: String? = nil
) throws(ContainrError) -> Value {
  guard result < 0 else { return result }
  throw .errno(Errno(rawValue: CInt(-result)), code, activity(), call: call, hint: hint)
}
