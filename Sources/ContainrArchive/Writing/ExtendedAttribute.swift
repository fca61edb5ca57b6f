import CContainrLinux
import ContainrCore
import Glibc
import SystemPackage

/// One extended attribute (xattr(7)).
package struct ExtendedAttribute: Equatable {
  var name: String
  var value: [UInt8]

  /// Whether it belongs to overlayfs and not to the file (overlayfs.rst).
  var isOverlays: Bool { name.hasPrefix("trusted.overlay.") || name.hasPrefix("user.overlay.") }

  /// Whether a layer carries it: not what belongs to overlayfs, to the machine's policy, or to the file system itself.
  var isPortable: Bool {
    if isOverlays || name == "security.selinux" || name == "security.evm" { return false }
    return ["user.", "trusted.", "security.", "system.posix_acl_"].contains { name.hasPrefix($0) }
  }

  /// The attributes of an open file, sorted by name.
  static func all(of file: CInt, _ activity: @autoclosure () -> String) throws(ContainrError) -> [ExtendedAttribute] {
    try read(activity(), list: { flistxattr(file, $0, $1) }, get: { fgetxattr(file, $0, $1, $2) })
  }

  /// The attributes of an entry of an open directory, which is not opened and not followed, sorted by name.
  static func all(
    of name: [CChar], in directory: CInt, _ activity: @autoclosure () -> String
  ) throws(ContainrError) -> [ExtendedAttribute] {
    // There is no call that takes a directory and a name before Linux 6.13.
    let path = "/proc/self/fd/\(directory)/".utf8.map { CChar(bitPattern: $0) } + name
    return try read(activity(), list: { llistxattr(path, $0, $1) }, get: { lgetxattr(path, $0, $1, $2) })
  }

  /// Gives an open file the attributes of another that travel with it.
  package static func copy(from source: CInt, to target: CInt, _ activity: String) throws(ContainrError) {
    for attribute in try all(of: source, activity) where attribute.isPortable {
      guard fsetxattr(target, attribute.name, attribute.value, attribute.value.count, 0) == 0 else {
        throw .errno(.current, .ioFailure, "\(activity): \(attribute.name)", call: "fsetxattr(2)")
      }
    }
  }

  private static func read(
    _ activity: @autoclosure () -> String, list: (UnsafeMutablePointer<CChar>?, Int) -> Int,
    get: (UnsafePointer<CChar>, UnsafeMutableRawPointer?, Int) -> Int
  ) throws(ContainrError) -> [ExtendedAttribute] {
    let length = list(nil, 0)
    if length == 0 { return [] }
    if length < 0 {
      // A file system without attributes has none to read.
      if Errno.current == .notSupported { return [] }
      throw .errno(.current, .ioFailure, activity(), call: "listxattr(2)")
    }
    var names = [CChar](repeating: 0, count: length + 256)
    let count = list(&names, names.count)
    guard count >= 0 else { throw .errno(.current, .ioFailure, activity(), call: "listxattr(2)") }
    var result: [ExtendedAttribute] = []
    for name in names[..<count].split(separator: 0) {
      let text = Array(name) + [0]
      var value = [UInt8](repeating: 0, count: 256)
      var size = get(text, &value, value.count)
      if size < 0, Errno.current == .outOfRange {
        // XATTR_SIZE_MAX
        value = [UInt8](repeating: 0, count: 65536)
        size = get(text, &value, value.count)
      }
      // Removed meanwhile.
      if size < 0, Errno.current == .noData { continue }
      guard size >= 0 else { throw .errno(.current, .ioFailure, activity(), call: "getxattr(2)") }
      result.append(
        ExtendedAttribute(
          name: String(decoding: name.map { UInt8(bitPattern: $0) }, as: UTF8.self), value: Array(value[..<size])))
    }
    return result.sorted { $0.name < $1.name }
  }
}
