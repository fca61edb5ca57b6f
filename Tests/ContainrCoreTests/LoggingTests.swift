import Glibc
import Logging
import SystemPackage
import Testing

@testable import ContainrCore

@Suite(.serialized) struct LoggingTests {
  let time = timespec(tv_sec: 1_782_000_000, tv_nsec: 123_456_789)

  private func event(
    _ level: Logger.Level, _ message: Logger.Message, _ metadata: Logger.Metadata? = nil, error: (any Error)? = nil
  )
    -> LogEvent
  {
    LogEvent(
      level: level, message: message, error: error, metadata: metadata, source: nil, file: #fileID, function: #function, line: 1
    )
  }

  @Test func textCarriesTimeLevelComponentAndFields() {
    var handler = StructuredLogHandler(component: "cgroups")
    handler[metadataKey: "container"] = "web"
    let line = handler.encode(event(.warning, "limit is low", ["b": "2 MiB", "a": "1"]), at: time)
    #expect(line == "2026-06-21T00:00:00.123456Z warn  cgroups: limit is low container=web a=1 b=\"2 MiB\"\n")
  }

  @Test func jsonCarriesTheSame() {
    var handler = StructuredLogHandler(component: "cgroups", format: .json)
    handler[metadataKey: "container"] = "web"
    let line = handler.encode(event(.critical, "say \"no\"\n", ["list": ["x", "y"], "level": "mine"]), at: time)
    #expect(
      line == """
        {"time":"2026-06-21T00:00:00.123456Z","level":"fatal","component":"cgroups","message":"say \\"no\\"\\n",\
        "container":"web","fields":{"level":"mine","list":["x","y"]}}

        """)
  }

  @Test func anErrorHasAFieldAndItsCodeAnother() {
    let error = ContainrError(.cgroupLimit, "writing memory.max")
    let handler = StructuredLogHandler(component: "cgroups")
    #expect(
      handler.encode(event(.error, "failed", error: error), at: time)
        == "2026-06-21T00:00:00.123456Z error cgroups: failed code=CGROUP_LIMIT error=\"[CGROUP_LIMIT] writing memory.max\"\n")
  }

  @Test func noTextMakesASecondLineOrMovesTheCursor() {
    for format in LogFormat.allCases {
      let line = StructuredLogHandler(component: "x", format: format)
        .encode(event(.info, "a\nb\u{1b}[2J\u{9b}1m", ["k\n": "v\n\u{7f}"]), at: time)
      #expect(line.utf8.filter { $0 == 10 }.count == 1)
      #expect(!line.utf8.contains(0x1b) && !line.utf8.contains(0x7f))
    }
  }

  @Test func timestampsAreRFC3339() {
    #expect(StructuredLogHandler.timestamp(timespec(tv_sec: 0, tv_nsec: 0)) == "1970-01-01T00:00:00.000000Z")
    #expect(
      StructuredLogHandler.timestamp(timespec(tv_sec: 951_782_400, tv_nsec: 999_999_999)) == "2000-02-29T00:00:00.999999Z")
  }

  @Test func levelsParseAndUnknownOnesAreRefused() throws {
    #expect(try ["debug", "info", "warn", "error", "fatal"].map { try LogLevel(parsing: $0) } == LogLevel.allCases)
    for text in ["", "INFO", "trace", "warning", "verbose"] {
      let error = try #require(throws: ContainrError.self) { try LogLevel(parsing: text) }
      #expect(error.code == .invalidArgument)
    }
    #expect(throws: ContainrError.self) { try LogFormat(parsing: "xml") }
    #expect(LogLevel.debug < .info && LogLevel.error < .fatal)
  }

  @Test func theGlobalLevelReachesLoggersThatExistAlready() throws {
    var ends = try OwnedDescriptor.pipe()
    let output = ends.takeFirst()
    let input = ends.takeSecond()
    let before = ContainrLog.level
    defer { ContainrLog.level = before }
    let number = input.rawValue
    let first = Logger(label: "first") { StructuredLogHandler(component: $0, descriptor: number) }
    let second = Logger(label: "second") { StructuredLogHandler(component: $0, format: .json, descriptor: number) }
    ContainrLog.level = .error
    first.warning("\(unreachable())")
    ContainrLog.level = .debug
    first.debug("one")
    second.debug("two")
    ContainrLog.level = .fatal
    first.error("\(unreachable())")
    second.critical("three", error: ContainrError(.timeout, "waiting"))
    close(input.release())
    let text = String(decoding: try FileContents.read(output, "reading the log"), as: UTF8.self)
    let lines = text.split(separator: "\n")
    #expect(lines.count == 3)
    #expect(lines[0].hasSuffix("Z debug first: one"))
    #expect(lines[1].contains("\"component\":\"second\",\"message\":\"two\""))
    #expect(lines[2].contains("\"error\":\"[TIMEOUT] waiting\""))
  }

  private func unreachable() -> String {
    Issue.record("a message below the level was built")
    return ""
  }

  @Test func aLoggerNamesItsComponentAndContainerUnderAnyHandler() throws {
    let logger = ContainrLog.logger(component: "rootfs", container: try ContainerID("web"))
    #expect(logger.label == "rootfs")
    #expect(logger[metadataKey: "component"] == "rootfs")
    #expect(logger[metadataKey: "container"] == "web")
  }
}
