import ContainrCore

/// Which seccomp filter a container gets.
public enum SeccompConfiguration: Hashable, Sendable {
  /// Our default profile, with the calls of the granted capabilities open: ``SeccompProfile/containerDefault(for:)``.
  case containerDefault
  /// A profile of the caller's own.
  case profile(SeccompProfile)
  /// No filter: every system call of the kernel can be reached.
  case unconfined
}
