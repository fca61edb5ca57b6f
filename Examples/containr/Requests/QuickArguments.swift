/// Reads the plain forms of `run` and `exec` without ArgumentParser, whose reflection costs more than a millisecond at the
/// first use: a third of a start. Whatever is not read here (help, mistakes, `--option=value`, other commands) is left to
/// it, so that a message can come from one place only.
enum QuickArguments {
  static func request(_ arguments: [String]) -> (any AsyncTool)? {
    guard let command = arguments.first else { return nil }
    var request = RunRequest()
    var rest = arguments.dropFirst()
    while let option = rest.first, option.hasPrefix("-") {
      rest.removeFirst()
      if flag(option, &request) { continue }
      guard let value = rest.popFirst(), !value.hasPrefix("-"), self.option(option, value, &request) else { return nil }
    }
    request.words = Array(rest)
    switch command {
    case "run" where !rest.isEmpty: return request
    case "exec" where rest.count >= 2 && request.container == ContainerRequest() && !request.explain && !request.remove:
      return ExecRequest(global: request.global, process: request.process, words: request.words)
    default: return nil
    }
  }

  private static func flag(_ name: String, _ request: inout RunRequest) -> Bool {
    switch name {
    case "--rm": request.remove = true
    case "-i", "--interactive": request.process.interactive = true
    case "-t", "--tty": request.process.tty = true
    case "-it", "-ti": (request.process.interactive, request.process.tty) = (true, true)
    case "--explain": request.explain = true
    case "--read-only": request.container.readOnly = true
    case "--privileged": request.container.privileged = true
    case "--debug": request.global.debug = true
    default: return false
    }
    return true
  }

  private static func option(_ name: String, _ value: String, _ request: inout RunRequest) -> Bool {
    switch name {
    case "-e", "--env": request.process.env.append(value)
    case "-w", "--workdir": request.process.workdir = value
    case "-u", "--user": request.process.user = value
    case "-v", "--volume": request.container.volume.append(value)
    case "-m", "--memory": request.container.memory = value
    case "--cpus": request.container.cpus = value
    case "--pids": request.container.pids = value
    case "--name": request.container.name = value
    case "--hostname": request.container.hostname = value
    case "--network": request.container.network = value
    case "--tmpfs": request.container.tmpfs.append(value)
    case "--cap-add": request.container.capAdd.append(value)
    case "--cap-drop": request.container.capDrop.append(value)
    case "--security-opt": request.container.securityOpt.append(value)
    case "--writable-layer": request.container.writableLayer = value
    case "--state-dir": request.global.stateDir = value
    default: return false
    }
    return true
  }
}
