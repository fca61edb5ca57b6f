import ContainrCore
import ContainrOCI

extension SeccompAction {
  /// Reads an action with its number: `errnoRet`, which `SCMP_ACT_ERRNO` and `SCMP_ACT_TRACE` take, 1 where it is missing.
  init(_ cursor: JSON.Cursor, number: JSON.Cursor?) throws(ContainrError) {
    let name = try cursor.string()
    switch name {
    case "SCMP_ACT_ERRNO":
      let value = try number?.integer(UInt16.self) ?? 1
      if let number, value > 4095 { throw number.invalid("an error number is 0 to 4095") }
      self = .errno(value)
      return
    case "SCMP_ACT_TRACE":
      self = .trace(try number?.integer(UInt16.self) ?? 1)
      return
    case "SCMP_ACT_KILL", "SCMP_ACT_KILL_THREAD": self = .killThread
    case "SCMP_ACT_KILL_PROCESS": self = .killProcess
    case "SCMP_ACT_TRAP": self = .trap
    case "SCMP_ACT_NOTIFY": self = .notify
    case "SCMP_ACT_LOG": self = .log
    case "SCMP_ACT_ALLOW": self = .allow
    default: throw cursor.invalid("an unknown action, \(JSON.quoted(name))")
    }
    if let number { throw number.invalid("\(name) takes no number") }
  }

  /// The name in the OCI specification.
  var ociName: String {
    switch self {
    case .killProcess: "SCMP_ACT_KILL_PROCESS"
    case .killThread: "SCMP_ACT_KILL_THREAD"
    case .trap: "SCMP_ACT_TRAP"
    case .errno: "SCMP_ACT_ERRNO"
    case .notify: "SCMP_ACT_NOTIFY"
    case .trace: "SCMP_ACT_TRACE"
    case .log: "SCMP_ACT_LOG"
    case .allow: "SCMP_ACT_ALLOW"
    }
  }

  /// The `errnoRet` of an action that has one.
  var number: JSON? {
    switch self {
    case .errno(let number), .trace(let number): .integer(Int64(number))
    default: nil
    }
  }
}
