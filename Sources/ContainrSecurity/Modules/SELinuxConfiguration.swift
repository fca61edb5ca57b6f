import ContainrCore

/// Which SELinux label a container's processes have.
///
/// Without one they keep the label of this program: a root that is not labelled for containers could not be executed from, so
/// a label is never given unasked. Parts that are not named come from the policy's own label for containers.
public struct SELinuxConfiguration: Hashable, Sendable {
  /// Whether processes get a label.
  public var isEnabled: Bool
  /// The SELinux user.
  public var user: String?
  /// The role.
  public var role: String?
  /// The type.
  public var type: String?
  /// The level, with the categories that keep containers of one type apart: `s0:c1,c2`.
  public var level: String?

  /// No label of its own.
  public static let disabled = SELinuxConfiguration(isEnabled: false)
  /// The policy's label for containers.
  public static let container = SELinuxConfiguration(isEnabled: true)

  /// A label of which all or some parts are named.
  public init(isEnabled: Bool = true, user: String? = nil, role: String? = nil, type: String? = nil, level: String? = nil) {
    self.isEnabled = isEnabled
    self.user = user
    self.role = role
    self.type = type
    self.level = level
  }

  /// A whole label.
  public init(_ context: SELinuxContext) {
    self.init(user: context.user, role: context.role, type: context.type, level: context.level)
  }

  /// Applies one `--security-opt label=`: `disable`, or `user:`, `role:`, `type:`, `level:` with a value.
  ///
  /// - Throws: `INVALID_ARGUMENT`.
  public mutating func apply(option: String) throws(ContainrError) {
    if option == "disable" { return self = .disabled }
    let parts = option.split(separator: ":", maxSplits: 1).map(String.init)
    guard parts.count == 2 else { throw Self.malformed(option) }
    switch parts[0] {
    case "user": user = parts[1]
    case "role": role = parts[1]
    case "type": type = parts[1]
    case "level": level = parts[1]
    default: throw Self.malformed(option)
    }
    isEnabled = true
  }

  private static func malformed(_ option: String) -> ContainrError {
    ContainrError(
      .invalidArgument, "reading the label option \"\(option)\"", hint: "disable, user:U, role:R, type:T or level:L")
  }

  /// The label of processes; nil where none is wanted.
  ///
  /// - Throws: `SECURITY_MODULE` where the kernel has no SELinux, or the policy no such label; `INVALID_ARGUMENT`.
  public func processContext() throws(ContainrError) -> SELinuxContext? {
    guard isEnabled else { return nil }
    guard SELinux.isEnabled else { throw SELinux.missing("giving a SELinux label") }
    let context: SELinuxContext
    if let user, let role, let type {
      context = try SELinuxContext(user: user, role: role, type: type, level: level)
    } else {
      let base = try SELinux.containerContexts().process
      context = try SELinuxContext(
        user: user ?? base.user, role: role ?? base.role, type: type ?? base.type, level: level ?? base.level)
    }
    try SELinux.validate(context)
    return context
  }

  /// The label of files that such processes may use, with the same categories; nil where no label is wanted. For the mount
  /// option `context=` (`mount(8)`).
  ///
  /// - Throws: as ``processContext()``.
  public func fileContext() throws(ContainrError) -> SELinuxContext? {
    guard isEnabled else { return nil }
    guard SELinux.isEnabled else { throw SELinux.missing("giving a SELinux label") }
    var context = try SELinux.containerContexts().file
    if let level { context.level = level }
    try SELinux.validate(context)
    return context
  }

  /// What a process writes before it executes its program: the label from then on, and that of the keys it makes.
  ///
  /// - Throws: as ``processContext()``.
  public func resolve() throws(ContainrError) -> (process: SecurityLabel, keys: SecurityLabel)? {
    guard let text = try processContext()?.description else { return nil }
    return (
      SecurityLabel(module: .seLinux, attribute: "self/attr/exec", text: text),
      SecurityLabel(module: .seLinux, attribute: "self/attr/keycreate", text: text)
    )
  }
}
