import CArchive
import ContainrCore
import Glibc

/// Writes a tar whose bytes depend on nothing but its entries: all belong to root, all times are 0.
package struct TarWriter: ~Copyable {
  /// What a name stands for.
  package enum Entry {
    case directory(mode: mode_t)
    case file([UInt8], mode: mode_t)
    case link(to: String)
  }

  private final class Output { var bytes: [UInt8] = [] }

  private let pointer: OpaquePointer
  private let output = Output()

  private init() throws(ContainrError) {
    guard let pointer = archive_write_new() else {
      throw ContainrError(.resourceExhausted, "making an archive writer")
    }
    self.pointer = pointer
  }

  deinit { archive_write_free(pointer) }

  /// The tar (ustar) of some entries, sorted by name.
  package static func write(_ entries: [String: Entry]) throws(ContainrError) -> [UInt8] {
    let writer = try TarWriter()
    try writer.open()
    for (name, entry) in entries.sorted(by: { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }) {
      try writer.add(name, entry)
    }
    try writer.check(archive_write_close(writer.pointer))
    return writer.output.bytes
  }

  private borrowing func open() throws(ContainrError) {
    try check(archive_write_set_format_ustar(pointer))
    try check(archive_write_add_filter_none(pointer))
    let context = Unmanaged.passUnretained(output).toOpaque()
    let status = archive_write_open(
      pointer, context, nil,
      { _, context, bytes, count in
        guard let context else { return -1 }
        let output = Unmanaged<Output>.fromOpaque(context).takeUnretainedValue()
        output.bytes.append(contentsOf: UnsafeRawBufferPointer(start: bytes, count: count))
        return count
      }, nil)
    try check(status)
  }

  private borrowing func add(_ name: String, _ entry: Entry) throws(ContainrError) {
    guard let header = archive_entry_new() else {
      throw ContainrError(.resourceExhausted, "making an archive entry")
    }
    defer { archive_entry_free(header) }
    archive_entry_set_pathname(header, name)
    archive_entry_set_mtime(header, 0, 0)
    var data: [UInt8] = []
    switch entry {
    case .directory(let mode):
      archive_entry_set_filetype(header, S_IFDIR as mode_t)
      archive_entry_set_perm(header, mode)
    case .file(let bytes, let mode):
      data = bytes
      archive_entry_set_filetype(header, S_IFREG as mode_t)
      archive_entry_set_perm(header, mode)
    case .link(let target):
      archive_entry_set_filetype(header, S_IFLNK as mode_t)
      archive_entry_set_perm(header, 0o777)
      archive_entry_set_symlink(header, target)
    }
    archive_entry_set_size(header, Int64(data.count))
    try check(archive_write_header(pointer, header))
    guard data.isEmpty || archive_write_data(pointer, data, data.count) == data.count else { throw failure() }
  }

  private borrowing func check(_ status: CInt) throws(ContainrError) {
    guard status == ARCHIVE_OK else { throw failure() }
  }

  private borrowing func failure() -> ContainrError {
    ContainrError(.ioFailure, "writing a tar", hint: archive_error_string(pointer).map { String(cString: $0) })
  }
}
