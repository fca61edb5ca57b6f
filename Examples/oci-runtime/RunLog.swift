import ContainrRuntime
import Glibc
import SystemPackage

/// Where errors and warnings go: a file that an engine reads, in runc's form, or standard error.
struct RunLog: Sendable {
  enum Level: String { case error, warning, debug }

  private var file: FilePath?
  private var isJSON = false
  private var isDebug = false

  init() {}

  init(_ options: GlobalOptions) throws(ContainrError) {
    isJSON = options.logsJSON
    isDebug = options.isDebug
    guard var path = options.log else { return }
    // crun's form names a kind first.
    if path.hasPrefix("file:") { path.removeFirst(5) }
    file = FilePath(path)
  }

  /// One line for an error: what was done, why it failed, what can be done.
  func text(of error: ContainrError) -> String {
    var parts = [error.summary]
    if let hint = error.hint { parts.append(hint) }
    var cause = error.cause as? ContainrError
    while let next = cause {
      parts.append(next.summary)
      cause = next.cause as? ContainrError
    }
    return parts.joined(separator: ": ")
  }

  func write(_ level: Level, _ message: String) {
    if level == .debug, !isDebug { return }
    guard let file else { return Output.error("containr-oci: \(level == .error ? "" : "\(level.rawValue): ")\(message)") }
    var line: String
    if isJSON {
      var object = JSON.Object()
      object["level"] = .string(level.rawValue)
      object["msg"] = .string(message)
      object["time"] = .string(Timestamp.now())
      do throws(ContainrError) { line = try JSON.object(object).text() } catch { line = message }
    } else {
      line =
        "time=\"\(Timestamp.now())\" level=\(level.rawValue) msg=\"\(message.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\\\""))\""
    }
    line += "\n"
    let descriptor = open(file.string, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o644)
    if descriptor >= 0 {
      line.withUTF8 { _ = Glibc.write(descriptor, $0.baseAddress, $0.count) }
      close(descriptor)
    }
    // A person at a terminal sees it as well.
    if level == .error { Output.error(message) }
  }
}

/// The standard streams.
enum Output {
  static func line(_ text: String) { write(text + "\n", to: 1) }
  static func error(_ text: String) { write(text + "\n", to: 2) }

  private static func write(_ text: String, to descriptor: Int32) {
    var text = text
    text.withUTF8 { buffer in
      var done = 0
      while done < buffer.count {
        let count = Glibc.write(descriptor, buffer.baseAddress! + done, buffer.count - done)
        if count < 0, errno == EINTR { continue }
        if count <= 0 { return }
        done += count
      }
    }
  }
}
