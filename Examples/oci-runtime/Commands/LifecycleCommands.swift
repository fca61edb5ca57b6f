import ContainrRuntime
import Glibc
import SystemPackage

/// The options that create and run have in common.
struct MakingOptions {
  var bundle: FilePath = "."
  var configuration: FilePath?
  var create = CreateOptions()

  /// Takes one option; false where it is unknown.
  mutating func take(_ option: Arguments.Option, _ arguments: inout Arguments) throws(ContainrError) -> Bool {
    switch option.name {
    case "bundle", "b": bundle = FilePath(try arguments.value(option))
    case "config", "f": configuration = FilePath(try arguments.value(option))
    case "console-socket": create.consoleSocket = FilePath(try arguments.value(option))
    case "pid-file": create.pidFile = FilePath(try arguments.value(option))
    case "preserve-fds": create.preservedDescriptors = try arguments.number(option)
    case "no-pivot": create.usesChroot = try arguments.flag(option)
    case "no-new-keyring": create.keepsKeyring = try arguments.flag(option)
    default: return false
    }
    return true
  }

  func read(_ context: Invocation.Context) throws(ContainrError) -> (Bundle, CreateOptions) {
    var options = create
    options.usesSystemdPaths = context.global.usesSystemdPaths
    options.hasCgroup = context.global.hasCgroups
    options.preservedDescriptors += MakingOptions.listenDescriptors
    return (try Bundle(bundle, configuration: configuration), options)
  }

  /// Sockets that systemd hands to a service (sd_listen_fds(3)).
  private static var listenDescriptors: Int {
    guard let count = getenv("LISTEN_FDS"), let pid = getenv("LISTEN_PID"), String(cString: pid) == String(getpid()) else {
      return 0
    }
    return Int(String(cString: count)) ?? 0
  }
}

func createCommand(_ arguments: inout Arguments, _ context: Invocation.Context) throws(ContainrError) -> Int32 {
  var options = MakingOptions()
  while let option = arguments.option() {
    if try options.take(option, &arguments) { continue }
    throw arguments.unknown(option)
  }
  let id = try arguments.id()
  try arguments.end()
  let (bundle, create) = try options.read(context)
  try context.runtime.create(id, bundle, options: create)
  return 0
}

func startCommand(_ arguments: inout Arguments, _ context: Invocation.Context) throws(ContainrError) -> Int32 {
  while let option = arguments.option() { throw arguments.unknown(option) }
  let id = try arguments.id()
  try arguments.end()
  try context.runtime.start(id)
  return 0
}

func runCommand(_ arguments: inout Arguments, _ context: Invocation.Context) throws(ContainrError) -> Int32 {
  var options = MakingOptions()
  var detaches = false
  var keeps = false
  var isSubreaper = true
  while let option = arguments.option() {
    switch option.name {
    case "detach", "d": detaches = try arguments.flag(option)
    case "keep": keeps = try arguments.flag(option)
    case "no-subreaper": isSubreaper = try !arguments.flag(option)
    default: if try !options.take(option, &arguments) { throw arguments.unknown(option) }
    }
  }
  let id = try arguments.id()
  try arguments.end()
  let (bundle, create) = try options.read(context)
  guard detaches else {
    return try context.runtime.run(id, bundle, options: create, isSubreaper: isSubreaper, keepsContainer: keeps).code
  }
  try context.runtime.create(id, bundle, options: create)
  do throws(ContainrError) {
    try context.runtime.start(id)
  } catch {
    do throws(ContainrError) { try context.runtime.delete(id, force: true) } catch {
      context.log.write(.warning, error.summary)
    }
    throw error
  }
  return 0
}

func stateCommand(_ arguments: inout Arguments, _ context: Invocation.Context) throws(ContainrError) -> Int32 {
  while let option = arguments.option() { throw arguments.unknown(option) }
  let id = try arguments.id()
  try arguments.end()
  Output.line(try context.runtime.summary(id).json.text(pretty: true))
  return 0
}

func killCommand(_ arguments: inout Arguments, _ context: Invocation.Context) throws(ContainrError) -> Int32 {
  var all = false
  while let option = arguments.option() {
    switch option.name {
    case "all", "a": all = try arguments.flag(option)
    default: throw arguments.unknown(option)
    }
  }
  let id = try arguments.id()
  let signal = try arguments.next().map { text throws(ContainrError) in try Signal(parsing: text) } ?? .terminate
  try arguments.end()
  try context.runtime.kill(id, signal, all: all)
  return 0
}

func deleteCommand(_ arguments: inout Arguments, _ context: Invocation.Context) throws(ContainrError) -> Int32 {
  var force = false
  while let option = arguments.option() {
    switch option.name {
    case "force", "f": force = try arguments.flag(option)
    default: throw arguments.unknown(option)
    }
  }
  let id = try arguments.id()
  try arguments.end()
  try context.runtime.delete(id, force: force)
  return 0
}

func pauseCommand(_ arguments: inout Arguments, _ context: Invocation.Context) throws(ContainrError) -> Int32 {
  while let option = arguments.option() { throw arguments.unknown(option) }
  let id = try arguments.id()
  try arguments.end()
  try context.runtime.pause(id)
  return 0
}

func resumeCommand(_ arguments: inout Arguments, _ context: Invocation.Context) throws(ContainrError) -> Int32 {
  while let option = arguments.option() { throw arguments.unknown(option) }
  let id = try arguments.id()
  try arguments.end()
  try context.runtime.resume(id)
  return 0
}

/// A command that is known and cannot be done.
func unsupportedCommand(_ name: String) -> (inout Arguments, Invocation.Context) throws(ContainrError) -> Int32 {
  { (_, _) throws(ContainrError) in
    throw ContainrError(.unsupported, "running the command \(name)", hint: "\(name) is not supported yet")
  }
}
