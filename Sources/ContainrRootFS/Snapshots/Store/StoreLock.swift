import CContainrLinux
import ContainrCore
import Glibc
import SystemPackage

/// The right to change a store, among all threads and processes of the machine (flock(2)). The kernel takes it back from a
/// process that ends. The file holds the number that the next snapshot gets.
struct StoreLock: ~Copyable {
  private let file: OwnedDescriptor

  /// Waits for the lock; blocks the calling thread.
  init(_ path: FilePath, shared: Bool = false) throws(ContainrError) {
    let opened = try OwnedDescriptor.open(path, flags: O_RDWR | O_CREAT, mode: 0o600)
    var result: CInt
    repeat { result = cl_flock(opened.rawValue, shared ? LOCK_SH : LOCK_EX) } while result == -EINTR
    try check(result, .ioFailure, "flock(2)", "locking \(path)")
    file = opened
  }

  /// A number that was never taken; a power failure may have taken the file's last state back, so the caller makes sure.
  func takeNumber() throws(ContainrError) -> UInt64 {
    var number: UInt64 = 0
    let count = pread(file.rawValue, &number, 8, 0)
    guard count == 8 || count == 0 else { throw .errno(.current, .ioFailure, "reading the store's counter", call: "pread(2)") }
    number += 1
    guard pwrite(file.rawValue, &number, 8, 0) == 8 else {
      throw .errno(.current, .ioFailure, "writing the store's counter", call: "pwrite(2)")
    }
    return number
  }

  /// Said, and not left to the closing: a process that another thread starts has a copy of the descriptor until it executes.
  deinit { _ = cl_flock(file.rawValue, LOCK_UN) }

  consuming func unlock() {}
}
