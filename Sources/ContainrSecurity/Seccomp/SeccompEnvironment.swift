import ContainrCore

/// What a profile's `includes`, `excludes` and `archMap` are decided by.
public struct SeccompEnvironment: Hashable, Sendable {
  /// What the container may hold: its bounding set.
  public var capabilities: CapabilitySet
  /// The machine's own system call interface.
  public var architecture: SeccompArchitecture
  /// The kernel's version.
  public var kernel: KernelVersion

  /// Describes a place where a profile is to be used.
  public init(
    capabilities: CapabilitySet, architecture: SeccompArchitecture = .native, kernel: KernelVersion
  ) {
    self.capabilities = capabilities
    self.architecture = architecture
    self.kernel = kernel
  }

  /// This machine and its running kernel.
  ///
  /// - Throws: `INVALID_ARGUMENT` where the kernel's release does not start with numbers.
  public static func current(capabilities: CapabilitySet = .dockerDefault) throws(ContainrError) -> SeccompEnvironment {
    SeccompEnvironment(capabilities: capabilities, kernel: try .current())
  }
}
