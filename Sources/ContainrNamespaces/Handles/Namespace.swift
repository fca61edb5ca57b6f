import CContainrLinux
import ContainrCore
import Glibc
import SystemPackage

/// A namespace held by a descriptor: it exists as long as this value, even without a process in it.
public struct Namespace: ~Copyable, Sendable {
  /// The kind.
  public let kind: NamespaceKind
  /// The descriptor of its file in nsfs.
  public let descriptor: OwnedDescriptor

  /// Takes ownership of a descriptor and checks with `NS_GET_NSTYPE` (ioctl_ns(2)) that it is a namespace.
  ///
  /// - Throws: `NAMESPACE_JOIN` where it is none, or of another kind than `kind`.
  public init(owning descriptor: consuming OwnedDescriptor, kind: NamespaceKind? = nil) throws(ContainrError) {
    let found = try Self.checkedKind(of: descriptor.rawValue, expected: kind, named: "the descriptor")
    self.descriptor = descriptor
    self.kind = found
  }

  /// Opens the namespace that a file stands for: `/proc/PID/ns/net`, or where it was pinned to.
  ///
  /// - Throws: `NAMESPACE_JOIN` where the file is no namespace, or one of another kind than `kind`.
  public init(path: FilePath, kind: NamespaceKind? = nil) throws(ContainrError) {
    // A FIFO or a device under this name must not hold the caller up.
    let file = try OwnedDescriptor.open(path, flags: O_RDONLY | O_NONBLOCK | O_NOCTTY, code: .namespaceJoin)
    let found = try Self.checkedKind(of: file.rawValue, expected: kind, named: path.string)
    descriptor = file
    self.kind = found
  }

  /// The namespace of a kind that the calling thread is in.
  public static func current(_ kind: NamespaceKind) throws(ContainrError) -> Namespace {
    try Namespace(path: FilePath("/proc/thread-self/ns/\(kind.rawValue)"), kind: kind)
  }

  /// The namespace of a kind that a process is in. Needs the right to inspect it (ptrace(2), `PTRACE_MODE_READ_FSCREDS`).
  public static func of(process pid: Int32, _ kind: NamespaceKind) throws(ContainrError) -> Namespace {
    try Namespace(path: FilePath("/proc/\(pid)/ns/\(kind.rawValue)"), kind: kind)
  }

  /// What tells it from others.
  public var identity: NamespaceIdentity {
    get throws(ContainrError) { try Self.identity(of: descriptor.rawValue) }
  }

  /// The user namespace that owns this one, whose capabilities count in it; nil where it is outside of the caller's own.
  public func owner() throws(ContainrError) -> Namespace? {
    let result = cl_namespace_owner(descriptor.rawValue)
    if result == -EPERM { return nil }
    try check(result, .namespaceJoin, "ioctl_ns(2)", "finding the owner of a \(kind) namespace")
    return try Namespace(owning: OwnedDescriptor(owning: result), kind: .user)
  }

  static func identity(of descriptor: CInt) throws(ContainrError) -> NamespaceIdentity {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      throw .errno(.current, .namespaceJoin, "reading the identity of a namespace", call: "fstat(2)")
    }
    return NamespaceIdentity(device: UInt64(status.st_dev), inode: UInt64(status.st_ino))
  }

  /// The kind of a descriptor, which must be the expected one.
  static func checkedKind(
    of descriptor: CInt, expected: NamespaceKind?, named name: String
  ) throws(ContainrError) -> NamespaceKind {
    let type = cl_namespace_type(descriptor)
    let activity = "opening the \(expected.map { "\($0) " } ?? "")namespace \(name)"
    if type == -ENOTTY {
      throw ContainrError(
        .namespaceJoin, activity, hint: "it is no namespace; one lies under /proc/PID/ns, or where it was pinned")
    }
    try check(type, .namespaceJoin, "ioctl_ns(2)", activity)
    guard let kind = NamespaceKind.allCases.first(where: { $0.cloneFlag == UInt64(UInt32(bitPattern: type)) }) else {
      throw ContainrError(.namespaceJoin, activity, hint: "the kernel calls it 0x\(String(type, radix: 16)), an unknown kind")
    }
    guard expected == nil || expected == kind else {
      throw ContainrError(.namespaceJoin, activity, hint: "it is a namespace of the kind \(kind)")
    }
    return kind
  }
}
