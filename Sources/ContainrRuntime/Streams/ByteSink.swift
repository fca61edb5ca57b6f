import CContainrLinux
import ContainrCore
import Glibc
import Synchronization
import SystemPackage

/// Where bytes go into a process. Closes when ``finish()`` is called or the last reference is gone.
public final class ByteSink: Sendable {
  private let descriptor: Mutex<CInt>

  init(owning descriptor: consuming OwnedDescriptor) throws(ContainrError) {
    try check(
      cl_fcntl(descriptor.rawValue, F_SETFL, CInt(O_NONBLOCK).asLong), .ioFailure, "fcntl(2)", "preparing a stream")
    self.descriptor = Mutex(descriptor.release())
  }

  deinit { finish() }

  /// Writes all bytes; suspends while the process does not read.
  ///
  /// - Throws: `IO_FAILURE` with `EPIPE` where nobody can read any more.
  public func write(_ bytes: some Collection<UInt8>) async throws {
    let bytes = Array(bytes)
    var written = 0
    while written < bytes.count {
      // Under the lock, so that finish() cannot close the descriptor and another file take its number in between.
      let (number, count) = descriptor.withLock { number in
        guard number >= 0 else { return (number, -Int(EPIPE)) }
        // A pipe that nobody reads sends SIGPIPE, which would end the program.
        return (
          number,
          bytes.withUnsafeBytes { cl_write_quietly(number, $0.baseAddress! + written, bytes.count - written) }
        )
      }
      if count >= 0 {
        written += count
      } else if count == -Int(EAGAIN) {
        try await EventLoop.shared.writable(number)
      } else if count != -Int(EINTR) {
        throw ContainrError.errno(Errno(rawValue: CInt(-count)), .ioFailure, "writing a stream", call: "write(2)")
      }
    }
  }

  /// Writes a text as UTF-8.
  public func write(_ text: String) async throws { try await write(text.utf8) }

  /// Closes the stream: the process reads its end.
  public func finish() {
    descriptor.withLock { descriptor in
      if descriptor >= 0 { close(descriptor) }
      descriptor = -1
    }
  }
}
