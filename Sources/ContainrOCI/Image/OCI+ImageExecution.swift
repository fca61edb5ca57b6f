import ContainrCore

extension OCI.ImageConfig {
  /// How an image wants to run (image-spec config.md, `config`). Everything is a wish: a container's own configuration wins.
  public struct Execution: Hashable, Sendable {
    /// `user`, `uid`, `user:group` or `uid:gid`; nil is root.
    public var user: String?
    /// Ports the program listens on, `80/tcp`, sorted.
    public var exposedPorts: [String]
    /// `NAME=value`.
    public var environment: [String]
    /// The start of the command line.
    public var entrypoint: [String]
    /// The rest of the command line, unless the caller gives one.
    public var command: [String]
    /// Paths for data that outlives the container, sorted.
    public var volumes: [String]
    /// The working directory; nil is `/`.
    public var workingDirectory: String?
    /// Free names and values.
    public var labels: [String: String]
    /// The signal that asks the program to end: `SIGTERM` or a number; nil is SIGTERM.
    public var stopSignal: String?

    /// Wishes nothing.
    public init(
      user: String? = nil, exposedPorts: [String] = [], environment: [String] = [], entrypoint: [String] = [],
      command: [String] = [], volumes: [String] = [], workingDirectory: String? = nil, labels: [String: String] = [:],
      stopSignal: String? = nil
    ) {
      self.user = user
      self.exposedPorts = exposedPorts
      self.environment = environment
      self.entrypoint = entrypoint
      self.command = command
      self.volumes = volumes
      self.workingDirectory = workingDirectory
      self.labels = labels
      self.stopSignal = stopSignal
    }
  }
}

extension OCI.ImageConfig.Execution: JSONConvertible {
  /// Reads the `config` object.
  ///
  /// A volume must be an absolute path without `..`, and an environment entry must have a name: both are used on the host.
  public init(_ cursor: JSON.Cursor) throws(ContainrError) {
    self.init(
      user: try cursor.textUnlessEmpty("User"),
      exposedPorts: try cursor.sortedKeys("ExposedPorts"),
      environment: try cursor.strings("Env") ?? [],
      entrypoint: try cursor.strings("Entrypoint") ?? [],
      command: try cursor.strings("Cmd") ?? [],
      volumes: try cursor.sortedKeys("Volumes"),
      workingDirectory: try cursor.textUnlessEmpty("WorkingDir"),
      labels: try cursor.stringMap("Labels") ?? [:],
      stopSignal: try cursor.textUnlessEmpty("StopSignal"))
    for (index, entry) in environment.enumerated() {
      guard let equals = entry.utf8.firstIndex(of: UInt8(ascii: "=")), equals > entry.startIndex, !entry.utf8.contains(0) else {
        throw try cursor.required("Env").elements()[index].invalid("expected NAME=value without a NUL character")
      }
    }
    for path in volumes {
      guard path.hasPrefix("/"), !path.utf8.contains(0), !path.split(separator: "/").contains("..") else {
        throw try cursor.required("Volumes").invalid("\(JSON.quoted(path)) is not an absolute path without \"..\"")
      }
    }
  }

  /// The `config` object.
  public var json: JSON {
    var object = JSON.Object()
    object.add("User", user)
    object.add(emptyObjects: "ExposedPorts", exposedPorts)
    object.add("Env", environment)
    object.add("Entrypoint", entrypoint)
    object.add("Cmd", command)
    object.add(emptyObjects: "Volumes", volumes)
    object.add("WorkingDir", workingDirectory)
    object.add("Labels", labels)
    object.add("StopSignal", stopSignal)
    return .object(object)
  }
}

extension JSON.Cursor {
  fileprivate func textUnlessEmpty(_ key: String) throws(ContainrError) -> String? {
    guard let text = try string(key), !text.isEmpty else { return nil }
    return text
  }

  /// The keys of a Go `map[string]struct{}`.
  fileprivate func sortedKeys(_ key: String) throws(ContainrError) -> [String] {
    try member(key)?.object().members.map(\.key).sorted() ?? []
  }
}

extension JSON.Object {
  fileprivate mutating func add(emptyObjects key: String, _ names: [String]) {
    guard !names.isEmpty else { return }
    var object = JSON.Object()
    for name in names { object[name] = .object(JSON.Object()) }
    self[key] = .object(object)
  }
}
