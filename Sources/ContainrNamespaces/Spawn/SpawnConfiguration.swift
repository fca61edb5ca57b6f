import SystemPackage

/// A process in namespaces of its own: what it runs, and what it sees.
///
/// ```
/// let configuration = SpawnConfiguration {
///   $0.arguments = ["/bin/sh", "-c", "hostname; ps"]
///   $0.namespaces.create([.pid, .mnt, .uts])
///   $0.hostname = "inside"
/// }
/// ```
public struct SpawnConfiguration: Hashable, Sendable {
  /// The command and its arguments. A command without a slash is looked up in the `PATH` of ``environment``.
  public var arguments: [String] = []
  /// Variables, `NAME=value`. Nothing of the caller's is added.
  public var environment: [String] = ["PATH=\(SearchPath.standard)"]
  /// Where it starts; the caller's directory unless set.
  public var workingDirectory: FilePath?
  /// Its namespaces; all the host's unless set.
  public var namespaces = Namespaces()
  /// The host name of a new UTS namespace (`sethostname(2)`, at most 64 bytes).
  public var hostname: String?
  /// The NIS domain name of a new UTS namespace (`setdomainname(2)`).
  public var domainName: String?
  /// Whether a fresh /proc is mounted where both the mount and the pid namespace are new, so that it shows the processes
  /// inside. True unless set.
  public var mountsProc = true
  /// Standard input; the caller's unless set.
  public var standardInput = StandardStream.inherit
  /// Standard output; the caller's unless set.
  public var standardOutput = StandardStream.inherit
  /// Standard error; the caller's unless set.
  public var standardError = StandardStream.inherit

  /// Makes a configuration.
  public init(_ configure: (inout SpawnConfiguration) -> Void = { _ in }) { configure(&self) }
}
