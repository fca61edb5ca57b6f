import ContainrCore
import ContainrLaunch
import SystemPackage

/// What overlayfs is told, in the form that the kernel at hand takes.
///
/// fsconfig(2) takes values of 255 bytes, mount(2) takes 4095 bytes in all. What is longer is named relative to the
/// directory that all of it has in common.
struct OverlayOptions {
  enum Form {
    /// For fsconfig(2), each layer an option of its own (Linux 6.7).
    case options([MountOption])
    /// For mount(2): all in one text, with escapes.
    case text(String)
  }

  let form: Form
  /// The working directory that the paths are relative to, where they are.
  let directory: String?

  /// The longest value that fsconfig(2) takes (`fs/fsopen.c`).
  private static let longestValue = 255
  /// The longest data of mount(2): a page with its NUL.
  private static let longestText = 4095

  /// - Throws: `INVALID_CONFIGURATION` without layers, `KERNEL_UNSUPPORTED` for more than the kernel takes.
  init(_ overlay: OverlayRoot, userNamespace: Bool, appendsLayers: Bool) throws(ContainrError) {
    guard !overlay.layers.isEmpty else {
      throw ContainrError(.invalidConfiguration, "stacking layers", hint: "an overlay needs at least one layer")
    }
    let layers = overlay.layers.reversed().map(\.string)
    let writable = overlay.directories.map { [$0.upper.string, $0.work.string] } ?? []
    var flags: [MountOption] = []
    if overlay.isVolatile { flags.append(MountOption("volatile")) }
    if let features = overlay.features { flags += features.options }
    if userNamespace, overlay.features?.contains(.userAttributes) != true { flags.append(MountOption("userxattr")) }

    if let form = Self.form(layers, writable, flags, appendsLayers: appendsLayers) {
      self.form = form
      directory = nil
      return
    }
    let common = Self.commonDirectory(layers + writable)
    let shorten = { (path: String) in String(path.dropFirst(common.count)) }
    guard common.count > 1,
      let form = Self.form(layers.map(shorten), writable.map(shorten), flags, appendsLayers: appendsLayers)
    else {
      throw ContainrError(
        .kernelUnsupported, "stacking \(layers.count) layers",
        hint: "this kernel takes \(Self.longestText) bytes of layer paths; Linux 6.7 takes layers one by one")
    }
    self.form = form
    directory = common
  }

  private static func form(
    _ layers: [String], _ writable: [String], _ flags: [MountOption], appendsLayers: Bool
  ) -> Form? {
    let places = zip(["upperdir", "workdir"], writable)
    if appendsLayers, (layers + writable).allSatisfy({ $0.utf8.count <= longestValue }) {
      var options = layers.map { MountOption("lowerdir+", $0) }
      // Overlayfs takes the path of a layer as it is, and looks for escapes in the other two.
      for (key, path) in places { options.append(MountOption(key, escaped(path, characters: "\\"))) }
      return .options(options + flags)
    }
    var parts = ["lowerdir=" + layers.map { escaped($0) }.joined(separator: ":")]
    for (key, path) in places { parts.append(key + "=" + escaped(path)) }
    let text = (parts + flags.map { flag in flag.key + (flag.value.map { "=" + $0 } ?? "") }).joined(separator: ",")
    return text.utf8.count <= longestText ? .text(text) : nil
  }

  /// The directory above all paths, with a slash at its end.
  private static func commonDirectory(_ paths: [String]) -> String {
    var common = paths[0][...]
    for path in paths { common = common.prefix(zip(common, path).prefix { $0 == $1 }.count) }
    // Not a whole path: what is left of each must not be empty.
    while let last = common.last, last != "/" || paths.contains(String(common)) { common.removeLast() }
    return String(common)
  }

  private static func escaped(_ path: String, characters: String = ":,\\") -> String {
    guard path.contains(where: characters.contains) else { return path }
    var text = ""
    for character in path {
      if characters.contains(character) { text.append("\\") }
      text.append(character)
    }
    return text
  }
}

extension OverlayRoot {
  /// The two directories of the writable layer, once they are there.
  var directories: (upper: FilePath, work: FilePath)? {
    switch writableLayer {
    case .directories(let upper, let work, _): (upper, work)
    case .memory(let staging, _): (staging.appending("upper"), staging.appending("work"))
    case .none: nil
    }
  }

  /// The one layer of a stack that is no stack: overlayfs refuses a single layer with nothing writable on top.
  var soleLayer: FilePath? { layers.count == 1 && writableLayer == .none ? layers[0] : nil }

  /// Whether nothing is ever synced to the writable layer (`volatile`, Linux 5.10).
  var isVolatile: Bool {
    switch writableLayer {
    case .directories(_, _, let durable): !durable
    case .memory: true
    case .none: false
    }
  }
}
