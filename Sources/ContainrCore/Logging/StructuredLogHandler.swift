import CContainrLinux
import Glibc
import Logging

/// Writes log records to a descriptor, one line each in one write(2), as text or JSON.
///
/// A record that cannot be written is lost: logging fails nobody.
public struct StructuredLogHandler: LogHandler {
  /// The part of Containr that speaks.
  public var component: String
  /// How records are written.
  public var format: LogFormat
  /// The descriptor; standard error unless said otherwise.
  public var descriptor: Int32
  /// Fields of every record.
  public var metadata: Logger.Metadata = [:]
  /// Adds fields of the task at hand.
  public var metadataProvider: Logger.MetadataProvider?
  private var ownLevel: Logger.Level?

  /// The level of this logger; ``ContainrLog/level`` until it is set.
  public var logLevel: Logger.Level {
    get { ownLevel ?? ContainrLog.level.loggerLevel }
    set { ownLevel = newValue }
  }

  /// Makes a handler that follows ``ContainrLog/level``.
  public init(component: String, format: LogFormat = .text, descriptor: Int32 = 2) {
    self.component = component
    self.format = format
    self.descriptor = descriptor
  }

  /// Reads and sets one field of every record.
  public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  /// Writes one record.
  public func log(event: LogEvent) {
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    var line = encode(event, at: now)
    line.withUTF8 { bytes in
      var rest = UnsafeRawBufferPointer(bytes)
      while !rest.isEmpty {
        let count = write(descriptor, rest.baseAddress, rest.count)
        if count < 0, errno == EINTR { continue }
        if count <= 0 { return }
        rest = UnsafeRawBufferPointer(rebasing: rest[count...])
      }
    }
  }

  func encode(_ event: LogEvent, at time: timespec) -> String {
    var fields = metadata
    if let provided = metadataProvider?.get() { fields.merge(provided) { _, new in new } }
    if let own = event.metadata { fields.merge(own) { _, new in new } }
    var error = fields.removeValue(forKey: "error")
    if let thrown = event.error {
      // Only the code is for programs; the rest of the error is for people.
      if let thrown = thrown as? ContainrError { fields["code"] = .string(thrown.code.rawValue) }
      error = .string("\(thrown)")
    }
    let container = fields.removeValue(forKey: "container")
    let level = LogLevel(event.level).rawValue
    return switch format {
    case .text: text(event.message, level, time, container, error, fields)
    case .json: json(event.message, level, time, container, error, fields)
    }
  }

  // MARK: Encodings

  private func text(
    _ message: Logger.Message, _ level: String, _ time: timespec, _ container: Logger.MetadataValue?,
    _ error: Logger.MetadataValue?, _ fields: Logger.Metadata
  ) -> String {
    let padding = String(repeating: " ", count: 5 - level.utf8.count)
    var line = "\(Self.timestamp(time)) \(level)\(padding) \(Self.unquoted(component)): \(Self.unquoted(message.description))"
    if let container { line += " container=" + Self.word(container.description) }
    for (key, value) in fields.sorted(by: { $0.key < $1.key }) {
      line += " " + Self.word(key) + "=" + Self.word(value.description)
    }
    if let error { line += " error=" + Self.word(error.description) }
    return line + "\n"
  }

  private func json(
    _ message: Logger.Message, _ level: String, _ time: timespec, _ container: Logger.MetadataValue?,
    _ error: Logger.MetadataValue?, _ fields: Logger.Metadata
  ) -> String {
    var members = [
      ("time", JSONText.string(Self.timestamp(time))), ("level", JSONText.string(level)),
      ("component", JSONText.string(component)), ("message", JSONText.string(message.description)),
    ]
    if let container { members.append(("container", JSONText.string(container.description))) }
    if let error { members.append(("error", JSONText.string(error.description))) }
    if !fields.isEmpty { members.append(("fields", Self.json(.dictionary(fields)))) }
    return JSONText.object(members) + "\n"
  }

  private static func json(_ value: Logger.MetadataValue) -> String {
    switch value {
    case .string(let text): JSONText.string(text)
    case .stringConvertible(let value): JSONText.string(value.description)
    case .array(let elements): JSONText.array(elements.map(json))
    case .dictionary(let members):
      JSONText.object(members.sorted { $0.key < $1.key }.map { ($0.key, json($0.value)) })
    }
  }

  /// A value as it is, or quoted where a space, quote or control character would make it ambiguous.
  private static func word(_ text: String) -> String {
    let isPlain = text.utf8.allSatisfy { byte in
      byte > 0x20 && byte != 0x7f && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "=") && byte != UInt8(ascii: "\\")
    }
    return isPlain && !text.isEmpty ? text : JSONText.string(text)
  }

  /// A message without line breaks and terminal control: whatever it quotes, a record stays one line.
  private static func unquoted(_ text: String) -> String { PrintableText.singleLine(text) }

  /// RFC 3339 in UTC with microseconds.
  static func timestamp(_ time: timespec) -> String {
    var seconds = time.tv_sec
    var parts = tm()
    gmtime_r(&seconds, &parts)
    func padded(_ number: Int, _ width: Int) -> String {
      let digits = String(number)
      return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
    }
    let date = "\(padded(Int(parts.tm_year) + 1900, 4))-\(padded(Int(parts.tm_mon) + 1, 2))-\(padded(Int(parts.tm_mday), 2))"
    let clock = "\(padded(Int(parts.tm_hour), 2)):\(padded(Int(parts.tm_min), 2)):\(padded(Int(parts.tm_sec), 2))"
    return "\(date)T\(clock).\(padded(time.tv_nsec / 1000, 6))Z"
  }
}
