import ContainrRuntime
import SystemPackage

/// The options before the command, those of runc and those of crun.
struct GlobalOptions {
  var root = OCIRuntime.defaultRoot
  var log: String?
  var logsJSON = false
  var isDebug = false
  var usesSystemdPaths = false
  var hasCgroups = true
  var showsVersion = false
  var showsHelp = false

  init(_ arguments: inout Arguments) throws(ContainrError) {
    while let option = arguments.option() {
      switch option.name {
      case "root": root = FilePath(try arguments.value(option))
      case "log": log = try arguments.value(option)
      case "log-format":
        switch try arguments.value(option) {
        case "json": logsJSON = true
        case "text", "": logsJSON = false
        case let format: throw Arguments.wrong("unknown log-format \"\(format)\": text or json")
        }
      case "debug": isDebug = try arguments.flag(option)
      case "log-level": isDebug = try arguments.value(option) == "debug"
      case "systemd-cgroup": usesSystemdPaths = try arguments.flag(option)
      case "cgroup-manager":
        switch try arguments.value(option) {
        case "cgroupfs": usesSystemdPaths = false
        case "systemd": usesSystemdPaths = true
        case "disabled": hasCgroups = false
        case let name: throw Arguments.wrong("unknown cgroup manager \"\(name)\": cgroupfs, systemd or disabled")
        }
      // Found out without being told.
      case "rootless": _ = try arguments.value(option)
      case "version", "v": showsVersion = try arguments.flag(option)
      case "help", "h": showsHelp = try arguments.flag(option)
      default: throw arguments.unknown(option)
      }
    }
  }
}
