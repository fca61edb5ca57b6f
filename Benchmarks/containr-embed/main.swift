// Starts containers from inside this process, and prints how many nanoseconds each took from create to its end, one a line.
import Containr
import ContainrCore
import Glibc

struct Arguments {
  var rounds = 100
  var layer = ContainerConfiguration.WritableLayer.disk
  var directory = StateDirectory.standard

  init() {
    var words = CommandLine.arguments.dropFirst()
    while let word = words.popFirst(), let value = words.popFirst() {
      switch word {
      case "--rounds": rounds = Int(value) ?? rounds
      case "--writable-layer": layer = value == "memory" ? .memory(limit: nil) : .disk
      case "--state-dir": directory = FilePath(value)
      default: break
      }
    }
  }
}

func start(_ image: ResolvedImage, _ arguments: Arguments, in state: StateDirectory) async throws {
  var configuration = try ContainerConfiguration(image: image, arguments: ["/bin/true"])
  configuration.hostFiles = .none
  configuration.writableLayer = arguments.layer
  configuration.process.streams = StandardStreams()
  let status = try await withContainer(configuration, in: state) { try await $0.wait() }
  guard status.isSuccess else { throw ContainrError(.internalError, "running /bin/true", hint: "\(status)") }
}

let arguments = Arguments()
let failure = EventLoop.shared.run { () -> (any Error)? in
  do {
    let state = try StateDirectory(arguments.directory)
    let store = try ImageStore(arguments.directory.appending("images"))
    let image = try await DefaultImage().resolve(in: store)
    // The first starts compile the filter and fill caches.
    for _ in 0..<20 { try await start(image, arguments, in: state) }
    let clock = ContinuousClock()
    for _ in 0..<arguments.rounds {
      let elapsed = try await clock.measure { try await start(image, arguments, in: state) }
      print(elapsed.components.seconds * 1_000_000_000 + elapsed.components.attoseconds / 1_000_000_000)
    }
  } catch { return error }
  return nil
}
if let failure {
  print("containr-embed: \(failure)")
  exit(1)
}
