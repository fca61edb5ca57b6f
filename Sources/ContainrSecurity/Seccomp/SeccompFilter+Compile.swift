import ContainrCore

extension SeccompFilter {
  /// Compiles a profile. Keep the result with a ``SeccompFilterCache``: compiling takes as long as starting a process.
  ///
  /// Calls are found by a binary search over ranges of numbers, which libseccomp's tables give; names that no table has are
  /// passed over (``SeccompProfile/unknownNames``).
  ///
  /// - Parameters:
  ///   - profile: the profile. Rules with `includes` or `excludes` are decided by `environment`.
  ///   - environment: the place; nil means this machine and Docker's capabilities.
  /// - Throws: `SECCOMP` for a malformed profile or one too long for the kernel.
  public init(
    compiling profile: SeccompProfile, for environment: SeccompEnvironment? = nil
  ) throws(ContainrError) {
    var profile = profile
    if profile.dependsOnPlace {
      if let environment {
        profile = try profile.resolved(for: environment)
      } else {
        profile = try profile.resolved(for: .current())
      }
    }
    let architectures = try profile.architectures(on: environment?.architecture ?? .native)
    let table = try SeccompRuleTable(of: profile)
    let flags = try Self.flags(of: profile)
    let mark = profile.notifies ? UInt64.random(in: 1 ... .max) : 0
    let dispatch = SeccompDispatch(of: table, for: architectures, mark: mark)
    guard let filter = SeccompFilter(bytes: dispatch.program.bytes, flags: flags, mark: mark) else {
      throw ContainrError(
        .seccomp, SeccompProfile.activity,
        hint: "it has \(dispatch.program.count) instructions; the kernel takes \(Self.maximumInstructionCount)")
    }
    self = filter
  }

  private static func flags(of profile: SeccompProfile) throws(ContainrError) -> SeccompFlags {
    var flags = profile.flags
    if profile.notifies {
      flags.insert(.newListener)
      if flags.contains(.threadSynchronization) { flags.insert(.threadSynchronizationError) }
    } else if flags.contains(.waitKillable) {
      throw ContainrError(
        .seccomp, SeccompProfile.activity, hint: "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV needs a rule that notifies")
    }
    return flags
  }
}
