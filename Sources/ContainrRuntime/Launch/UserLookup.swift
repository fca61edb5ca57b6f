import CContainrLinux
import ContainrCore
import ContainrRootFS
import ContainrSecurity
import Glibc
import SystemPackage

/// Finds a container's users and groups before its root is mounted.
enum UserLookup {
  /// Resolves a user in the files of a root.
  static func identity(
    of process: ProcessConfiguration, in source: RootFS.Source
  ) throws(ContainrError) -> UserIdentity {
    let database: UserDatabase
    switch source {
    case .directory(let path): database = try UserDatabase(in: RootDirectory(host: path))
    case .overlay(let overlay): database = try self.database(layers: overlay.layers)
    }
    return try database.identity(of: process.user ?? .root, additional: process.additionalGroups)
  }

  static func database(layers: [FilePath]) throws(ContainrError) -> UserDatabase {
    // One layer is the root as it will be.
    if layers.count == 1 { return try UserDatabase(in: RootDirectory(host: layers[0])) }
    return try UserDatabase(
      passwd: contents(of: "passwd", layers: layers), group: contents(of: "group", layers: layers))
  }

  /// What overlayfs will show at /etc/<name>: the topmost layer that has the file, unless a layer above hides it.
  private static func contents(of name: String, layers: [FilePath]) throws(ContainrError) -> [UInt8] {
    for layer in layers.reversed() {
      let directory = layer.appending("etc")
      switch try kind(directory.string) {
      case .missing: continue
      case .whiteout, .file: return []
      case .link: throw linked("/etc")
      case .directory: break
      }
      switch try kind(directory.appending(name).string) {
      case .missing:
        if cl_is_overlay_opaque(directory.string) != 0 { return [] }
      case .whiteout, .directory: return []
      case .link: throw linked("/etc/\(name)")
      case .file:
        return try FileContents.read(directory.appending(name), limit: UserDatabase.limits.file, code: .user)
      }
    }
    return []
  }

  private enum Kind { case missing, whiteout, link, directory, file }

  private static func kind(_ path: String) throws(ContainrError) -> Kind {
    var status = stat()
    guard lstat(path, &status) == 0 else {
      if Errno.current == .noSuchFileOrDirectory { return .missing }
      throw .errno(.current, .user, "reading \(path)", call: "lstat(2)")
    }
    switch status.st_mode & S_IFMT {
    case S_IFDIR: return .directory
    case S_IFLNK: return .link
    case S_IFREG: return .file
    case S_IFCHR where status.st_rdev == 0: return .whiteout
    default: throw ContainrError(.user, "reading \(path)", hint: "it is no ordinary file")
    }
  }

  private static func linked(_ path: String) -> ContainrError {
    ContainrError(
      .unsupported, "looking for users",
      hint: "\(path) of the image is a symbolic link, which a stack of layers does not resolve")
  }
}
