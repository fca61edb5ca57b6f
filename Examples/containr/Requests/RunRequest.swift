import Containr
import ContainrCore
import Glibc
import Logging

/// What `run` is asked: to run an image's or the given command in a new container.
struct RunRequest: AsyncTool {
  static let failureStatus: Int32 = 125

  var global = GlobalRequest()
  var process = ProcessRequest()
  var container = ContainerRequest()
  var explain = false
  /// Nothing to do for: a container in the foreground is removed when it ends.
  var remove = false
  /// The image, then the command.
  var words: [String] = []

  func work() async throws -> Int32 {
    let configuration = try configuration()
    if !configuration.fallenWalls.isEmpty { global.prepareToWarn() }
    let state = try global.state()
    let signals = try SignalForwarder()
    let log = ContainrLog.logger(component: "run", container: configuration.id)
    let container = try await Container.create(configuration, in: state)
    log.debug("created", metadata: ["directory": "\(state.path)"])
    try await container.start(traced: explain)
    if let plan = await container.plan {
      for operation in plan.operations { log.debug("\(operation.summary)", metadata: ["manual": "\(operation.manual)"]) }
      if explain { Console.error(plan.description) }
    }
    let outcome: Result<(status: Int32, oomKills: UInt64), any Error>
    do {
      let status = try await attend(container, signals)
      outcome = .success((status, status == 137 ? try await container.oomKills() : 0))
    } catch {
      outcome = .failure(error)
    }
    try await container.delete()
    if explain, let plan = await container.plan {
      Console.error(plan.describe(durations: await container.durations))
    }
    log.debug("deleted")
    let (status, oomKills) = try outcome.get()
    if oomKills > 0 {
      Console.error("containr: the container was killed because it reached its memory limit\n  hint: raise --memory")
    }
    return status
  }

  private func attend(_ container: Container, _ signals: borrowing SignalForwarder) async throws -> Int32 {
    if let terminal = await container.terminal {
      return try await process.attend(terminal, signals: signals) { signal in
        try await container.signal(signal)
      } wait: {
        try await container.wait().code
      }
    }
    return try await process.attend(nil, signals: signals) { signal in
      if case .running = await container.state { try await container.signal(signal) }
    } wait: {
      try await container.wait().code
    }
  }

  // MARK: Configuration

  private func configuration() throws -> ContainerConfiguration {
    guard let name = words.first else {
      throw ContainrError(.invalidArgument, "reading the arguments", hint: "name an image, such as containr/busybox")
    }
    let reference = try ImageReference(name)
    let store = try global.images()
    let image =
      reference == DefaultImage.reference ? try DefaultImage().resolve(in: store) : try store.resolve(reference)
    var configuration = try ContainerConfiguration(image: image, arguments: Array(words.dropFirst()))
    try container.apply(to: &configuration, volumes: global.directory.appending("volumes"))
    try process.apply(to: &configuration.process)
    return configuration
  }
}
