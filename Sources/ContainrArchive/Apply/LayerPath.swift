import ContainrCore
import Glibc

/// The path of a layer's entry as components that can stand in a system call one by one.
///
/// It holds no `..`, no `.` and no empty component: what these would mean is decided here and nowhere else. Names are bytes,
/// because a container's files need not have UTF-8 names.
package struct LayerPath {
  /// What the name of a whiteout starts with (image-spec layer.md#whiteouts).
  static let whiteoutPrefix = ".wh.".utf8.map(CChar.init)

  /// The components, each with a NUL at its end; none is the layer's root.
  private(set) var components: [[CChar]] = []

  /// Splits a path as tar does: leading slashes are dropped.
  init(_ text: UnsafePointer<CChar>, depthLimit: Int, activity: String) throws(ContainrError) {
    let slash = CChar(bitPattern: UInt8(ascii: "/"))
    let dot = CChar(bitPattern: UInt8(ascii: "."))
    var start = text
    while true {
      var end = start
      while end.pointee != 0, end.pointee != slash { end += 1 }
      let length = end - start
      if length > 0, !(length == 1 && start[0] == dot) {
        guard !(length == 2 && start[0] == dot && start[1] == dot) else {
          throw ContainrError(.layerInvalid, activity, hint: "the path \(Self.printable(text)) has a \"..\" in it")
        }
        guard length <= 255, components.count < depthLimit else {
          throw length > 255
            ? ContainrError(.layerInvalid, activity, hint: "a name of \(length) bytes; 255 is the most")
            : UnpackLimits.exceeded("pathDepth", depthLimit, activity)
        }
        components.append(Array(UnsafeBufferPointer(start: start, count: length)) + [0])
      }
      if end.pointee == 0 { return }
      start = end + 1
    }
  }

  /// The path between slashes, with a NUL at its end, for one `openat2(2)`; `.` for the root.
  var joined: [CChar] { Self.join(components[...]) }

  static func join(_ components: ArraySlice<[CChar]>) -> [CChar] {
    guard !components.isEmpty else { return [CChar(bitPattern: UInt8(ascii: ".")), 0] }
    var result: [CChar] = []
    for component in components {
      if !result.isEmpty { result.append(CChar(bitPattern: UInt8(ascii: "/"))) }
      result.append(contentsOf: component.dropLast())
    }
    result.append(0)
    return result
  }

  /// The path for a person: control characters and invalid UTF-8 are replaced, so that a name cannot forge a log.
  package static func printable(_ text: UnsafePointer<CChar>) -> String {
    let cleaned = String(cString: text).unicodeScalars.prefix(200).map { scalar in
      scalar.value < 0x20 || (0x7F..<0xA0).contains(scalar.value) ? "?" : String(scalar)
    }
    return cleaned.joined()
  }

  var description: String { joined.withUnsafeBufferPointer { Self.printable($0.baseAddress!) } }
}
