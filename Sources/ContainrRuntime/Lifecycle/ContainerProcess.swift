import ContainrCore
import ContainrLaunch

/// A program that was executed in a running container.
public final class ContainerProcess: Sendable {
  /// The process id, as the host counts.
  public let pid: Int32
  /// What goes to its standard input, where that is a pipe.
  public let standardInput: ByteSink?
  /// What comes from its standard output, where that is a pipe.
  public let standardOutput: ByteStream?
  /// What comes from its standard error, where that is a pipe.
  public let standardError: ByteStream?
  /// Its terminal, where it has one.
  public let terminal: Terminal?
  /// What it was started with.
  public let plan: LaunchPlan
  private let process: ProcessDescriptor

  init(_ started: consuming StartedProcess, streams: ProcessStreams) throws(ContainrError) {
    plan = started.plan
    let terminal = started.terminal.take()
    process = started.takeProcess()
    pid = process.pid
    standardInput = streams.input
    standardOutput = streams.output
    standardError = streams.error
    guard let terminal else {
      self.terminal = nil
      return
    }
    do throws(ContainrError) { self.terminal = try Terminal(owning: terminal) } catch {
      try process.send(.kill)
      _ = try process.reap()
      throw error
    }
  }

  /// Waits until the program has ended. To be called once.
  public func wait() async throws -> TerminationStatus { try await process.wait() }

  /// Sends a signal. A program that has ended counts as signalled.
  public func signal(_ signal: Signal) throws(ContainrError) { try process.send(signal) }
}
