/// What went wrong in any Containr library: one type for the whole package.
///
/// Callers match on ``code`` only; everything else is for people. The description is one line, then the hint, then the
/// chain of causes:
///
/// ```
/// [PERMISSION_DENIED] entering the user namespace: setns(2): EPERM (Operation not permitted)
///   hint: run as root, or ask for a user namespace
/// ```
public struct ContainrError: Error, Sendable {
  /// The stable identifier of the failure.
  public var code: Code
  /// What was being done, as a phrase that starts with a verb in -ing: `mounting proc at /proc`.
  public var activity: String
  /// The system call that failed, where one did.
  public var systemCall: SystemCall?
  /// What a person can do next.
  public var hint: String?
  /// Names and values that belong to the failure: a path, a limit, a digest.
  public var fields: [String: String]
  /// The error behind this one.
  public var cause: (any Error)?

  /// Makes an error.
  public init(
    _ code: Code,
    _ activity: String,
    systemCall: SystemCall? = nil,
    hint: String? = nil,
    fields: [String: String] = [:],
    cause: (any Error)? = nil
  ) {
    self.code = code
    self.activity = activity
    self.systemCall = systemCall
    self.hint = hint
    self.fields = fields
    self.cause = cause
  }

  /// The one-line summary without hint and causes: `[CODE] activity: call(2): ERRNO (text)`.
  public var summary: String {
    var line = "[\(code.rawValue)] \(activity)"
    if let systemCall { line += ": \(systemCall)" }
    // An activity quotes names that users and images chose.
    return PrintableText.singleLine(line)
  }
}

extension ContainrError: CustomStringConvertible {
  /// The summary, the hint, and one line for each cause.
  public var description: String {
    var lines = [summary]
    if let hint { lines.append("  hint: \(PrintableText.singleLine(hint))") }
    var next = cause
    while let cause = next {
      if let error = cause as? ContainrError {
        lines.append("  cause: \(error.summary)")
        next = error.cause
      } else {
        lines.append("  cause: \(PrintableText.singleLine("\(cause)"))")
        next = nil
      }
    }
    return lines.joined(separator: "\n")
  }
}
