import ContainrLaunch

/// What a process writes to an attribute file of its own, to have a label from the next program it executes on
/// (`proc_pid_attr(5)`).
public struct SecurityLabel: Hashable, Sendable {
  /// The module that is asked.
  public var module: SecurityModule
  /// The file, below a procfs: `self/attr/apparmor/exec`.
  public var attribute: String
  /// What is written.
  public var text: String

  /// Describes a request.
  public init(module: SecurityModule, attribute: String, text: String) {
    self.module = module
    self.attribute = attribute
    self.text = text
  }
}

extension LaunchPlan {
  /// Appends the write of a label. The child checks that the file is one of procfs and behind no mount or link
  /// (CVE-2019-16884, CVE-2025-52881).
  ///
  /// - Parameter procfs: a procfs of the container's pid namespace that this plan mounted, or opened there.
  public mutating func append(label: SecurityLabel, procfs: LaunchSlot) {
    append(.securityLabel(procfs, module: label.module.rawValue, path: label.attribute, text: label.text))
  }
}
