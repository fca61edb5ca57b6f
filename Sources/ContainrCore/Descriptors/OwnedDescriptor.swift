import CContainrLinux
import Glibc
import SystemPackage

/// A file descriptor with one owner: it is closed when the value ends.
public struct OwnedDescriptor: ~Copyable, Sendable {
  /// The number. Valid as long as this value lives.
  public let rawValue: CInt

  /// Takes ownership of a descriptor.
  public init(owning rawValue: CInt) { self.rawValue = rawValue }

  deinit { close(rawValue) }

  /// Gives up ownership without closing.
  public consuming func release() -> CInt {
    let value = rawValue
    discard self
    return value
  }

  /// Opens a path of the host.
  ///
  /// `O_CLOEXEC` is always set. For paths inside a container's root use ``RootedPath``.
  ///
  /// - Throws: `IO_FAILURE`, `PERMISSION_DENIED`, `RESOURCE_EXHAUSTED`.
  public static func open(
    _ path: FilePath, flags: CInt = O_RDONLY, mode: UInt32 = 0, code: ContainrError.Code = .ioFailure
  ) throws(ContainrError) -> OwnedDescriptor {
    let result = path.withPlatformString { cl_openat(AT_FDCWD, $0, flags | O_CLOEXEC, mode) }
    return OwnedDescriptor(owning: try check(result, code, "openat(2)", "opening \(path)"))
  }

  /// Another descriptor of the same open file.
  public func duplicate() throws(ContainrError) -> OwnedDescriptor {
    OwnedDescriptor(
      owning: try check(
        cl_fcntl(rawValue, F_DUPFD_CLOEXEC, 3), .ioFailure, "fcntl(2)", "duplicating a descriptor"))
  }

  /// Both ends of a new pipe, `O_CLOEXEC`.
  public static func pipe() throws(ContainrError) -> DescriptorPair {
    var ends: [CInt] = [-1, -1]
    try check(cl_pipe2(&ends, O_CLOEXEC), .ioFailure, "pipe2(2)", "making a pipe")
    return DescriptorPair(OwnedDescriptor(owning: ends[0]), OwnedDescriptor(owning: ends[1]))
  }

  /// Both ends of a new connected stream socket of the unix domain, `SOCK_CLOEXEC`.
  public static func socketPair() throws(ContainrError) -> DescriptorPair {
    var ends: [CInt] = [-1, -1]
    guard socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &ends) == 0 else {
      throw .errno(.current, .ioFailure, "making a socket pair", call: "socketpair(2)")
    }
    return DescriptorPair(OwnedDescriptor(owning: ends[0]), OwnedDescriptor(owning: ends[1]))
  }
}

/// Two descriptors that belong together: the read end and the write end of a pipe, or both ends of a socket.
public struct DescriptorPair: ~Copyable, Sendable {
  private var first: OwnedDescriptor?
  private var second: OwnedDescriptor?

  init(_ first: consuming OwnedDescriptor, _ second: consuming OwnedDescriptor) {
    self.first = consume first
    self.second = consume second
  }

  /// Takes the first descriptor out, the read end of a pipe. Once only.
  public mutating func takeFirst() -> OwnedDescriptor { first.take()! }
  /// Takes the second descriptor out, the write end of a pipe. Once only.
  public mutating func takeSecond() -> OwnedDescriptor { second.take()! }
}

extension Errno {
  /// The calling thread's `errno`.
  package static var current: Errno { Errno(rawValue: Glibc.errno) }
}
