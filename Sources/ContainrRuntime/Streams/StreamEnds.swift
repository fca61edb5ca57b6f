import CContainrLinux
import ContainrCore
import Glibc
import SystemPackage

/// Both sides of a process's standard streams while it starts.
struct StreamEnds: ~Copyable {
  /// What the process gets.
  private(set) var input: CInt?
  private(set) var output: CInt?
  private(set) var error: CInt?
  private var owned: [CInt] = []

  /// What the caller keeps.
  private(set) var streams = ProcessStreams()

  init(_ configuration: StandardStreams) throws(ContainrError) {
    switch configuration.input {
    case .null: input = try openNull(O_RDONLY)
    case .inherit(let descriptor): input = descriptor
    case .pipe:
      var pipe = try OwnedDescriptor.pipe()
      input = own(pipe.takeFirst())
      streams.input = try ByteSink(owning: pipe.takeSecond())
    }
    output = try outgoing(configuration.output, \.output)
    error = try outgoing(configuration.error, \.error)
  }

  deinit { for descriptor in owned { close(descriptor) } }

  private mutating func outgoing(
    _ stream: StandardStreams.Stream, _ place: WritableKeyPath<ProcessStreams, ByteStream?>
  ) throws(ContainrError) -> CInt {
    switch stream {
    case .null: return try openNull(O_WRONLY)
    case .inherit(let descriptor): return descriptor
    case .pipe:
      var pipe = try OwnedDescriptor.pipe()
      streams[keyPath: place] = try ByteStream(owning: pipe.takeFirst())
      return own(pipe.takeSecond())
    }
  }

  private mutating func openNull(_ flags: CInt) throws(ContainrError) -> CInt {
    own(try OwnedDescriptor.open("/dev/null", flags: flags))
  }

  private mutating func own(_ descriptor: consuming OwnedDescriptor) -> CInt {
    let number = descriptor.release()
    owned.append(number)
    return number
  }
}

/// The caller's ends of a process's piped streams.
struct ProcessStreams: Sendable {
  var input: ByteSink?
  var output: ByteStream?
  var error: ByteStream?
}
