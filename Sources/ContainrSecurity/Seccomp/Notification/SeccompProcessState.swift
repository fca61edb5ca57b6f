import CContainrLinux
import ContainrCore
import ContainrOCI
import Glibc
import SystemPackage

/// What an OCI runtime sends to a profile's ``SeccompProfile/listenerPath`` together with the listener: the container process
/// state (runtime-spec config-linux.md#containerprocessstate).
public struct SeccompProcessState: Hashable, Sendable {
  /// The version of the specification.
  public var ociVersion: String
  /// The process that loaded the filter, as the runtime sees it.
  public var pid: Int32
  /// The profile's ``SeccompProfile/listenerMetadata``.
  public var metadata: String?
  /// The state of the container (runtime.md#state).
  public var container: JSON

  /// Makes a state.
  public init(ociVersion: String, pid: Int32, metadata: String? = nil, container: JSON) {
    self.ociVersion = ociVersion
    self.pid = pid
    self.metadata = metadata
    self.container = container
  }

  /// The document.
  public var json: JSON {
    var object = JSON.Object()
    object["ociVersion"] = .string(ociVersion)
    object["fds"] = ["seccompFd"]
    object["pid"] = .integer(Int64(pid))
    object["metadata"] = metadata.map { .string($0) }
    object["state"] = container
    return .object(object)
  }

  /// Sends the state and a listener to the AF_UNIX stream socket at a path, over a connection of their own.
  ///
  /// Blocks the calling thread until the agent there has accepted or refused the connection.
  ///
  /// - Throws: `SECCOMP` where nobody listens there or the agent does not take it, `INVALID_ARGUMENT` for a path of more than
  ///   107 bytes.
  public func send(_ listener: borrowing OwnedDescriptor, to path: FilePath) throws(ContainrError) {
    let activity = "sending the seccomp listener to \(path)"
    let result = path.withPlatformString { cl_unix_connect($0) }
    if result == -ENAMETOOLONG {
      throw ContainrError(.invalidArgument, activity, hint: "the path of a socket has at most 107 bytes")
    }
    let socket = OwnedDescriptor(owning: try check(result, .seccomp, "connect(2)", activity))
    let bytes = try json.serialized()
    let count = bytes.withUnsafeBytes {
      cl_send_descriptor(socket.rawValue, $0.baseAddress, $0.count, listener.rawValue)
    }
    let sent = Int(try check(count, .seccomp, "sendmsg(2)", activity))
    if sent < bytes.count { try FileContents.write(bytes[sent...], to: socket, activity, code: .seccomp) }
  }
}
