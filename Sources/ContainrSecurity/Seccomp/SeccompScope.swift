import ContainrCore

/// Where a rule counts, or does not: `includes` and `excludes` of Docker's profiles.
public struct SeccompScope: Hashable, Sendable {
  /// Capabilities of the container. A rule that includes several needs all of them; one of several excludes it.
  public var capabilities: [Capability]
  /// Kinds of machines by Go's names: `amd64`, `arm64`, `s390x`. One of them is enough.
  public var architectures: [String]
  /// The oldest kernel, by its first two numbers.
  public var minimumKernel: KernelVersion?

  /// Makes a scope.
  public init(capabilities: [Capability] = [], architectures: [String] = [], minimumKernel: KernelVersion? = nil) {
    self.capabilities = capabilities
    self.architectures = architectures
    self.minimumKernel = minimumKernel
  }

  /// Whether everything that is named is there.
  func includes(_ environment: SeccompEnvironment) -> Bool {
    if !architectures.isEmpty, !matchesArchitecture(environment) { return false }
    if !capabilities.allSatisfy(environment.capabilities.contains) { return false }
    return minimumKernel == nil || reachesKernel(environment)
  }

  /// Whether anything that is named is there.
  func excludes(_ environment: SeccompEnvironment) -> Bool {
    matchesArchitecture(environment) || capabilities.contains(where: environment.capabilities.contains)
      || reachesKernel(environment)
  }

  private func matchesArchitecture(_ environment: SeccompEnvironment) -> Bool {
    environment.architecture.goName.map(architectures.contains) ?? false
  }

  private func reachesKernel(_ environment: SeccompEnvironment) -> Bool {
    guard let minimumKernel else { return false }
    return (environment.kernel.major, environment.kernel.minor) >= (minimumKernel.major, minimumKernel.minor)
  }
}
