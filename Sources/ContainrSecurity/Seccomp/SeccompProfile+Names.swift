extension SeccompProfile {
  /// The actions that a document may name.
  public static let actionNames = [
    "SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO", "SCMP_ACT_KILL", "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_KILL_THREAD", "SCMP_ACT_LOG",
    "SCMP_ACT_NOTIFY", "SCMP_ACT_TRACE", "SCMP_ACT_TRAP",
  ]
  /// The operators that a document may name.
  public static let operatorNames = [
    "SCMP_CMP_EQ", "SCMP_CMP_GE", "SCMP_CMP_GT", "SCMP_CMP_LE", "SCMP_CMP_LT", "SCMP_CMP_MASKED_EQ", "SCMP_CMP_NE",
  ]
  /// The architectures that a document may name.
  public static var architectureNames: [String] { SeccompArchitecture.allNames }
  /// The flags that a document may name.
  public static var flagNames: [String] { SeccompFlags.names.map(\.name) }
}

extension SeccompArchitecture {
  static var allNames: [String] { names.map(\.name).sorted() }
}
