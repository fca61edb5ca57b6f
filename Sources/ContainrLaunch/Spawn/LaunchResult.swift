import ContainrCore

/// A process that a launch plan has started.
public struct LaunchResult: ~Copyable, Sendable {
  /// The process, a child of this program.
  public let process: ProcessDescriptor
  /// The descriptors that the process sent, in order: the controlling side of its terminal.
  public var descriptor: OwnedDescriptor?
  /// The time each operation took, where that was asked for.
  public let durations: [Duration]?

  init(process: consuming ProcessDescriptor, descriptor: consuming OwnedDescriptor?, durations: [Duration]?) {
    self.process = process
    self.descriptor = descriptor
    self.durations = durations
  }

  /// Takes the process out.
  public consuming func takeProcess() -> ProcessDescriptor { process }
}
