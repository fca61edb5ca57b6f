import CArchive
import ContainrCore

/// A libarchive reader with one owner.
///
/// Formats and filters are registered one by one, never with `archive_read_support_format_all`: what is not named here is
/// neither reachable by a hostile archive nor part of a static executable.
package struct ArchiveHandle: ~Copyable {
  package let pointer: OpaquePointer

  package init() throws(ContainrError) {
    guard let pointer = archive_read_new() else {
      throw ContainrError(.resourceExhausted, "making an archive reader")
    }
    self.pointer = pointer
  }

  deinit { archive_read_free(pointer) }

  /// Registers the compressions that layers and archives come in.
  package func supportCompression() {
    archive_read_support_filter_gzip(pointer)
    archive_read_support_filter_zstd(pointer)
    archive_read_support_filter_bzip2(pointer)
    archive_read_support_filter_xz(pointer)
  }

  /// Throws unless `status` is `ARCHIVE_OK`. A warning is a fault too: it means that something of the entry was lost.
  package func check(_ status: CInt, _ activity: @autoclosure () -> String) throws(ContainrError) {
    guard status != ARCHIVE_OK else { return }
    throw failure(activity())
  }

  package func failure(_ activity: String) -> ContainrError {
    let text = archive_error_string(pointer).map { String(cString: $0) }
    return ContainrError(.layerInvalid, activity, hint: text ?? "the archive is malformed")
  }

  /// Throws where several compressions are nested: each would multiply what a few bytes become.
  package func checkSingleCompression(_ activity: @autoclosure () -> String) throws(ContainrError) {
    // The last filter is the file itself.
    guard archive_filter_count(pointer) <= 2 else {
      throw ContainrError(.layerInvalid, activity(), hint: "the content is compressed more than once")
    }
  }
}
