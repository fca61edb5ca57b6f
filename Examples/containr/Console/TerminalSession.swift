import CContainrLinux
import Containr
import ContainrCore
import Glibc

/// Connects the caller's terminal with a container's: bytes both ways, the window's size, and raw mode for as long as it
/// lasts.
struct TerminalSession {
  let terminal: Terminal
  let isInteractive: Bool

  /// Copies until the container's side ends. Typed bytes are copied as long as that lasts.
  func run() async throws {
    let saved = isInteractive ? RawMode() : nil
    defer { saved?.restore() }
    try await withThrowingTaskGroup(of: Bool.self) { group in
      group.addTask {
        for try await bytes in terminal.output { try writeAll(bytes, to: 1) }
        return true
      }
      if isInteractive {
        group.addTask {
          let input = try ByteStream.duplicating(0)
          while let bytes = try await input.read(atMost: 4096) { try await terminal.input.write(bytes) }
          return false
        }
      }
      while let isOver = try await group.next() {
        if isOver { break }
      }
      group.cancelAll()
      while true {
        do { if try await group.next() == nil { break } } catch is CancellationError { continue }
      }
    }
  }

  private func writeAll(_ bytes: [UInt8], to descriptor: CInt) throws {
    var written = 0
    while written < bytes.count {
      let count = bytes.withUnsafeBytes { cl_write_quietly(descriptor, $0.baseAddress! + written, bytes.count - written) }
      if count == -Int(EAGAIN) || count == -Int(EINTR) {
        var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        _ = poll(&entry, 1, -1)
        continue
      }
      guard count >= 0 else {
        throw ContainrError(.ioFailure, "writing to the terminal", hint: "standard output was closed")
      }
      written += count
    }
  }
}

/// The terminal of standard input in raw mode: every key goes to the container.
private struct RawMode {
  private var saved = termios()

  /// Nil where standard input is no terminal.
  init?() {
    guard tcgetattr(0, &saved) == 0 else { return nil }
    var raw = saved
    cfmakeraw(&raw)
    tcsetattr(0, TCSADRAIN, &raw)
  }

  func restore() {
    var saved = saved
    tcsetattr(0, TCSADRAIN, &saved)
  }
}
