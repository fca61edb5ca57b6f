// Runs a command, or a shell, in namespaces of its own: host name, process ids, mounts, IPC and network apart from the host's.
//
//   namespace-shell [--explain] [command [argument…]]
//
// As an ordinary user, too: then a user namespace comes first, in which the caller is root.

import ContainrNamespaces
import Glibc

@main struct NamespaceShell {
  static func main() async {
    do {
      exit(try await run(Array(CommandLine.arguments.dropFirst())).code)
    } catch {
      note("\(error)")
      exit(125)
    }
  }

  static func run(_ arguments: [String]) async throws -> TerminationStatus {
    let explains = arguments.first == "--explain"
    let command = Array(explains ? arguments.dropFirst() : arguments[...])

    var configuration = SpawnConfiguration {
      $0.arguments = command.isEmpty ? ["sh"] : command
      $0.namespaces.create([.pid, .mnt, .uts, .ipc, .net])
      $0.hostname = "namespace-shell"
    }
    for name in ["TERM", "HOME", "LANG"] {
      if let value = getenv(name) { configuration.environment.append("\(name)=\(String(cString: value))") }
    }
    if geteuid() != 0 {
      configuration.namespaces.user = .new
      configuration.namespaces.idMaps = try IDMaps.rootless()
    }
    if explains { note("\(try configuration.launchPlan())") }

    return try await withNamespacedProcess(configuration) { process in try await process.wait() }.status
  }

  /// Writes a line to standard error.
  static func note(_ text: String) {
    let line = Array((text + "\n").utf8)
    _ = write(STDERR_FILENO, line, line.count)
  }
}
