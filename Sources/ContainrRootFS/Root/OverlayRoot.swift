import CContainrLinux
import ContainrCore
import ContainrLaunch
import Glibc
import SystemPackage

/// A root of stacked layers with a writable one on top (Documentation/filesystems/overlayfs.rst).
///
/// A file in a later layer hides the same path in an earlier one; every change lands in the writable layer.
public struct OverlayRoot: Hashable, Sendable {
  /// The read-only layers, base first.
  public var layers: [FilePath]
  /// Where changes go.
  public var writableLayer: WritableLayer
  /// What overlayfs may do in the writable layer, and finds in the others; nil leaves it to the machine's defaults.
  public var features: OverlayFeatures?

  /// Where the changes of a container go.
  public enum WritableLayer: Hashable, Sendable {
    /// Two directories of one file system, which must exist. `durable` syncs them when the overlay is unmounted; without it
    /// (`volatile`) nothing is ever synced, and the pair must not be mounted again after a crash.
    case directories(upper: FilePath, work: FilePath, durable: Bool)
    /// Memory, charged to the container, gone with it. `staging` is an existing directory that the new mount namespace may
    /// mount over; the host sees no mount. The limit is half of the machine's memory where there is none.
    case memory(staging: FilePath, limit: ByteCount?)
    /// Nowhere: writes fail with `EROFS`.
    case none
  }

  /// Stacks layers, base first.
  public init(layers: [FilePath], writableLayer: WritableLayer, features: OverlayFeatures? = nil) {
    self.layers = layers
    self.writableLayer = writableLayer
    self.features = features
  }

  /// Whether this kernel takes layers one by one through fsconfig(2) (`lowerdir+`, Linux 6.7).
  package static let kernelAppendsLayers: Bool = {
    var name = utsname()
    guard uname(&name) == 0 else { return false }
    let release = withUnsafeBytes(of: name.release) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    let numbers = release.split { !$0.isNumber }.prefix(2).compactMap { Int($0) }
    return numbers.count == 2 && (numbers[0], numbers[1]) >= (6, 7)
  }()

  /// Appends the operations that make the overlay, attached nowhere, in `root`.
  func append(to plan: inout LaunchPlan, root: LaunchSlot, context: RootFSContext) throws(ContainrError) {
    if let layer = soleLayer {
      plan.append(.bind(root, directory: .workingDirectory, path: layer.string, recursive: false))
      plan.append(.mountAttributes(root, set: .readOnly))
      return
    }
    if case .memory(let staging, let limit) = writableLayer {
      let memory = plan.makeSlot()
      let size = limit.map { [MountOption("size", String($0.bytes))] } ?? []
      plan.append(.mount(memory, type: "tmpfs", source: "containr", options: [MountOption("mode", "0755")] + size))
      plan.append(.makeDirectory(root: memory, path: "/upper", mode: 0o755))
      plan.append(.makeDirectory(root: memory, path: "/work", mode: 0o755))
      plan.append(.attachOnHost(memory, path: staging.string))
    }
    let options = try OverlayOptions(self, userNamespace: context.isInUserNamespace, appendsLayers: context.appendsLayers)
    if let directory = options.directory { plan.append(.workingDirectory(directory, anywhere: true)) }
    switch options.form {
    case .options(let options): plan.append(.mount(root, type: "overlay", source: "overlay", options: options))
    case .text(let data):
      plan.append(.classicMount(source: "overlay", target: Self.classicTarget, type: "overlay", flags: 0, data: data))
      plan.append(
        .open(root, directory: .workingDirectory, path: Self.classicTarget, flags: CInt(CL_O_PATH) | O_DIRECTORY))
    }
  }

  /// Where the old call puts the overlay: over a directory that every machine has, in the private mount namespace only. The
  /// next operation moves it from there over the root, so no later one misses what is below.
  static let classicTarget = "/proc"
}
