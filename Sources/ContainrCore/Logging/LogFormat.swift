/// How a log record is written.
public enum LogFormat: String, Hashable, Sendable, CaseIterable {
  /// One line for people: time, level, component, message, `key=value` pairs.
  case text
  /// One JSON object a line (`time`, `level`, `component`, `message`, `container`, `error`, `fields`).
  case json

  /// Parses a format's name.
  ///
  /// - Throws: `INVALID_ARGUMENT` for any other text.
  public init(parsing text: String) throws(ContainrError) {
    guard let format = LogFormat(rawValue: text) else {
      throw ContainrError(.invalidArgument, "reading the log format \"\(text)\"", hint: "text or json")
    }
    self = format
  }
}
