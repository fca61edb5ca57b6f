import ContainrRuntime
import Glibc

func eventsCommand(_ arguments: inout Arguments, _ context: Invocation.Context) throws(ContainrError) -> Int32 {
  var interval = Duration.seconds(5)
  var once = false
  while let option = arguments.option() {
    switch option.name {
    case "stats": once = try arguments.flag(option)
    case "interval": interval = try duration(try arguments.value(option))
    default: throw arguments.unknown(option)
    }
  }
  let id = try arguments.id()
  try arguments.end()
  let runtime = context.runtime
  guard try runtime.state(id).status != .stopped else {
    throw ContainrError(.containerState, "watching the container \(id)", hint: "container with id \(id) is not running")
  }
  if once {
    Output.line(try runtime.event(id).json.text())
    return 0
  }
  let log = context.log
  let watch = Task.detached {
    do {
      try await runtime.watchMemory(id) { Output.line(try $0.json.text()) }
    } catch is CancellationError {
    } catch { log.write(.warning, "memory is not watched: \(error)") }
  }
  defer { watch.cancel() }
  let clock = ContinuousClock()
  var next = clock.now
  while try isAlive(id, runtime) {
    if clock.now >= next {
      Output.line(try runtime.event(id).json.text())
      next += interval
    }
    // A container that ends is noticed before the interval is over.
    usleep(useconds_t(min(200_000, max(1000, (next - clock.now) / .microseconds(1)))))
  }
  return 0
}

/// Whether a container is there and has not stopped.
private func isAlive(_ id: ContainerID, _ runtime: OCIRuntime) throws(ContainrError) -> Bool {
  do throws(ContainrError) {
    return try runtime.state(id).status != .stopped
  } catch {
    if error.code == .containerNotFound { return false }
    throw error
  }
}

/// A duration as engines write it: `5s`, `100ms`, `1m`.
private func duration(_ text: String) throws(ContainrError) -> Duration {
  let unit = String(text.drop { $0.isNumber })
  guard let number = Int64(text.prefix { $0.isNumber }), number > 0 else {
    throw Arguments.wrong("--interval takes a duration above zero such as 5s, not \"\(text)\"")
  }
  switch unit {
  case "ms": return .milliseconds(number)
  case "s": return .seconds(number)
  case "m" where number < 1_000_000: return .seconds(number * 60)
  default: throw Arguments.wrong("--interval takes a duration in ms, s or m, not \"\(text)\"")
  }
}

func featuresCommand(_ arguments: inout Arguments, _ context: Invocation.Context) throws(ContainrError) -> Int32 {
  while let option = arguments.option() { throw arguments.unknown(option) }
  try arguments.end()
  Output.line(try OCIRuntime.features.json.text(pretty: true))
  return 0
}
