import Logging
import Synchronization

/// Where Containr's loggers come from.
///
/// A library logs through the handler that the program chose (swift-log's `LoggingSystem`). A program without a choice of
/// its own takes Containr's:
///
/// ```swift
/// ContainrLog.bootstrap(level: .info, format: .json)
/// let log = ContainrLog.logger(component: "cgroups", container: id)
/// log.info("limit set", metadata: ["memory": "64 MiB"])
/// ContainrLog.level = .debug  // from here on, in every component
/// ```
public enum ContainrLog {
  private static let currentLevel = Atomic<Int>(LogLevel.warn.index)

  /// The level of every ``StructuredLogHandler`` that has none of its own. It starts as `warn`, and can be set at any
  /// time, from any thread, for all loggers that exist already.
  public static var level: LogLevel {
    get { LogLevel.allCases[currentLevel.load(ordering: .relaxed)] }
    set { currentLevel.store(newValue.index, ordering: .relaxed) }
  }

  /// Makes ``StructuredLogHandler`` the program's handler. To be called once, from the program, never from a library.
  public static func bootstrap(level: LogLevel = .warn, format: LogFormat = .text) {
    self.level = level
    LoggingSystem.bootstrap { StructuredLogHandler(component: $0, format: format) }
  }

  /// A logger of one component, with `component` and `container` as metadata.
  ///
  /// - Parameters:
  ///   - component: the library's concept, such as `cgroups`; it is the logger's label too.
  ///   - container: the container that every record is about.
  public static func logger(component: String, container: ContainerID? = nil) -> Logger {
    var logger = Logger(label: component)
    if !(logger.handler is StructuredLogHandler) { logger[metadataKey: "component"] = .string(component) }
    if let container { logger[metadataKey: "container"] = .string(container.description) }
    return logger
  }
}

extension LogLevel {
  fileprivate var index: Int {
    switch self {
    case .debug: 0
    case .info: 1
    case .warn: 2
    case .error: 3
    case .fatal: 4
    }
  }
}
