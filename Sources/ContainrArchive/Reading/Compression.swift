import CContainrLinux
import ContainrCore
import Glibc

/// How a file is compressed, by its first bytes.
package enum Compression {
  case none, gzip, zstd, other

  /// Looks at a file without moving its offset.
  package init(of file: borrowing OwnedDescriptor) throws(ContainrError) {
    var head = [UInt8](repeating: 0, count: 6)
    let count = pread(file.rawValue, &head, head.count, 0)
    guard count >= 0 else { throw .errno(.current, .ioFailure, "reading a layer", call: "pread(2)") }
    head.removeLast(head.count - count)
    if head.starts(with: [0x1F, 0x8B]) {
      self = .gzip
    } else if head.starts(with: [0x28, 0xB5, 0x2F, 0xFD]) {
      self = .zstd
    } else if head.starts(with: [0xFD, 0x37, 0x7A, 0x58, 0x5A, 0x00]) || head.starts(with: "BZh".utf8) {
      self = .other
    } else {
      self = .none
    }
  }
}
