import ContainrCore

/// A process of an OCI container, as who started it gets it: a child of the calling program, to be waited for by
/// ``Foreground`` or dropped, and then it lives on.
public struct OCIProcess: ~Copyable, Sendable {
  /// The process.
  public let process: ProcessDescriptor
  /// The controlling side of its terminal, where it has one and no socket got it.
  public var terminal: OwnedDescriptor?

  init(_ process: consuming ProcessDescriptor, terminal: consuming OwnedDescriptor?) {
    self.process = process
    self.terminal = terminal
  }

  /// The process id, as the caller counts.
  public var pid: Int32 { process.pid }

  /// Kills the process and reaps it.
  consuming func kill() throws(ContainrError) {
    try process.send(.kill)
    _ = try process.reap()
  }
}
