import CContainrLinux
import ContainrCore
import Glibc
import SystemPackage

/// The bytes that come out of a process, in pieces as they come. Ends when every holder of the other end has closed it.
///
/// Nothing is buffered here: what is not read fills the pipe, and then the process waits. One task may iterate.
public final class ByteStream: AsyncSequence, Sendable {
  /// A piece of the stream, never empty.
  public typealias Element = [UInt8]

  private let descriptor: OwnedDescriptor
  /// The open file is shared with others, who may rely on blocking reads: it is read only when something is there.
  private let isShared: Bool

  private init(shared descriptor: consuming OwnedDescriptor) {
    self.descriptor = descriptor
    isShared = true
  }

  init(owning descriptor: consuming OwnedDescriptor) throws(ContainrError) {
    try check(
      cl_fcntl(descriptor.rawValue, F_SETFL, CInt(O_NONBLOCK).asLong), .ioFailure, "fcntl(2)", "preparing a stream")
    self.descriptor = descriptor
    isShared = false
  }

  /// The bytes of a descriptor of the caller's, which is read through a copy and stays open.
  public static func duplicating(_ descriptor: CInt) throws(ContainrError) -> ByteStream {
    let copy = try check(
      cl_fcntl(descriptor, F_DUPFD_CLOEXEC, 3), .ioFailure, "fcntl(2)", "duplicating the descriptor \(descriptor)")
    return ByteStream(shared: OwnedDescriptor(owning: copy))
  }

  /// Reads one piece, or returns nil at the end.
  public func read(atMost limit: Int = 65536) async throws -> [UInt8]? {
    var buffer = [UInt8](repeating: 0, count: limit)
    while true {
      if isShared { try await EventLoop.shared.readable(descriptor.rawValue) }
      let count = Glibc.read(descriptor.rawValue, &buffer, limit)
      if count > 0 {
        buffer.removeLast(limit - count)
        return buffer
      }
      // EIO: the last holder of a terminal's other side is gone.
      if count == 0 || Errno.current == .ioError { return nil }
      switch Errno.current {
      case .interrupted: continue
      case .wouldBlock: try await EventLoop.shared.readable(descriptor.rawValue)
      default: throw ContainrError.errno(.current, .ioFailure, "reading a stream", call: "read(2)")
      }
    }
  }

  /// Reads to the end.
  ///
  /// - Throws: `RESOURCE_EXHAUSTED` past the limit.
  public func collect(limit: ByteCount = .mebibytes(16)) async throws -> [UInt8] {
    var bytes: [UInt8] = []
    for try await piece in self {
      bytes += piece
      guard bytes.count <= limit.bytes else {
        throw ContainrError(.resourceExhausted, "collecting a stream", hint: "it is longer than \(limit)")
      }
    }
    return bytes
  }

  /// Reads to the end, as UTF-8 text.
  public func text(limit: ByteCount = .mebibytes(16)) async throws -> String {
    String(decoding: try await collect(limit: limit), as: UTF8.self)
  }

  /// Starts to iterate.
  public func makeAsyncIterator() -> Iterator { Iterator(stream: self) }

  /// Walks the pieces.
  public struct Iterator: AsyncIteratorProtocol {
    let stream: ByteStream
    /// The next piece, nil at the end.
    public mutating func next() async throws -> [UInt8]? { try await stream.read() }
  }
}

extension CInt {
  var asLong: Int { Int(self) }
}
