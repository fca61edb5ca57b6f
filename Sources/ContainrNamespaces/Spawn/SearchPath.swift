import Glibc

/// Where commands are looked for (environ(7), PATH).
struct SearchPath {
  /// What is searched where nothing says otherwise.
  static let standard = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

  let directories: [Substring]

  init(_ text: String) { directories = text.split(separator: ":") }

  /// The PATH among variables `NAME=value`, or the standard one.
  init(environment: [String]) {
    self.init(environment.last { $0.hasPrefix("PATH=") }.map { String($0.dropFirst(5)) } ?? Self.standard)
  }

  static var ofThisProcess: SearchPath { SearchPath(getenv("PATH").map { String(cString: $0) } ?? standard) }

  /// The paths that a command may be at: itself where it has a slash.
  func places(of command: String) -> [String] {
    command.contains("/") ? [command] : directories.map { "\($0)/\(command)" }
  }
}
