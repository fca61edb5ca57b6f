import ContainrCore

/// Which system calls a container's processes may make: rules, and an answer for everything else (`seccomp(2)`).
///
/// A profile is a value: it is compiled to a ``SeccompFilter`` by libseccomp. One call may have several rules, which are
/// alternatives; where two of them match one call, an unconditional rule counts before a conditional one, as libseccomp has it.
public struct SeccompProfile: Hashable, Sendable {
  /// What happens to calls that no rule matches.
  public var defaultAction: SeccompAction
  /// What happens to calls with a higher number than any call that the rules name, on each architecture; nil means
  /// ``defaultAction``.
  ///
  /// `ENOSYS` here lets a C library that is newer than the profile fall back to an older call, where `EPERM` would make it
  /// fail.
  public var newerCalls: SeccompAction?
  /// The system call interfaces that may be used, the machine's own first. Any other ends the process.
  public var architectures: [SeccompArchitecture]
  /// The rules.
  public var rules: [SeccompRule]

  /// Makes a profile.
  public init(
    defaultAction: SeccompAction, newerCalls: SeccompAction? = nil,
    architectures: [SeccompArchitecture] = SeccompArchitecture.ofMachine, rules: [SeccompRule] = []
  ) {
    self.defaultAction = defaultAction
    self.newerCalls = newerCalls
    self.architectures = architectures
    self.rules = rules
  }

  /// One text for one content: what a cached filter is named after.
  var canonicalText: String {
    var text = "default \(defaultAction)\nnewer \(newerCalls.map(\.description) ?? "-")\n"
    for architecture in architectures { text += "architecture \(architecture.rawValue)\n" }
    for rule in rules {
      text += "rule \(rule.action)\n"
      for condition in rule.conditions {
        text += " if \(condition.argument) \(condition.comparison) \(condition.value)\n"
      }
      // A name could hold a line break: its length keeps two contents from having one text.
      for name in rule.names { text += " \(name.utf8.count) \(name)\n" }
    }
    return text
  }
}
