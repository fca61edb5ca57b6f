import ContainrRuntime
import SystemPackage

/// What the command line says of the program, beside the document or in its place.
private struct ProcessOptions {
  var document: String?
  var terminal: Bool?
  var directory: String?
  var variables: [String] = []
  var user: (UInt32, UInt32?)?
  var groups: [UInt32] = []
  var selinuxLabel: String?
  var apparmorProfile: String?
  var gainsNothing: Bool?
  var capabilities: [String] = []

  /// Takes one option; false where it is unknown.
  mutating func take(_ option: Arguments.Option, _ arguments: inout Arguments) throws(ContainrError) -> Bool {
    switch option.name {
    case "process", "p": document = try arguments.value(option)
    case "tty", "t": terminal = try arguments.flag(option)
    case "cwd": directory = try arguments.value(option)
    case "env", "e": variables.append(try arguments.value(option))
    case "user", "u": user = try Self.identity(try arguments.value(option))
    case "additional-gids", "g": groups.append(try arguments.number(option))
    case "process-label": selinuxLabel = try arguments.value(option)
    case "apparmor": apparmorProfile = try arguments.value(option)
    case "no-new-privs": gainsNothing = try arguments.flag(option)
    case "cap", "c": capabilities.append(try arguments.value(option))
    default: return false
    }
    return true
  }

  /// The process document: the given one, or the first process's without its terminal.
  func process(
    _ words: [String], in id: ContainerID, _ runtime: OCIRuntime
  ) throws(ContainrError) -> OCI.RuntimeSpec.Process {
    var process: OCI.RuntimeSpec.Process
    if let document {
      let bytes = try [UInt8](contentsOfHostFile: document)
      process = try OCI.RuntimeSpec.Process(parsing: bytes, as: document, code: .invalidConfiguration)
    } else {
      guard !words.isEmpty else { throw Arguments.wrong("process args cannot be empty") }
      process = try runtime.configuration(id).process ?? OCI.RuntimeSpec.Process()
      process.terminal = false
    }
    if !words.isEmpty { process.args = words }
    if let terminal { process.terminal = terminal }
    if let directory { process.cwd = directory }
    if !variables.isEmpty { process.env = (process.env ?? []) + variables }
    if let (uid, gid) = user {
      process.user.uid = uid
      if let gid { process.user.gid = gid }
    }
    if !groups.isEmpty { process.user.additionalGids = (process.user.additionalGids ?? []) + groups }
    if let selinuxLabel { process.selinuxLabel = selinuxLabel }
    if let apparmorProfile { process.apparmorProfile = apparmorProfile }
    if let gainsNothing { process.noNewPrivileges = gainsNothing }
    for name in capabilities { process.add(capability: name) }
    return process
  }

  /// A user as `uid[:gid]`.
  private static func identity(_ text: String) throws(ContainrError) -> (UInt32, UInt32?) {
    let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    guard let uid = UInt32(parts[0]), parts.count == 1 || UInt32(parts[1]) != nil else {
      throw Arguments.wrong("--user takes uid or uid:gid, not \"\(text)\"")
    }
    return (uid, parts.count == 2 ? UInt32(parts[1]) : nil)
  }
}

func execCommand(_ arguments: inout Arguments, _ context: Invocation.Context) throws(ContainrError) -> Int32 {
  var options = ExecOptions()
  var document = ProcessOptions()
  var detaches = false
  while let option = arguments.option() {
    switch option.name {
    case "console-socket": options.consoleSocket = FilePath(try arguments.value(option))
    case "pid-file": options.pidFile = FilePath(try arguments.value(option))
    case "preserve-fds": options.preservedDescriptors = try arguments.number(option)
    case "cgroup": options.cgroups.append(try arguments.value(option))
    case "ignore-paused": options.ignoresPause = try arguments.flag(option)
    case "no-new-keyring": options.keepsKeyring = try arguments.flag(option)
    case "detach", "d": detaches = try arguments.flag(option)
    default: if try !document.take(option, &arguments) { throw arguments.unknown(option) }
    }
  }
  let id = try arguments.id()
  let process = try document.process(arguments.rest, in: id, context.runtime)
  guard detaches else {
    let foreground = try Foreground()
    return try foreground.wait(for: try context.runtime.exec(id, process, options: options)).code
  }
  guard process.terminal != true || options.consoleSocket != nil else {
    throw Arguments.wrong("cannot allocate tty if runc will detach without setting console socket")
  }
  _ = try context.runtime.exec(id, process, options: options)
  return 0
}

extension OCI.RuntimeSpec.Process {
  /// Gives one more capability to the program; other users than root need it in their inheritable and ambient sets too.
  fileprivate mutating func add(capability name: String) {
    var sets = capabilities ?? Capabilities()
    sets.bounding = (sets.bounding ?? []) + [name]
    sets.effective = (sets.effective ?? []) + [name]
    sets.permitted = (sets.permitted ?? []) + [name]
    sets.inheritable = (sets.inheritable ?? []) + [name]
    sets.ambient = (sets.ambient ?? []) + [name]
    capabilities = sets
  }
}
