import CContainrLinux
import ContainrCore
import ContainrLaunch
import Glibc
import SystemPackage

/// A root file system mounted on the host, in the caller's mount namespace, for programs that work on one without a
/// container: a builder, a backup, a course.
///
/// ```
/// let root = MountedRootFS(.overlay(OverlayRoot(layers: [base, application], writableLayer: changes)), at: "/mnt/app")
/// try await root.setUp()
/// defer … // or withMountedRootFS(_:at:)
/// try await root.tearDown()
/// ```
///
/// Whether it is mounted is the kernel's answer, not a memory of this value: after a crash a new value of the same
/// configuration finds the mount, and takes it down. A container needs none of this: its root is mounted in a namespace of
/// its own by ``ContainrLaunch/LaunchPlan/append(rootFS:context:)``. The change of root is an operation of that plan too
/// (``ContainrLaunch/LaunchPlan/appendChangeOfRoot(_:slots:)``, whose failures are `ROOTFS_PIVOT`), because pivot_root(2)
/// changes the root of every process in the mount namespace, and a program with threads cannot be alone in one.
///
/// Needs CAP_SYS_ADMIN over the mount namespace; Linux 5.12.
public actor MountedRootFS {
  /// Where the root comes from.
  public nonisolated let source: RootFS.Source
  /// The directory that it is mounted on. A missing one is made, and stays.
  public nonisolated let mountPoint: FilePath
  /// Whether writes fail with `EROFS`.
  public nonisolated let isReadOnly: Bool
  private nonisolated let appendsLayers: Bool

  /// Describes a mount; nothing happens yet.
  ///
  /// - Parameters:
  ///   - source: a directory, which is bound with all that is mounted below it, or layers.
  ///   - mountPoint: an absolute path of the host.
  ///   - isReadOnly: whether writes fail with `EROFS`.
  public init(_ source: RootFS.Source, at mountPoint: FilePath, isReadOnly: Bool = false) {
    self.init(source, at: mountPoint, isReadOnly: isReadOnly, appendsLayers: OverlayRoot.kernelAppendsLayers)
  }

  package init(_ source: RootFS.Source, at mountPoint: FilePath, isReadOnly: Bool = false, appendsLayers: Bool) {
    self.source = source
    self.mountPoint = mountPoint
    self.isReadOnly = isReadOnly
    self.appendsLayers = appendsLayers
  }

  /// Mounts the root. One that is mounted already stays as it is.
  ///
  /// - Throws: `ROOTFS_NOT_FOUND` for a missing directory, `ROOTFS_MOUNT`, `INVALID_CONFIGURATION`, `PERMISSION_DENIED`.
  public func setUp() async throws {
    let operation = operation
    try await blocking("containr-mount") { try operation.setUp() }
  }

  /// Unmounts the root. One that is not mounted is success.
  ///
  /// A writable layer that is not durable can be mounted again afterwards.
  ///
  /// - Throws: `ROOTFS_UNMOUNT`, while a process has a file or its working directory in an overlay; `PERMISSION_DENIED`.
  public func tearDown() async throws {
    let operation = operation
    try await blocking("containr-unmount") { try operation.tearDown() }
  }

  /// Whether the kernel has this root at the mount point.
  public func isMounted() async throws -> Bool {
    let operation = operation
    return try await blocking("containr-mount") { try operation.isMounted() }
  }

  private nonisolated var operation: HostMount {
    HostMount(source: source, mountPoint: mountPoint, isReadOnly: isReadOnly, appendsLayers: appendsLayers)
  }
}

/// Mounts a root file system on the host as long as the closure runs. It is unmounted on return, throw and cancellation.
///
/// - Throws: what ``MountedRootFS`` throws, and what the closure throws.
public func withMountedRootFS<Result>(
  _ source: RootFS.Source, at mountPoint: FilePath, isReadOnly: Bool = false,
  isolation: isolated (any Actor)? = #isolation, _ body: (FilePath) async throws -> Result
) async throws -> Result {
  let root = MountedRootFS(source, at: mountPoint, isReadOnly: isReadOnly)
  try await root.setUp()
  let result: Swift.Result<Result, any Error>
  do { result = .success(try await body(mountPoint)) } catch { result = .failure(error) }
  do { try await root.tearDown() } catch {
    guard case .failure(let first) = result else { throw error }
    throw ContainrError(
      .rootfsUnmount, "unmounting \(mountPoint) after a failure", hint: "the first failure: \(first)", cause: error)
  }
  return try result.get()
}
