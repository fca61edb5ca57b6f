import ContainrCore
import ContainrOCI

/// Which system calls a container's processes may make: rules, and an answer for everything else (`seccomp(2)`;
/// runtime-spec config-linux.md#seccomp).
///
/// A profile is a value: typed, or read from a document of Docker's or the OCI's form (``init(json:)``), and compiled to a
/// ``SeccompFilter``. ``explain(syscall:arguments:on:in:)`` tells what it decides.
///
/// One call may have several rules, which are alternatives. What counts is, in this order:
///
/// 1. the first rule without conditions,
/// 2. the first rule whose conditions all hold,
/// 3. ``defaultAction``.
///
/// A rule that says what ``defaultAction`` says adds nothing, here as in runc and libseccomp: it does not stand in the way of
/// a later one.
public struct SeccompProfile: Hashable, Sendable {
  /// What happens to calls that no rule matches.
  public var defaultAction: SeccompAction
  /// What happens to calls with a higher number than any call that the rules name, on each architecture; nil means
  /// ``defaultAction``.
  ///
  /// `ENOSYS` here lets a C library that is newer than the profile fall back to an older call, where `EPERM` would make it
  /// fail. A document that does not say gets `ENOSYS` unless its default lets calls through, as by runc.
  public var newerCalls: SeccompAction?
  /// The system call interfaces that may be used; any other ends the process. The machine's own must be among them; empty
  /// means that one alone. Those that no kernel of the machine has are without effect.
  public var architectures: [SeccompArchitecture]
  /// The same by kind of machine, instead of ``architectures``: `archMap` of Docker's profiles.
  public var architectureMap: [SeccompArchitectureMapping]
  /// The rules.
  public var rules: [SeccompRule]
  /// How the filter is loaded.
  public var flags: SeccompFlags
  /// The AF_UNIX socket that an OCI runtime sends the listener to; for ``SeccompAction/notify``.
  public var listenerPath: FilePath?
  /// What is sent with the listener.
  public var listenerMetadata: String?
  /// Members of the document that Containr gives no meaning to. They are written as they were read.
  public var otherMembers = JSON.Object()

  /// Makes a profile.
  public init(
    defaultAction: SeccompAction, newerCalls: SeccompAction? = nil,
    architectures: [SeccompArchitecture] = SeccompArchitecture.ofMachine, rules: [SeccompRule] = [], flags: SeccompFlags = []
  ) {
    self.defaultAction = defaultAction
    self.newerCalls = newerCalls
    self.architectures = architectures
    architectureMap = []
    self.rules = rules
    self.flags = flags
  }

  /// The names in the rules that no table of system calls has: misspelt, or newer than this build. Such a name is passed over,
  /// as runc does; its call gets ``defaultAction`` or ``newerCalls``.
  public var unknownNames: [String] {
    var seen: Set<String> = []
    return rules.flatMap(\.names).filter { seen.insert($0).inserted && !SystemCallTable.isKnown($0) }
  }

  /// Whether a supervisor has to answer some calls.
  public var notifies: Bool {
    defaultAction == .notify || newerCalls == .notify || rules.contains { $0.action == .notify }
  }

  // MARK: Place

  /// The profile for one place: only the rules that count there, only the interfaces that its kernel may have, its own first.
  ///
  /// - Throws: `SECCOMP` where the machine's own interface is not among the profile's.
  public func resolved(for environment: SeccompEnvironment) throws(ContainrError) -> SeccompProfile {
    var profile = self
    profile.rules = rules.filter { $0.applies(in: environment) }
    for index in profile.rules.indices {
      profile.rules[index].includes = nil
      profile.rules[index].excludes = nil
    }
    profile.architectures = try architectures(on: environment.architecture)
    profile.architectureMap = []
    return profile
  }

  /// The interfaces that may be used on a machine, its own first.
  func architectures(on machine: SeccompArchitecture) throws(ContainrError) -> [SeccompArchitecture] {
    if !architectureMap.isEmpty {
      guard architectures.isEmpty else {
        throw ContainrError(.seccomp, Self.activity, hint: "a profile has architectures or an archMap, not both")
      }
      let own = architectureMap.filter { $0.architecture == machine }.flatMap(\.subArchitectures)
      return [machine] + machine.companions.dropFirst().filter(own.contains)
    }
    if architectures.isEmpty { return [machine] }
    guard architectures.contains(machine) else {
      throw ContainrError(
        .seccomp, Self.activity, hint: "the machine's own architecture, \(machine), must be one of the profile's")
    }
    return machine.companions.filter(architectures.contains)
  }

  /// Whether the place decides anything.
  var dependsOnPlace: Bool { rules.contains { $0.includes != nil || $0.excludes != nil } }

  static let activity = "compiling the seccomp profile"

  /// One text for one content: what a cached filter is named after.
  var canonicalText: String {
    var text = "default \(defaultAction)\nnewer \(newerCalls.map(\.description) ?? "-")\nflags \(flags.rawValue)\n"
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
