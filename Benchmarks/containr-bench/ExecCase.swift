import Glibc

/// Whole processes that run /bin/true in a container which is already running.
struct ExecCase {
  let options: Options
  let workspace: Workspace
  let launcher: Launcher

  /// A running container and what ends it.
  struct Running {
    var subject: Subject
    var stop: () throws(BenchmarkError) -> Void
  }

  func start() -> [Running] {
    var all: [Running] = []
    for runtime in ["crun", "runc"] {
      for (name, bundle) in [(runtime, "sleeper"), (runtime + "+seccomp", "sleeper-seccomp")] {
        all.append(attempt(name) { () throws(BenchmarkError) in try peer(name, runtime, bundle) })
      }
    }
    all.append(attempt("floor") { () throws(BenchmarkError) in try floor() })
    all.append(attempt("containr") { () throws(BenchmarkError) in try containr() })
    return all
  }

  private func attempt(_ name: String, _ body: () throws(BenchmarkError) -> Running) -> Running {
    do { return try body() } catch {
      return Running(subject: Subject(name, missing: error.description)) {}
    }
  }

  private func peer(_ name: String, _ runtime: String, _ bundle: String) throws(BenchmarkError) -> Running {
    guard let path = findExecutable(runtime) else { throw BenchmarkError("\(runtime) is not installed") }
    let id = "containr-bench-\(getpid())-\(bundle)-\(runtime)"
    let base = [path, "--root", workspace.state + "/" + runtime]
    _ = try launcher.output(base + ["run", "-d", "-b", workspace.bundle(bundle), id])
    let subject = Subject(name, "\(runtime) exec /bin/true") { _ throws(BenchmarkError) in
      try launcher.run(base + ["exec", id, "/bin/true"])
    }
    return Running(subject: subject) { () throws(BenchmarkError) in _ = try launcher.output(base + ["delete", "-f", id]) }
  }

  /// The kernel calls of an exec, into a container that crun made.
  private func floor() throws(BenchmarkError) -> Running {
    var running = try peer("floor", "crun", "sleeper-floor")
    let base = [findExecutable("crun") ?? "crun", "--root", workspace.state + "/crun"]
    let state = try launcher.output(base + ["state", "containr-bench-\(getpid())-sleeper-floor-crun"])
    guard let line = state.split(separator: "\n").first(where: { $0.contains("\"pid\"") }),
      let pid = Int(line.filter(\.isNumber))
    else {
      try running.stop()
      throw BenchmarkError("crun state: no pid in \(state)")
    }
    let command = [options.floor, "--enter", String(pid), "--seccomp", workspace.filter]
    running.subject = Subject("floor", "the kernel calls of exec: setns, cgroups, capabilities, seccomp") {
      _ throws(BenchmarkError) in
      try launcher.run(command)
    }
    return running
  }

  /// A foreground container whose cat ends when the pipe that feeds it is closed.
  private func containr() throws(BenchmarkError) -> Running {
    guard isExecutable(options.containr) else { throw BenchmarkError("no executable at \(options.containr)") }
    var ends: [Int32] = [-1, -1]
    try require(pipe(&ends), "pipe(2)")
    let (input, feed) = (ends[0], ends[1])
    _ = fcntl(feed, F_SETFD, FD_CLOEXEC)
    let id = "containr-bench-\(getpid())"
    let running = Launcher(logPath: workspace.path + "/containr.log")
    let process = try running.start(
      [options.containr, "run", "--rm", "-i", "--name", id, options.image, "/bin/cat"], standardInput: input)
    close(input)
    let stop = { () throws(BenchmarkError) in
      close(feed)
      _ = try launcher.collect(process)
    }
    let command = [options.containr, "exec", id, "/bin/true"]
    for _ in 0..<200 {
      if try launcher.run(command).exitStatus == 0 {
        return Running(
          subject: Subject("containr", "containr exec /bin/true") { _ throws(BenchmarkError) in try launcher.run(command) },
          stop: stop)
      }
      sleepMicroseconds(10_000)
    }
    try stop()
    throw BenchmarkError("no exec in \(id) within two seconds: \(try readText(running.logPath))")
  }
}
