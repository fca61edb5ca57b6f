import CContainrLinux
import ContainrCore
import ContainrOCI
import Glibc
import SystemPackage

/// The directory of one container below an OCI runtime's root, locked for the time of one command.
struct OCIContainerDirectory: ~Copyable {
  let path: FilePath
  let descriptor: OwnedDescriptor

  private init(path: FilePath, descriptor: consuming OwnedDescriptor) {
    self.path = path
    self.descriptor = descriptor
  }

  /// Makes the directory of a new container.
  ///
  /// - Throws: `CONTAINER_ALREADY_EXISTS`.
  static func make(_ id: ContainerID, in root: FilePath) throws(ContainrError) -> OCIContainerDirectory {
    let path = root.appending(id.description)
    if mkdir(path.string, 0o711) != 0 {
      if Errno.current == .noSuchFileOrDirectory {
        try FileTree.makeDirectories(root, mode: 0o711)
        return try make(id, in: root)
      }
      guard Errno.current == .fileExists else {
        throw .errno(.current, .ioFailure, "making the container's directory \(path)", call: "mkdir(2)")
      }
      throw ContainrError(
        .containerAlreadyExists, "creating the container \(id)", hint: "container with given ID already exists")
    }
    guard let directory = try open(path) else {
      throw ContainrError(.containerState, "creating the container \(id)", hint: "somebody removes it at the same time")
    }
    return directory
  }

  /// Opens and locks the directory of a container.
  ///
  /// - Throws: `CONTAINER_NOT_FOUND`.
  static func open(_ id: ContainerID, in root: FilePath) throws(ContainrError) -> OCIContainerDirectory {
    guard let directory = try open(root.appending(id.description)) else {
      throw ContainrError(.containerNotFound, "looking for the container \(id)", hint: "container does not exist")
    }
    return directory
  }

  private static func open(_ path: FilePath) throws(ContainrError) -> OCIContainerDirectory? {
    let result = cl_openat(AT_FDCWD, path.string, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0)
    if result == -ENOENT || result == -ENOTDIR { return nil }
    let directory = OwnedDescriptor(owning: try check(result, .ioFailure, "openat(2)", "opening \(path)"))
    try check(cl_flock(directory.rawValue, LOCK_EX), .ioFailure, "flock(2)", "locking \(path)")
    var status = stat()
    // Whoever held the lock may have removed it.
    guard fstat(directory.rawValue, &status) == 0, status.st_nlink > 0 else { return nil }
    return OCIContainerDirectory(path: path, descriptor: directory)
  }

  /// Stores the record.
  func write(_ record: OCIContainerRecord) throws(ContainrError) {
    try FileContents.replace(
      path.appending("state.json"), with: try record.json.serialized(), mode: 0o600, durable: false)
  }

  /// The record; nil where create was killed before it wrote one.
  func record() throws(ContainrError) -> OCIContainerRecord? {
    let file = path.appending("state.json")
    guard let text = try FileContents.textIfPresent(file) else { return nil }
    return try OCIContainerRecord(
      parsing: Array(text.utf8), as: file.string, limits: JSON.Limits(size: .mebibytes(32)), code: .containerState)
  }

  /// Removes the directory; the id is free then.
  func remove() throws(ContainrError) { try FileTree.remove(path) }

  /// Whether the process that waits for its start still does. A connection without a byte is none.
  func isWaitingForStart() -> Bool {
    StartSocket.hasListener(Self.startSocket, in: descriptor)
  }

  static let startSocket = "start"
}
