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
  public init(layers: [FilePath], writableLayer: WritableLayer) {
    self.layers = layers
    self.writableLayer = writableLayer
  }

  /// Whether this kernel takes layers one by one through fsconfig(2) (`lowerdir+`, Linux 6.7).
  static let appendsLayers: Bool = {
    var name = utsname()
    guard uname(&name) == 0 else { return false }
    let release = withUnsafeBytes(of: name.release) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    let numbers = release.split { !$0.isNumber }.prefix(2).compactMap { Int($0) }
    return numbers.count == 2 && (numbers[0], numbers[1]) >= (6, 7)
  }()

  /// The longest value that fsconfig(2) takes.
  static let longestOption = 255

  /// Appends the operations that make the overlay, attached nowhere, in `root`.
  func append(to plan: inout LaunchPlan, root: LaunchSlot, userNamespace: Bool) throws(ContainrError) {
    guard !layers.isEmpty else {
      throw ContainrError(.invalidConfiguration, "stacking layers", hint: "an overlay needs at least one layer")
    }
    if layers.count == 1, writableLayer == .none {
      // overlayfs wants two directories at least; one that nobody may write to is the same file tree.
      plan.append(.bind(root, directory: .workingDirectory, path: layers[0].string, recursive: false))
      plan.append(.mountAttributes(root, set: .readOnly))
      return
    }
    var options: [MountOption] = []
    var legacy: [String] = []
    switch writableLayer {
    case .directories(let upper, let work, let durable):
      options.append(MountOption("upperdir", upper.string))
      options.append(MountOption("workdir", work.string))
      if !durable { options.append(MountOption("volatile")) }
    case .memory(let staging, let limit):
      let memory = plan.makeSlot()
      let size = limit.map { [MountOption("size", String($0.bytes))] } ?? []
      plan.append(.mount(memory, type: "tmpfs", source: "containr", options: [MountOption("mode", "0755")] + size))
      plan.append(.makeDirectory(root: memory, path: "/upper", mode: 0o755))
      plan.append(.makeDirectory(root: memory, path: "/work", mode: 0o755))
      plan.append(.attachOnHost(memory, path: staging.string))
      options.append(MountOption("upperdir", staging.appending("upper").string))
      options.append(MountOption("workdir", staging.appending("work").string))
      options.append(MountOption("volatile"))
    case .none: break
    }
    if userNamespace { options.append(MountOption("userxattr")) }

    let topFirst = layers.reversed().map(\.string)
    let isShort = topFirst.allSatisfy { $0.utf8.count <= Self.longestOption }
    if Self.appendsLayers, isShort, options.allSatisfy({ ($0.value?.utf8.count ?? 0) <= Self.longestOption }) {
      plan.append(
        .mount(root, type: "overlay", source: "overlay", options: topFirst.map { MountOption("lowerdir+", $0) } + options))
      return
    }
    // Older kernels: all layers in one text, by the old call, which takes a page of it.
    legacy.append("lowerdir=" + topFirst.map(Self.escaped).joined(separator: ":"))
    legacy += options.map { option in option.value.map { "\(option.key)=\(Self.escaped($0))" } ?? option.key }
    let data = legacy.joined(separator: ",")
    guard data.utf8.count < 4096 else {
      throw ContainrError(
        .kernelUnsupported, "stacking \(layers.count) layers",
        hint: "this kernel takes 4095 bytes of layer paths; Linux 6.7 has no such limit")
    }
    plan.append(.classicMount(source: "overlay", target: Self.classicTarget, type: "overlay", flags: 0, data: data))
    plan.append(
      .open(root, directory: .workingDirectory, path: Self.classicTarget, flags: CInt(CL_O_PATH) | O_DIRECTORY))
  }

  /// Where the old call puts the overlay: over a directory that every machine has, in the private mount namespace only.
  private static let classicTarget = "/proc"

  private static func escaped(_ path: String) -> String {
    var text = ""
    for character in path {
      if character == ":" || character == "," || character == "\\" { text.append("\\") }
      text.append(character)
    }
    return text
  }
}
