import Logging

/// How much is logged: records of this severity and of the ones after it.
public enum LogLevel: String, Hashable, Sendable, CaseIterable, Comparable {
  /// Every step, for finding a defect.
  case debug
  /// What a person who runs containers wants to know.
  case info
  /// What is likely to become a failure.
  case warn
  /// What failed.
  case error
  /// What ends the program.
  case fatal

  /// Parses a level's name, in lower case.
  ///
  /// - Throws: `INVALID_ARGUMENT` for any other text.
  public init(parsing text: String) throws(ContainrError) {
    guard let level = LogLevel(rawValue: text) else {
      throw ContainrError(.invalidArgument, "reading the log level \"\(text)\"", hint: "debug, info, warn, error or fatal")
    }
    self = level
  }

  /// Orders by severity, `debug` first.
  public static func < (left: LogLevel, right: LogLevel) -> Bool { left.loggerLevel < right.loggerLevel }

  /// The level of swift-log with the same meaning.
  public var loggerLevel: Logger.Level {
    switch self {
    case .debug: .debug
    case .info: .info
    case .warn: .warning
    case .error: .error
    case .fatal: .critical
    }
  }

  /// The level that a level of swift-log is printed as: `trace` as debug, `notice` as info.
  public init(_ level: Logger.Level) {
    self =
      switch level {
      case .trace, .debug: .debug
      case .info, .notice: .info
      case .warning: .warn
      case .error: .error
      case .critical: .fatal
      }
  }
}
