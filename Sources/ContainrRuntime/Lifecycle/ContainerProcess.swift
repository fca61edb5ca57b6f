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
  /// Reaps the program whether or not somebody waits: the first process of a pid namespace cannot end before all others
  /// in there are reaped, and so neither could the container.
  private let ended: Task<TerminationStatus, any Error>

  init(_ started: consuming StartedProcess, streams: ProcessStreams) throws(ContainrError) {
    plan = started.plan
    let terminal = started.terminal.take()
    process = started.takeProcess()
    pid = process.pid
    let child = ProcessBox(ProcessDescriptor(owning: try process.descriptor.duplicate(), pid: process.pid))
    ended = Task.detached { try await child.process.wait() }
    standardInput = streams.input
    standardOutput = streams.output
    standardError = streams.error
    guard let terminal else {
      self.terminal = nil
      return
    }
    do throws(ContainrError) { self.terminal = try Terminal(owning: terminal) } catch {
      try process.send(.kill)
      throw error
    }
  }

  /// Waits until the program has ended, and gives its status, as often as it is asked.
  ///
  /// - Throws: `CancellationError`.
  public func wait() async throws -> TerminationStatus {
    // A task's value cannot be given up; this wait can.
    try await process.waitUntilEnded()
    return try await ended.value
  }

  /// Sends a signal. A program that has ended counts as signalled.
  public func signal(_ signal: Signal) throws(ContainrError) { try process.send(signal) }
}
