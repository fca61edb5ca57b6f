import CContainrLinux
import Glibc
import Synchronization
import SystemPackage

/// Where a ``Preflight`` looks: kernel files below a directory, and calls of the kernel. Tests give a tree and answers of
/// their own.
package final class PreflightSource: Sendable {
  /// A question that only the kernel answers: 0 or more, or the negated errno.
  package enum Probe: Hashable, Sendable {
    case openat2, clone3, cloneIntoCgroup, closeRange, pidfd, pidfdInformation, fsopen, mountSetAttributes, landlock
    /// A new overlay context; -ENODEV where the kernel has no overlay.
    case overlay
    /// Whether a new overlay context takes an option of this name.
    case overlayOption(String)
    /// Whether it takes a layer by descriptor.
    case overlayDescriptor
  }

  /// The directory that stands for `/`.
  let root: FilePath
  let release: String
  let machine: String
  let userID: UInt32
  let probe: @Sendable (Probe) -> CInt
  let securityModuleIDs: @Sendable () -> [UInt64]
  /// Files that are there and could not be read, and why.
  private let unreadable = Mutex<[String]>([])

  package init(
    root: FilePath, release: String, machine: String, userID: UInt32, probe: @escaping @Sendable (Probe) -> CInt,
    securityModuleIDs: @escaping @Sendable () -> [UInt64] = { [] }
  ) {
    self.root = root
    self.release = release
    self.machine = machine
    self.userID = userID
    self.probe = probe
    self.securityModuleIDs = securityModuleIDs
  }

  /// The running machine.
  static func machineItself() -> PreflightSource {
    PreflightSource(
      root: "/", release: KernelVersion.release(), machine: KernelVersion.machine(), userID: geteuid(), probe: ask,
      securityModuleIDs: loadedSecurityModules)
  }

  /// A kernel file's text, nil where there is none; one that cannot be read is noted.
  func text(_ path: String) -> String? {
    do throws(ContainrError) { return try FileContents.textIfPresent(located(path)) } catch {
      unreadable.withLock { $0.append(error.summary) }
      return nil
    }
  }

  /// Whether a file is there, without following a link at its end.
  func exists(_ path: String) -> Bool {
    var status = stat()
    return lstat(located(path).string, &status) == 0
  }

  /// The file's mode and whether it has capabilities of its own; nil where there is none.
  func program(_ path: String) -> (isSetUserID: Bool, hasCapabilities: Bool)? {
    let path = located(path).string
    var status = stat()
    guard stat(path, &status) == 0 else { return nil }
    return (status.st_mode & S_ISUID != 0, getxattr(path, "security.capability", nil, 0) > 0)
  }

  func notes() -> [String] { unreadable.withLock { $0 } }

  private func located(_ path: String) -> FilePath { root == "/" ? FilePath(path) : FilePath(root.string + path) }

  private static func loadedSecurityModules() -> [UInt64] {
    var ids = [UInt64](repeating: 0, count: 32)
    let count = cl_lsm_list(&ids, 32)
    return count > 0 ? Array(ids.prefix(Int(count))) : []
  }

  /// Asks the running kernel. Nothing is made that outlives the call.
  private static func ask(_ probe: Probe) -> CInt {
    switch probe {
    case .openat2: closed(cl_openat2(AT_FDCWD, "/", UInt64(CL_O_PATH) | UInt64(O_CLOEXEC), 0, UInt64(RESOLVE_IN_ROOT)))
    case .clone3: cl_probe_clone3()
    case .cloneIntoCgroup: cl_probe_clone_into_cgroup()
    case .closeRange: cl_close_range(.max, .max, 0)
    case .pidfd: closed(cl_pidfd_open(getpid(), 0))
    case .pidfdInformation:
      withContext(cl_pidfd_open(getpid(), 0)) { descriptor in
        var status: CInt = 0
        return cl_pidfd_exit_status(descriptor, &status)
      }
    case .fsopen: cl_probe_fsopen()
    case .mountSetAttributes: cl_probe_mount_setattr()
    case .landlock: cl_landlock_abi()
    case .overlay: closed(cl_fsopen("overlay"))
    case .overlayOption(let name):
      withContext(cl_fsopen("overlay")) { context in
        name.hasSuffix("+") ? cl_fsconfig_set(context, name, "/") : cl_fsconfig_set(context, name, nil)
      }
    case .overlayDescriptor:
      withContext(cl_fsopen("overlay")) { context in
        withContext(cl_openat(AT_FDCWD, "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0)) {
          cl_fsconfig_fd(context, "lowerdir+", $0)
        }
      }
    }
  }

  private static func closed(_ result: CInt) -> CInt { withContext(result) { _ in 0 } }

  private static func withContext(_ result: CInt, _ body: (CInt) -> CInt) -> CInt {
    guard result >= 0 else { return result }
    defer { close(result) }
    return body(result)
  }
}
