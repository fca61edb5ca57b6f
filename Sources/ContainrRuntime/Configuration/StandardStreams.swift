/// What a process has for standard input, output and error.
public struct StandardStreams: Hashable, Sendable {
  /// One stream.
  public enum Stream: Hashable, Sendable {
    /// Nothing: reads end at once, writes vanish.
    case null
    /// A descriptor of the caller, which keeps it open until the process has started.
    case inherit(CInt)
    /// A pipe whose other end is an async byte stream of the process.
    case pipe
  }

  /// Standard input.
  public var input: Stream
  /// Standard output.
  public var output: Stream
  /// Standard error.
  public var error: Stream

  /// Describes the three; nothing comes in, and what comes out is the caller's by default.
  public init(input: Stream = .null, output: Stream = .inherit(1), error: Stream = .inherit(2)) {
    self.input = input
    self.output = output
    self.error = error
  }

  /// The caller's own three.
  public static let inherited = StandardStreams(input: .inherit(0), output: .inherit(1), error: .inherit(2))
  /// Pipes to and from the caller.
  public static let piped = StandardStreams(input: .pipe, output: .pipe, error: .pipe)
  /// Nothing in, pipes out.
  public static let captured = StandardStreams(input: .null, output: .pipe, error: .pipe)
}
