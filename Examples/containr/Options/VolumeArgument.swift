import Containr
import ContainrCore
import Glibc

/// `source:path[:options]`, the value of `--volume`.
struct VolumeArgument {
  private let source: String
  private let destination: RootedPath
  private var isReadOnly = false

  init(_ text: String) throws {
    func invalid(_ hint: String) -> ContainrError { ContainrError(.invalidArgument, "reading --volume \(text)", hint: hint) }
    let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
    guard (2...3).contains(parts.count), !parts[0].isEmpty, parts[1].hasPrefix("/"), parts[1] != "/" else {
      throw invalid("source:path or source:path:ro, with an absolute path inside")
    }
    source = parts[0]
    destination = try RootedPath(parts[1])
    for option in parts.count == 3 ? parts[2].split(separator: ",") : [] {
      switch option {
      case "ro": isReadOnly = true
      case "rw": isReadOnly = false
      default: throw ContainrError(.unsupported, "reading --volume \(text)", hint: "the options are ro and rw, not \(option)")
      }
    }
  }

  /// The mount. A host directory, or a named volume, that is missing is made, as Docker does.
  func mount(volumes: FilePath) throws -> Mount {
    let path: FilePath
    if source.hasPrefix("/") || source.hasPrefix(".") {
      guard let absolute = Self.absolute(source) else {
        throw ContainrError(.invalidArgument, "reading the volume \(source)", hint: "the working directory is gone")
      }
      path = absolute
    } else {
      path = volumes.appending(try ContainerID(source).description).appending("data")
    }
    if access(path.string, F_OK) != 0 { try FileTree.makeDirectories(path, mode: 0o755) }
    return .bind(from: path, to: destination, readOnly: isReadOnly)
  }

  private static func absolute(_ path: String) -> FilePath? {
    if path.hasPrefix("/") { return FilePath(path) }
    guard let current = getcwd(nil, 0) else { return nil }
    defer { free(current) }
    return FilePath(String(cString: current)).pushing(FilePath(path)).lexicallyNormalized()
  }
}

/// `path[:options]`, the value of `--tmpfs`.
struct TmpfsArgument {
  let mount: Mount

  init(_ text: String) throws {
    let parts = text.split(separator: ":", maxSplits: 1).map(String.init)
    guard let path = parts.first, path.hasPrefix("/"), path != "/" else {
      throw ContainrError(.invalidArgument, "reading --tmpfs \(text)", hint: "an absolute path, then options such as :size=64m")
    }
    var mount = Mount.tmpfs(at: try RootedPath(path))
    var size: ByteCount?
    var mode: UInt32 = 0o1777
    for option in parts.count == 2 ? parts[1].split(separator: ",") : [] {
      switch option {
      case "ro": mount.attributes.insert(.readOnly)
      case "rw": mount.attributes.remove(.readOnly)
      case "exec": mount.attributes.remove(.noExec)
      case "noexec": mount.attributes.insert(.noExec)
      case "suid": mount.attributes.remove(.noSuid)
      case "nosuid": mount.attributes.insert(.noSuid)
      case "dev": mount.attributes.remove(.noDev)
      case "nodev": mount.attributes.insert(.noDev)
      case _ where option.hasPrefix("size="): size = try ByteCount(parsing: String(option.dropFirst(5)))
      case _ where option.hasPrefix("mode="):
        guard let value = UInt32(option.dropFirst(5), radix: 8), value <= 0o7777 else {
          throw ContainrError(.invalidArgument, "reading --tmpfs \(text)", hint: "mode is an octal number such as 1777")
        }
        mode = value
      default:
        throw ContainrError(.unsupported, "reading --tmpfs \(text)", hint: "there is no option \(option)")
      }
    }
    mount.kind = .tmpfs(size: size, mode: mode)
    self.mount = mount
  }
}
