import ContainrCore
import ContainrLaunch
import SystemPackage

extension Mount {
  /// Reads a mount as an OCI document or an fstab(5) line has it (runtime-spec config.md, "Mounts"; mount(8)).
  ///
  /// Of options that contradict each other the last one wins. What is no flag of mount(8) goes to the file system as it is,
  /// `size=64k` or `hidepid=2`, and is the kernel's to refuse.
  ///
  /// - Parameters:
  ///   - ociType: the file system type; `bind` and, with the option `bind` or `rbind`, any other means a bind mount.
  ///   - source: for a bind, the absolute path; for a disk, its device.
  ///   - destination: where, inside the root.
  ///   - options: one option each, `ro` or `size=64k`; `defaults` is none.
  ///   - idMap: `uidMappings` and `gidMappings` of the mount. Without, `idmap` follows the container's user namespace.
  /// - Throws: `INVALID_ARGUMENT` for a malformed value, `INVALID_CONFIGURATION` for a bind without a source or a mount
  ///   without a type.
  public init(
    ociType: String?, source: String?, destination: String, options: [String], idMap: MountIDMap? = nil
  ) throws(ContainrError) {
    self.init(.remount, at: try RootedPath(destination))
    var reading = OptionReading()
    for option in options { try reading.read(option, into: &self) }
    if let recursive = reading.mapsRecursively ?? idMap.map({ _ in false }) {
      idMapping = idMap.map { .own($0, recursive: recursive) } ?? .container(recursive: recursive)
    }
    if reading.isRemount { return }
    if let recursive = reading.bindsRecursively ?? (ociType == "bind" ? false : nil) {
      guard let source, !source.isEmpty else {
        throw ContainrError(.invalidConfiguration, "binding to \(destination)", hint: "a bind mount has a source")
      }
      kind = .bind(source: FilePath(source), recursive: recursive)
      return
    }
    guard let ociType, !ociType.isEmpty, ociType != "none" else {
      throw ContainrError(
        .invalidConfiguration, "mounting at \(destination)", hint: "a mount has a type, or the option bind, rbind or remount")
    }
    // New mounts have nothing that could be taken away.
    cleared = []
    recursivelyCleared = []
    switch ociType {
    case "proc": kind = .proc
    case "sysfs": kind = .sysfs
    case "devpts": kind = .devpts
    case "mqueue": kind = .mqueue
    case "cgroup": kind = .cgroup
    case "tmpfs":
      kind = .tmpfs(size: try takeOption("size", Self.size), mode: try takeOption("mode", Self.mode))
    default: kind = .fileSystem(type: ociType, source: source)
    }
  }

  /// Takes a typed value out of the options; the last of several counts. A form that only the kernel knows stays there.
  private mutating func takeOption<Value>(
    _ key: String, _ parse: (String) throws(ContainrError) -> Value?
  ) throws(ContainrError) -> Value? {
    guard let last = options.last(where: { $0.key == key })?.value, let value = try parse(last) else { return nil }
    options.removeAll { $0.key == key }
    return value
  }

  private static func size(_ text: String) throws(ContainrError) -> ByteCount? {
    // "50%" of the memory is the kernel's to compute.
    text.hasSuffix("%") ? nil : try ByteCount(parsing: text)
  }

  private static func mode(_ text: String) throws(ContainrError) -> UInt32? {
    guard let mode = UInt32(text, radix: 8), mode <= 0o7777 else {
      throw ContainrError(.invalidArgument, "reading the mount option mode=\(text)", hint: "an octal number such as 1777")
    }
    return mode
  }
}

/// What a list of options says beside what goes into the mount itself.
private struct OptionReading {
  var bindsRecursively: Bool?
  var mapsRecursively: Bool?
  var isRemount = false

  mutating func read(_ option: String, into mount: inout Mount) throws(ContainrError) {
    if let change = Self.attributes[option] { return change.apply(&mount.attributes, &mount.cleared) }
    if option.hasPrefix("r"), let change = Self.attributes[String(option.dropFirst())] {
      return change.apply(&mount.recursiveAttributes, &mount.recursivelyCleared)
    }
    if let (propagation, recursive) = Self.propagations[option] {
      mount.propagation = propagation
      mount.isPropagationRecursive = recursive
      return
    }
    switch option {
    // The way things are without them; what the kernel logs is not this mount's to choose.
    case "", "defaults", "loud", "silent": return
    case "bind": bindsRecursively = false
    case "rbind": bindsRecursively = true
    case "remount": isRemount = true
    case "idmap": mapsRecursively = false
    case "ridmap": mapsRecursively = true
    case "tmpcopyup": mount.copiesUp = true
    default: try readData(option, into: &mount)
    }
  }

  private func readData(_ option: String, into mount: inout Mount) throws(ContainrError) {
    guard !option.utf8.contains(0) else {
      throw ContainrError(.invalidArgument, "reading a mount option", hint: "it holds a NUL byte")
    }
    let parts = option.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2 else {
      mount.options.removeAll { $0.key == option && $0.value == nil }
      return mount.options.append(MountOption(option))
    }
    guard !parts[0].isEmpty else {
      throw ContainrError(.invalidArgument, "reading the mount option \(option)", hint: "a name comes before the =")
    }
    if parts[0] == "context" {
      // A level has commas, so labels are quoted where commas separate options.
      let text =
        parts[1].count > 1 && parts[1].first == "\"" && parts[1].last == "\"" ? parts[1].dropFirst().dropLast() : parts[1]
      mount.label = try MountLabel(String(text))
    } else {
      mount.options.append(MountOption(String(parts[0]), String(parts[1])))
    }
  }

  /// A flag, and what it takes the place of.
  private struct Change {
    var set: MountAttributes = []
    var clear: MountAttributes = []

    func apply(_ attributes: inout MountAttributes, _ cleared: inout MountAttributes) {
      attributes.subtract(clear)
      cleared.subtract(set.isDisjoint(with: .accessTimeMode) ? set : .accessTimeMode)
      // The ways to keep access times exclude each other.
      if !set.isDisjoint(with: .accessTimeMode) { attributes.subtract(.accessTimeMode) }
      attributes.formUnion(set)
      cleared.formUnion(clear)
    }
  }

  private static let attributes: [String: Change] = [
    "ro": Change(set: .readOnly), "rw": Change(clear: .readOnly),
    "nosuid": Change(set: .noSuid), "suid": Change(clear: .noSuid),
    "nodev": Change(set: .noDev), "dev": Change(clear: .noDev),
    "noexec": Change(set: .noExec), "exec": Change(clear: .noExec),
    "nosymfollow": Change(set: .noSymbolicLinkFollow), "symfollow": Change(clear: .noSymbolicLinkFollow),
    "nodiratime": Change(set: .noDirectoryAccessTime), "diratime": Change(clear: .noDirectoryAccessTime),
    "noatime": Change(set: .noAccessTime), "strictatime": Change(set: .strictAccessTime),
    "relatime": Change(clear: .accessTimeMode), "atime": Change(clear: .accessTimeMode),
    "norelatime": Change(clear: .accessTimeMode), "nostrictatime": Change(clear: .accessTimeMode),
  ]

  private static let propagations: [String: (MountPropagation, Bool)] = [
    "private": (.private, false), "rprivate": (.private, true), "slave": (.slave, false), "rslave": (.slave, true),
    "shared": (.shared, false), "rshared": (.shared, true), "unbindable": (.unbindable, false),
    "runbindable": (.unbindable, true),
  ]
}

extension Mount {
  /// Every option of an OCI mount that is this library's to understand; others go to the file system as they are.
  public static var ociOptions: [String] { OptionReading.names }
}

extension OptionReading {
  static var names: [String] {
    let words = ["bind", "rbind", "remount", "idmap", "ridmap", "tmpcopyup", "defaults", "loud", "silent"]
    return (attributes.keys.flatMap { [$0, "r" + $0] } + propagations.keys + words).sorted()
  }
}
